#include "tests/unit/check.h"

#include "gateway/access/address.h"
#include "gateway/access/form.h"
#include "gateway/access/identity.h"
#include "gateway/access/secrets.h"
#include "gateway/access/sight.h"
#include "gateway/access/signin.h"
#include "gateway/access/totp.h"

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

static struct secrets *open_secrets(void)
{
    write_file(token_file, "s3cret-token\n", 0600);
    write_file(password_file, "pass:word", 0600);
    struct secrets *secrets =
        secrets_new(token_file, password_file, why, sizeof(why));
    if (secrets == NULL)
        fail_msg("%s", why);
    return secrets;
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
        struct secrets *secrets =
            secrets_new(token_file, password_file, why, sizeof(why));
        CHECK(rows[i].label, (secrets != NULL) == rows[i].good);
        CHECK(rows[i].label, rows[i].good || strncmp(why, token_file,
                                                     strlen(token_file)) == 0);
        secrets_destroy(&secrets);
    }
    (void)unlink(password_file);
    write_file(token_file, "abc", 0600);
    assert_null(secrets_new(token_file, password_file, why, sizeof(why)));
    assert_null(secrets_new(token_file, folder, why, sizeof(why)));
}

static void secrets_are_told_apart(void **state)
{
    static const struct {
        const char *given;
        bool token, password;
    } rows[] = {
        {"s3cret-token", true, false},
        {"s3cret-tokem", false, false},
        {"s3cret", false, false},
        {"s3cret-token1", false, false},
        {"pass:word", false, true},
        {"pass", false, false},
        {"", false, false},
    };
    struct secrets *secrets = open_secrets();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str given = str_of(rows[i].given);
        CHECK(rows[i].given, secrets_is_token(secrets, given) == rows[i].token);
        CHECK(rows[i].given,
              secrets_is_password(secrets, given) == rows[i].password);
    }
    secrets_destroy(&secrets);
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
        CHECK(rows[i].label, form_is_foreign(&request) == rows[i].foreign);
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
    struct str token = form_token_new(vault, arena, STR("s1"), now);
    assert_true(form_token_holds(vault, arena, token, STR("s1"), now, &nonce));
    assert_int_equal(nonce.len, 22);
    assert_true(form_token_holds(vault, arena, token, STR("s1"),
                                 now + FORM_TOKEN_LIVES_S - 1, &nonce));
    assert_false(form_token_holds(vault, arena, token, STR("s1"),
                                  now + FORM_TOKEN_LIVES_S, &nonce));
    struct str second = form_token_new(vault, arena, STR("s1"), now);
    assert_true(form_token_holds(vault, arena, second, STR("s1"), now, &other));
    assert_false(str_eq(nonce, other));
    assert_false(form_token_holds(vault, arena, token, STR("s2"), now, &other));
    assert_false(form_token_holds(vault, arena, token, STR(""), now, &other));

    for (size_t i = 0; i < token.len; i++) {
        char *changed = arena_cstr(arena, token);
        changed[i] = changed[i] == '1' ? '2' : '1';
        assert_false(form_token_holds(vault, arena, str_of(changed), STR("s1"),
                                      now, &other));
        changed[i] = '\0';
        assert_false(form_token_holds(vault, arena, str_of(changed), STR("s1"),
                                      now, &other));
    }
    static const char *const odd[] = {
        "", ".", "..", "a.b.c", "a.9999999999.c", "....", "a.9999999999"};
    for (size_t i = 0; i < COUNT(odd); i++)
        CHECK(odd[i], !form_token_holds(vault, arena, str_of(odd[i]), STR("s1"),
                                        now, &other));
    vault_destroy(&vault);
    arena_destroy(&arena);
}

/* ---- identities ---- */

static void roles_and_scopes(void **state)
{
    static const struct {
        const char *word;
        bool is_role, is_scope, phones, rides, pool, reveal, admin;
    } rows[] = {
        {"viewer", true, false, false, false, false, false, false},
        {"operator", true, false, true, true, true, true, false},
        {"read", false, true, true, false, false, false, false},
        {"rides", false, true, true, true, false, false, false},
        {"pool", false, true, true, false, true, false, false},
        {"Admin", false, false, false, false, false, false, false},
        {"", false, false, false, false, false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned role = role_may(str_of(rows[i].word));
        unsigned scope = scope_may(str_of(rows[i].word)), may = role | scope;
        CHECK(rows[i].word, (role != 0) == rows[i].is_role);
        CHECK(rows[i].word, (scope != 0) == rows[i].is_scope);
        CHECK(rows[i].word, may == 0 || (may & MAY_READ) != 0);
        CHECK(rows[i].word, ((may & MAY_PHONES) != 0) == rows[i].phones);
        CHECK(rows[i].word, ((may & MAY_RIDES) != 0) == rows[i].rides);
        CHECK(rows[i].word, ((may & MAY_POOL) != 0) == rows[i].pool);
        CHECK(rows[i].word, ((may & MAY_REVEAL) != 0) == rows[i].reveal);
        CHECK(rows[i].word, ((may & MAY_ADMIN) != 0) == rows[i].admin);
    }
    assert_int_equal(role_may(STR("admin")), scope_may(STR("admin")));
    assert_int_equal(role_may(STR("admin")) & MAY_ADMIN, MAY_ADMIN);
}

static void names_of_accounts(void **state)
{
    static const struct {
        const char *typed, *name;
    } rows[] = {
        {"admin", "admin"},
        {"  Kim.de-Vries_2 ", "kim.de-vries_2"},
        {"kim@example.com", "kim@example.com"},
        {"", NULL},
        {"-kim", NULL},
        {"@", NULL},
        {"kim de vries", NULL},
        {"k\xc3\xadm", NULL},
        {"kim\n", "kim"},
        {"a/b", NULL},
        {"a:b", NULL},
        {"a{b}", NULL},
        {"kim4711", "kim4711"},
        {"31612345678", NULL},
        {"kim-1234567", NULL},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
         "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm",
         NULL},
    };
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str name = STR_NONE;
        bool good = account_name_parse(arena, str_of(rows[i].typed), &name);
        CHECK(rows[i].typed, good == (rows[i].name != NULL));
        CHECK(rows[i].typed, !good || str_is(name, rows[i].name));
    }
    arena_destroy(&arena);
}

/* ---- one-time codes: RFC 6238, appendix B, cut to six digits ---- */

static void codes_are_those_of_the_rfc(void **state)
{
    static const struct {
        int64_t at_s;
        const char *code;
    } rows[] = {
        {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
        {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
    };
    struct str secret = STR("12345678901234567890");
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t at = rows[i].at_s, step = at / TOTP_STEP_S;
        struct str code = str_of(rows[i].code);
        CHECK(rows[i].code, totp_step(secret, code, at, -1) == step);
        CHECK("a step late", totp_step(secret, code, at + 30, -1) == step);
        CHECK("a step early", totp_step(secret, code, at - 30, -1) == step);
        CHECK("two late", totp_step(secret, code, at + 60, -1) == -1);
        CHECK("two early",
              at < 60 || totp_step(secret, code, at - 60, -1) == -1);
        CHECK("used", totp_step(secret, code, at, step) == -1);
        CHECK("used since", totp_step(secret, code, at, step + 1) == -1);
        CHECK("another key",
              totp_step(STR("12345678901234567891"), code, at, -1) == -1);
    }
    static const char *const odd[] = {"",
                                      "28708",
                                      "2870822",
                                      "28708a",
                                      "+87082",
                                      "287 08",
                                      "\xd9\xa2\x38\x37\x30\x38\x32"};
    for (size_t i = 0; i < COUNT(odd); i++)
        CHECK(odd[i], totp_step(secret, str_of(odd[i]), 59, -1) == -1);
    CHECK("spaced", totp_step(secret, STR("287 082"), 59, -1) == 1);
    CHECK("no key", totp_step(STR_NONE, STR("287082"), 59, -1) == -1);
}

static void keys_are_written_for_people(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    CHECK("RFC 4648", str_is(totp_base32(arena, STR("foobar")), "MZXW6YTBOI"));
    CHECK("20 bytes", str_is(totp_base32(arena, STR("12345678901234567890")),
                             "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"));
    CHECK(
        "address",
        str_is(totp_uri(arena, STR("kim"), STR("foobar")),
               "otpauth://totp/BirdCar:kim?secret=MZXW6YTBOI&issuer=BirdCar"));
    assert_int_equal(totp_secret_new(arena).len, TOTP_SECRET_BYTES);
    assert_false(str_eq(totp_secret_new(arena), totp_secret_new(arena)));
    arena_destroy(&arena);
}

/* ---- addresses ---- */

static void addresses_behind_proxies(void **state)
{
    static const struct {
        const char *label, *peer, *trusted, *first, *second, *from;
    } rows[] = {
        {"no proxy", "192.0.2.9", "", "", "", "192.0.2.9"},
        {"a stranger says so", "192.0.2.9", "", "198.51.100.1", "",
         "192.0.2.9"},
        {"another stranger", "192.0.2.9", "127.0.0.1", "198.51.100.1", "",
         "192.0.2.9"},
        {"ours says so", "127.0.0.1", "127.0.0.1", "198.51.100.1", "",
         "198.51.100.1"},
        {"ours says nothing", "127.0.0.1", "127.0.0.1", "", "", "127.0.0.1"},
        {"what the stranger said stands in front", "127.0.0.1", "127.0.0.1",
         "6.6.6.6, 198.51.100.1", "", "198.51.100.1"},
        {"two of ours", "127.0.0.1", "127.0.0.1,10.0.0.0/8",
         "6.6.6.6, 198.51.100.1, 10.1.2.3", "", "198.51.100.1"},
        {"in two lines", "127.0.0.1", "127.0.0.1", "6.6.6.6", "198.51.100.1",
         "198.51.100.1"},
        {"all are ours", "127.0.0.1", "127.0.0.1,10.0.0.0/8", "10.9.9.9", "",
         "10.9.9.9"},
        {"no address", "127.0.0.1", "127.0.0.1", "198.51.100.1, unknown", "",
         "127.0.0.1"},
        {"behind it", "127.0.0.1", "127.0.0.1,10.0.0.0/8",
         "198.51.100.1, x, 10.1.1.1", "", "10.1.1.1"},
        {"IPv6", "2001:db8::1", "2001:db8::/64", "2001:db8:1::5", "",
         "2001:db8:1::5"},
        {"IPv4 in IPv6", "::ffff:127.0.0.1", "127.0.0.1", "198.51.100.1", "",
         "198.51.100.1"},
        {"just outside", "10.1.0.0", "10.0.0.0/16", "198.51.100.1", "",
         "10.1.0.0"},
        {"half a byte", "10.0.15.1", "10.0.0.0/20", "198.51.100.1", "",
         "198.51.100.1"},
        {"half a byte, outside", "10.0.16.1", "10.0.0.0/20", "198.51.100.1", "",
         "10.0.16.1"},
        {"everybody", "10.0.16.1", "0.0.0.0/0", "198.51.100.1", "",
         "198.51.100.1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct http_header headers[] = {
            {STR("x-forwarded-for"), str_of(rows[i].first)},
            {STR("Host"), STR("6.6.6.6")},
            {STR("X-Forwarded-For"), str_of(rows[i].second)}};
        const struct http_request request = {.peer = str_of(rows[i].peer),
                                             .headers = headers,
                                             .nheaders = COUNT(headers)};
        struct str from = address_of(&request, str_of(rows[i].trusted));
        CHECK(rows[i].label, str_is(from, rows[i].from));
    }
}

static void networks_of_addresses(void **state)
{
    static const struct {
        const char *address, *network;
    } rows[] = {
        {"192.0.2.9", "192.0.2.9"},
        {"::ffff:192.0.2.9", "192.0.2.9"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"2001:db8:1:2::", "2001:db8:1:2::/64"},
        {"", ""},
        {"odd", "odd"},
    };
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(rows[i].address,
              str_is(address_network(arena, str_of(rows[i].address)),
                     rows[i].network));
    arena_destroy(&arena);
}

static void lists_of_addresses(void **state)
{
    static const struct {
        const char *list, *fault;
    } rows[] = {
        {"", NULL},
        {"127.0.0.1", NULL},
        {" 127.0.0.1 , ::1, 10.0.0.0/8,", NULL},
        {"localhost", "localhost"},
        {"10.0.0.0/33", "10.0.0.0/33"},
        {"::1/129", "::1/129"},
        {"10.0.0.0/x", "10.0.0.0/x"},
        {"10.0.0.0/-1", "10.0.0.0/-1"},
        {"10.0.0", "10.0.0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str fault = STR_NONE;
        bool good = address_list_holds(str_of(rows[i].list), &fault);
        CHECK(rows[i].list, good == (rows[i].fault == NULL));
        CHECK(rows[i].list, good || str_is(fault, rows[i].fault));
    }
}

/* ---- least sight, and where a sign-in leads ---- */

static void phones_are_hidden(void **state)
{
    static const struct {
        const char *text;
        bool hidden;
    } rows[] = {
        {"+31612345678", true},
        {"31612345678", true},
        {"+31 6 \xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2 "
         "\xe2\x80\xa2\xe2\x80\xa2"
         "78",
         true},
        {"+44 7700 900150", true},
        {"2026-11-28T10:00:00Z", false},
        {"17-abcdefghijklmnopqrstuv", false},
        {"Dam 1", false},
        {"1234", false},
        {"live", false},
        {"", false},
        {"+", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        cJSON *root = cJSON_CreateObject();
        cJSON *list = cJSON_AddArrayToObject(root, "items");
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(list, item);
        cJSON_AddStringToObject(item, "x", rows[i].text);
        cJSON_AddNumberToObject(item, "id", 31612345678.0);
        sight_hide_phones(root);
        const char *now =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "x"));
        CHECK(rows[i].text, (strcmp(now, "hidden") == 0) == rows[i].hidden);
        CHECK(rows[i].text, rows[i].hidden || strcmp(now, rows[i].text) == 0);
        cJSON_Delete(root);
    }
}

static void a_sign_in_leads_to_our_pages(void **state)
{
    static const struct {
        const char *given, *next;
    } rows[] = {
        {"/", "/"},
        {"/rides/17-x?done=a", "/rides/17-x?done=a"},
        {"", "/"},
        {"https://evil.example", "/"},
        {"//evil.example", "/"},
        {"/\\evil.example", "/"},
        {"/a\r\nSet-Cookie: x", "/"},
        {"/a b", "/"},
        {"javascript:alert(1)", "/"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(rows[i].given,
              str_is(signin_next(str_of(rows[i].given)), rows[i].next));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_checked_at_start),
        cmocka_unit_test(secrets_are_told_apart),
        cmocka_unit_test(other_sites_are_known),
        cmocka_unit_test(form_tokens_hold),
        cmocka_unit_test(roles_and_scopes),
        cmocka_unit_test(names_of_accounts),
        cmocka_unit_test(codes_are_those_of_the_rfc),
        cmocka_unit_test(keys_are_written_for_people),
        cmocka_unit_test(addresses_behind_proxies),
        cmocka_unit_test(networks_of_addresses),
        cmocka_unit_test(lists_of_addresses),
        cmocka_unit_test(phones_are_hidden),
        cmocka_unit_test(a_sign_in_leads_to_our_pages),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
