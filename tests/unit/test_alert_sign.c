#include "tests/unit/check.h"

#include "notifier/alert_sign.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES SOURCE_DIR "/../shared/vectors/standard-webhooks/cases.json"

/* 24 and 64 bytes, and what is just too short or too long. */
#define B23 "AAECAwQFBgcICQoLDA0ODxAREhMUFRY="
#define B24 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
#define B64                                                                    \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1" \
    "Njc4OTo7PD0+Pw=="
#define B65                                                                    \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1" \
    "Njc4OTo7PD0+P0A="

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *label, *secret;
        size_t len; /* 0: refused */
    } rows[] = {
        {"with its prefix", "whsec_" B24, 24},
        {"alone", B24, 24},
        {"a file's line", "whsec_" B24 "\n", 24},
        {"the longest", "whsec_" B64, 64},
        {"too short", "whsec_" B23, 0},
        {"too long", "whsec_" B65, 0},
        {"no base64", "whsec_secret, very secret, and long enough", 0},
        {"base64url", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFR-_", 0},
        {"words behind", "whsec_" B24 " x", 0},
        {"cut", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA", 0},
        {"the prefix alone", "whsec_", 0},
        {"nothing", "", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct alert_key key;
        bool read = alert_key_read(str_of(rows[i].secret), &key);
        CHECK(rows[i].label, read == (rows[i].len > 0));
        CHECK(rows[i].label, !read || key.len == rows[i].len);
        CHECK(rows[i].label, !read || key.bytes[23] == 23);
    }
}

/* What anybody's verifier was told to take. */
static void test_known_signature(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct alert_key key;
    assert_true(
        alert_key_read(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key));
    struct str got =
        alert_sign(arena, &key, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                   STR("1614265330"), STR("{\"test\": 2432232314}"));
    assert_true(str_is(got, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    arena_destroy(&arena);
}

/* ---- the cases of the specification's own libraries ---- */

static const char *text_of(const cJSON *c, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, name));
}

static bool holds_word(const char *words, struct str word)
{
    struct str rest = str_of(words);
    while (rest.len > 0)
        if (str_eq(str_cut(&rest, ' '), word))
            return true;
    return false;
}

/* Ours is one of a valid case's signatures. Of the invalid ones those are of
 * use to us whose signature is of other bytes. */
static bool try_case(struct arena *arena, const cJSON *c)
{
    const char *id = text_of(c, "id"), *time = text_of(c, "timestamp"),
               *signature = text_of(c, "signature"), *name = text_of(c, "name");
    struct alert_key key;
    if (id == NULL || time == NULL || signature == NULL)
        return false;
    CHECK(name, alert_key_read(str_of(text_of(c, "secret")), &key));
    struct str got = alert_sign(arena, &key, str_of(id), str_of(time),
                                str_of(text_of(c, "payload")));
    bool valid = strcmp(text_of(c, "expect"), "valid") == 0;
    bool is_ours = holds_word(signature, got);
    bool of_time = strstr(name, "301 s") != NULL;
    CHECK(name, is_ours == (valid || of_time));
    return true;
}

static void test_cases(void **state)
{
    (void)state;
    char bytes[65536];
    FILE *in = fopen(CASES, "re");
    if (in == NULL) {
        print_message("no %s: skipped\n", CASES);
        skip();
    }
    size_t len = fread(bytes, 1, sizeof(bytes), in);
    (void)fclose(in);
    cJSON *json = cJSON_ParseWithLength(bytes, len);
    const cJSON *cases = cJSON_GetObjectItemCaseSensitive(json, "cases");
    struct arena *arena = arena_new();
    const cJSON *c = NULL;
    unsigned tried = 0;
    cJSON_ArrayForEach(c, cases)
    {
        tried += try_case(arena, c);
    }
    assert_true(tried >= 15);
    arena_destroy(&arena);
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_known_signature),
        cmocka_unit_test(test_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
