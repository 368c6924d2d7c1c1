#include "tests/unit/check.h"

#include "gateway/access.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char folder[] = "/tmp/birdcar-access-XXXXXX";
static char token_file[64], password_file[64], keys_file[64];
static char why[256];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(token_file, sizeof(token_file), "%s/token", folder);
    (void)snprintf(password_file, sizeof(password_file), "%s/pass", folder);
    (void)snprintf(keys_file, sizeof(keys_file), "%s/keys", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(token_file);
    (void)unlink(password_file);
    (void)unlink(keys_file);
    return rmdir(folder);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static struct access *open_access(void)
{
    write_file(token_file, "s3cret-token\n", 0600);
    write_file(password_file, "pass:word", 0600);
    struct access *access =
        access_new(token_file, password_file, why, sizeof(why));
    if (access == NULL)
        fail_msg("%s", why);
    return access;
}

static void secrets_are_checked_at_start(void **state)
{
    static char long_line[400];
    const struct {
        const char *label, *text;
        mode_t mode;
        bool good;
    } rows[] = {
        {"a line", "abc\n", 0600, true},
        {"no line end", "abc", 0600, true},
        {"CR LF", "abc\r\n", 0400, true},
        {"empty", "", 0600, false},
        {"a line end alone", "\n", 0600, false},
        {"two lines", "abc\ndef\n", 0600, false},
        {"a group may read it", "abc\n", 0640, false},
        {"all may read it", "abc\n", 0604, false},
        {"too long", long_line, 0600, false},
    };
    (void)state;
    memset(long_line, 'x', sizeof(long_line) - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_file(token_file, rows[i].text, rows[i].mode);
        write_file(password_file, "password", 0600);
        struct access *access =
            access_new(token_file, password_file, why, sizeof(why));
        CHECK(rows[i].label, (access != NULL) == rows[i].good);
        CHECK(rows[i].label, rows[i].good || strncmp(why, token_file,
                                                     strlen(token_file)) == 0);
        access_destroy(&access);
    }
    (void)unlink(password_file);
    write_file(token_file, "abc", 0600);
    assert_null(access_new(token_file, password_file, why, sizeof(why)));
    assert_null(access_new(token_file, folder, why, sizeof(why)));
}

static void who_is_known_by_the_header(void **state)
{
    static const struct {
        const char *label, *header;
        enum identity who;
    } rows[] = {
        {"none", "", IDENTITY_NONE},
        {"token", "Bearer s3cret-token", IDENTITY_BEARER},
        {"scheme in capitals", "BEARER  s3cret-token ", IDENTITY_BEARER},
        {"wrong token", "Bearer s3cret-tokem", IDENTITY_NONE},
        {"the token's beginning", "Bearer s3cret", IDENTITY_NONE},
        {"longer", "Bearer s3cret-token1", IDENTITY_NONE},
        {"the password as a token", "Bearer pass:word", IDENTITY_NONE},
        {"scheme alone", "Bearer", IDENTITY_NONE},
        {"scheme and a space", "Bearer ", IDENTITY_NONE},
        {"admin:pass:word", "Basic YWRtaW46cGFzczp3b3Jk", IDENTITY_PASSWORD},
        {"basic in small letters", "basic YWRtaW46cGFzczp3b3Jk",
         IDENTITY_PASSWORD},
        {"admin:pass", "Basic YWRtaW46cGFzcw==", IDENTITY_NONE},
        {"root:pass:word", "Basic cm9vdDpwYXNzOndvcmQ=", IDENTITY_NONE},
        {"admin:", "Basic YWRtaW46", IDENTITY_NONE},
        {"no colon", "Basic YWRtaW4=", IDENTITY_NONE},
        {"no base64", "Basic %%%", IDENTITY_NONE},
        {"another scheme", "Digest s3cret-token", IDENTITY_NONE},
    };
    struct access *access = open_access();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct http_header header = {STR("authorization"),
                                           str_of(rows[i].header)};
        const struct http_request request = {.headers = &header, .nheaders = 1};
        CHECK(rows[i].label, access_check(access, &request) == rows[i].who);
    }
    access_destroy(&access);
}

static void other_sites_are_known(void **state)
{
    static const struct {
        const char *label, *site, *origin;
        bool foreign;
    } rows[] = {
        {"no browser", "", "", false},
        {"our page", "same-origin", "http://car.example:4567", false},
        {"typed by hand", "none", "", false},
        {"another site", "cross-site", "", true},
        {"another port", "same-site", "http://car.example:8080", true},
        {"an older browser, ours", "", "http://car.example:4567", false},
        {"an older browser, in capitals", "", "http://CAR.example:4567", false},
        {"an older browser, another port", "", "http://car.example:1", true},
        {"an older browser, another site", "", "https://evil.example", true},
        {"hidden origin", "", "null", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct http_header headers[] = {
            {STR("Host"), STR("car.example:4567")},
            {STR("Sec-Fetch-Site"), str_of(rows[i].site)},
            {STR("Origin"), str_of(rows[i].origin)}};
        const struct http_request request = {.headers = headers,
                                             .nheaders = COUNT(headers)};
        CHECK(rows[i].label, access_is_foreign(&request) == rows[i].foreign);
    }
}

static void form_tokens_hold(void **state)
{
    const int64_t now = 1800000000;
    struct arena *arena = arena_new();
    struct str nonce = STR_NONE, other = STR_NONE;
    (void)state;
    write_file(keys_file, "lookup " HEX32 "\nseal 1 " HEX32 "\nmac " HEX32 "\n",
               0600);
    struct vault *vault = vault_new(keys_file, why, sizeof(why));
    assert_non_null(vault);
    struct str token = form_token_new(vault, arena, now);
    assert_true(form_token_holds(vault, token, now, &nonce));
    assert_int_equal(nonce.len, 22);
    assert_true(
        form_token_holds(vault, token, now + FORM_TOKEN_LIVES_S - 1, &nonce));
    assert_false(
        form_token_holds(vault, token, now + FORM_TOKEN_LIVES_S, &nonce));
    struct str second = form_token_new(vault, arena, now);
    assert_true(form_token_holds(vault, second, now, &other));
    assert_false(str_eq(nonce, other));

    for (size_t i = 0; i < token.len; i++) {
        char *changed = arena_cstr(arena, token);
        changed[i] = changed[i] == '1' ? '2' : '1';
        assert_false(form_token_holds(vault, str_of(changed), now, &other));
        changed[i] = '\0';
        assert_false(form_token_holds(vault, str_of(changed), now, &other));
    }
    static const char *const odd[] = {
        "", ".", "..", "a.b.c", "a.9999999999.c", "....", "a.9999999999"};
    for (size_t i = 0; i < COUNT(odd); i++)
        CHECK(odd[i], !form_token_holds(vault, str_of(odd[i]), now, &other));
    vault_destroy(&vault);
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_checked_at_start),
        cmocka_unit_test(who_is_known_by_the_header),
        cmocka_unit_test(other_sites_are_known),
        cmocka_unit_test(form_tokens_hold),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
