/* What we hand out and get back, altered a million times: nothing of it is
 * taken. Always the same choices; webhooks' signatures have a test of their
 * own. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/access/form.h"
#include "gateway/access/gate.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

enum { FORGERIES = 250000 /* of each of the four */, NOW = 1800000000 };

static struct service service;
static struct arena *lasting;

static int open_vault(void **state)
{
    static const char keys[] =
        "lookup " HEX32 "\nseal 1 " HEX32 "\nmac " HEX32 "\n";
    char path[] = "/tmp/birdcar-forged-XXXXXX", why[256];
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, keys, sizeof(keys) - 1) != sizeof(keys) - 1)
        return -1;
    (void)close(fd);
    service.vault = vault_new(path, why, sizeof(why));
    lasting = arena_new();
    return unlink(path) != 0 || service.vault == NULL;
}

static int close_vault(void **state)
{
    (void)state;
    vault_destroy(&service.vault);
    arena_destroy(&lasting);
    return 0;
}

static uint32_t seed = 1;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

static char any_char(void)
{
    static const char some[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                               "uvwxyz0123456789-_.=+/ %{}:*\x01\t\n\x7f\xff";
    return some[dice(sizeof(some) - 1)];
}

/* One to three changes: another character, one less, one more, two swapped, an
 * end cut off or put twice. */
static struct str altered(struct arena *arena, struct str text)
{
    char *z = arena_alloc(arena, 2 * text.len + 4);
    size_t len = text.len;
    memcpy(z, text.ptr, len);
    for (uint32_t changes = 1 + dice(3); changes > 0; changes--) {
        size_t at = dice((uint32_t)len), other = dice((uint32_t)len);
        char c = z[at];
        switch (dice(6)) {
        case 0:
        case 1:
            z[at] = any_char();
            break;
        case 2:
            memmove(z + at, z + at + 1, --len - at);
            break;
        case 3:
            memmove(z + at + 1, z + at, len++ - at);
            z[at] = any_char();
            break;
        case 4:
            z[at] = z[other];
            z[other] = c;
            break;
        default:
            len = 1 + dice((uint32_t)len);
        }
        if (len < 2)
            break;
    }
    return (struct str){z, len};
}

/* `holds` of the genuine one; then of none that differs from it. */
static void forge(const char *what, struct str genuine,
                  bool (*holds)(struct arena *arena, struct str text))
{
    unsigned differ = 0;
    CHECK(what, holds(lasting, genuine));
    for (int i = 0; i < FORGERIES; i++) {
        struct arena *arena = arena_new();
        struct str text = altered(arena, genuine);
        bool same = str_eq(text, genuine);
        differ += !same;
        if (!same && holds(arena, text))
            fail_msg("%s taken: %.*s", what, STR_ARG(text));
        arena_destroy(&arena);
    }
    assert_true(differ > FORGERIES / 10 * 9);
}

/* ---- tokens of the API, as the gate cuts them and the store compares them */

static struct str token_id, token_hash;

static bool token_holds(struct arena *arena, struct str text)
{
    struct str id, secret;
    return gate_token_split(text, &id, &secret) && str_eq(id, token_id) &&
           str_eq(gate_token_hash(&service, arena, id, secret), token_hash);
}

static void tokens(void **state)
{
    (void)state;
    token_id = vault_random(lasting, 8);
    struct str secret = vault_random(lasting, 24);
    token_hash = gate_token_hash(&service, lasting, token_id, secret);
    forge("token", gate_token_text(lasting, token_id, secret), token_holds);
}

/* ---- a session's cookie, by what the store knows it by */

static struct str session;

static bool cookie_holds(struct arena *arena, struct str text)
{
    const struct http_header header = {
        STR("Cookie"),
        arena_printf(arena, "a=b; birdcar=%.*s; c=d", STR_ARG(text))};
    const struct http_request request = {.headers = &header, .nheaders = 1};
    struct str found = gate_cookie(&request, "birdcar");
    return str_eq(gate_session_key(&service, arena, found), session) &&
           str_eq(found, text);
}

static void cookies(void **state)
{
    (void)state;
    struct str cookie = vault_random(lasting, 16);
    session = gate_session_key(&service, lasting, cookie);
    forge("cookie", cookie, cookie_holds);
}

/* ---- forms and reports */

static bool form_holds(struct arena *arena, struct str text)
{
    struct str nonce;
    return form_token_holds(service.vault, arena, text, STR("session"), NOW,
                            &nonce);
}

static void forms(void **state)
{
    (void)state;
    forge("form", form_token_new(service.vault, lasting, STR("session"), NOW),
          form_holds);
}

static bool report_holds(struct arena *arena, struct str text)
{
    (void)arena;
    return vault_mac_holds(service.vault, "report", STR("17-x"), text);
}

static void reports(void **state)
{
    (void)state;
    forge("report", vault_mac(service.vault, lasting, "report", STR("17-x")),
          report_holds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens), cmocka_unit_test(cookies),
        cmocka_unit_test(forms), cmocka_unit_test(reports)};
    return cmocka_run_group_tests(tests, open_vault, close_vault);
}
