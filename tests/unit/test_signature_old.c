#include "tests/unit/check.h"

#include "gateway/signature_old.h"

#include <sodium.h>

/* MessageBird's worked example. */
#define SIGNED "Tfn+nRUBsn6lQgf6IpxBMS1j9lm7XsGjt5xh47M3jCk="
#define WHEN "1544544948"
enum { WHEN_S = 1544544948 };

static const struct {
    const char *label, *signature, *timestamp, *key, *query, *body;
    int64_t later_s;
    enum signature_fault fault;
} rows[] = {
    {"the worked example", SIGNED, WHEN, "secret", "abc=foo&def=bar", "", 0,
     SIGNATURE_OK},
    {"in another order", SIGNED, WHEN, "secret", "def=bar&abc=foo", "", 0,
     SIGNATURE_OK},
    {"written otherwise", SIGNED, WHEN, "secret", "%61bc=f%6fo&def=bar", "", 0,
     SIGNATURE_OK},
    {"at the end of its window", SIGNED, WHEN, "secret", "abc=foo&def=bar", "",
     SIGNATURE_OLD_WINDOW_S, SIGNATURE_OK},
    {"too late", SIGNED, WHEN, "secret", "abc=foo&def=bar", "",
     SIGNATURE_OLD_WINDOW_S + 1, SIGNATURE_EXPIRED},
    {"too early", SIGNED, WHEN, "secret", "abc=foo&def=bar", "",
     -SIGNATURE_OLD_WINDOW_S - 1, SIGNATURE_EARLY},
    {"another key", SIGNED, WHEN, "secre", "abc=foo&def=bar", "", 0,
     SIGNATURE_MISMATCH},
    {"no key", SIGNED, WHEN, "", "abc=foo&def=bar", "", 0, SIGNATURE_MISMATCH},
    {"another query", SIGNED, WHEN, "secret", "abc=foo&def=baz", "", 0,
     SIGNATURE_MISMATCH},
    {"one name more", SIGNED, WHEN, "secret", "abc=foo&def=bar&g=", "", 0,
     SIGNATURE_MISMATCH},
    {"a body", SIGNED, WHEN, "secret", "abc=foo&def=bar", "x", 0,
     SIGNATURE_MISMATCH},
    {"another time", SIGNED, "1544544949", "secret", "abc=foo&def=bar", "", 0,
     SIGNATURE_MISMATCH},
    {"no signature", "", WHEN, "secret", "abc=foo&def=bar", "", 0,
     SIGNATURE_MISMATCH},
    {"a shorter one", "Tfn+nRUBsn6lQgf6IpxBMQ==", WHEN, "secret",
     "abc=foo&def=bar", "", 0, SIGNATURE_MISMATCH},
    {"a longer one", SIGNED "AAAA", WHEN, "secret", "abc=foo&def=bar", "", 0,
     SIGNATURE_MISMATCH},
    {"no base64", "?", WHEN, "secret", "abc=foo&def=bar", "", 0,
     SIGNATURE_MISMATCH},
    {"no time", SIGNED, "", "secret", "abc=foo&def=bar", "", 0,
     SIGNATURE_MALFORMED},
    {"a time with a blank", SIGNED, WHEN " ", "secret", "abc=foo&def=bar", "",
     0, SIGNATURE_MALFORMED},
    {"a time before time", SIGNED, "-1", "secret", "abc=foo&def=bar", "", 0,
     SIGNATURE_MALFORMED},
    {"a time past all time", SIGNED, "9223372036854775807", "secret",
     "abc=foo&def=bar", "", 0, SIGNATURE_MALFORMED},
    {"a broken query", SIGNED, WHEN, "secret", "abc=%", "", 0,
     SIGNATURE_MALFORMED},
    /* By another program, with a blank, an accent and a name twice. */
    {"a form's query and a body",
     "0A1ojZnlifJJ0nEaxKvvQ3vKaka0aIe1bXsjB7dWqdg=", WHEN, "secret",
     "b=2&a=x%20y&a=%C3%A9~", "hello", 0, SIGNATURE_OK},
};

static void refuses(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena *arena = arena_new();
        CHECK(rows[i].label,
              signature_old_check(
                  arena, str_of(rows[i].signature), str_of(rows[i].timestamp),
                  str_of(rows[i].key), str_of(rows[i].query),
                  str_of(rows[i].body),
                  (WHEN_S + rows[i].later_s) * 1000) == rows[i].fault);
        arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
