#include "tests/unit/check.h"

#include "notifier/retry.h"

enum { MOST = 300000, TRIES = 200 };

static void test_back_off(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        int64_t attempts, most, from, to;
    } rows[] = {
        {"first", 1, MOST, 1000, 2000},
        {"second", 2, MOST, 2000, 4000},
        {"fifth", 5, MOST, 16000, 32000},
        {"the longest", 9, MOST, 150000, 300000},
        {"for ever", INT64_MAX, MOST, 150000, 300000},
        {"none yet", 0, MOST, 1000, 2000},
        {"a shorter longest", 9, 3000, 1500, 3000},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (unsigned n = 0; n < TRIES; n++) {
            int64_t ms = retry_back_off(rows[i].attempts, rows[i].most);
            CHECK(rows[i].label, ms >= rows[i].from && ms <= rows[i].to);
        }
}

static void test_after_send(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        enum attempt_fate fate;
        enum trouble trouble;
        int64_t least, attempts, from, to;
    } rows[] = {
        {"its own", NOT_SENT_RETRY, TROUBLE_NONE, 0, 9, 150000, 300000},
        {"not reached", NOT_SENT_RETRY, TROUBLE_AWAY, 0, 9, 1500, 3000},
        {"too fast", NOT_SENT_RETRY, TROUBLE_LIMIT, 9000, 8, 0, 0},
        {"no balance", NOT_SENT_RETRY, TROUBLE_ACCOUNT, 30000, 8, 0, 0},
        {"in doubt", IN_DOUBT, TROUBLE_AWAY, -1, 9, 0, 0},
        {"in doubt, told when", IN_DOUBT, TROUBLE_AWAY, 2000, 9, 2000, 2000},
        {"told too much", IN_DOUBT, TROUBLE_AWAY, 3600000, 9, MOST, MOST},
    };
    struct begun begun = {.now_ms = 77, .attempts = 8};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (unsigned n = 0; n < TRIES; n++) {
            struct verdict v = {.fate = rows[i].fate,
                                .trouble = rows[i].trouble,
                                .least_ms = rows[i].least};
            struct parking p = retry_after_send(&begun, &v);
            CHECK(rows[i].label, p.attempts == rows[i].attempts);
            CHECK(rows[i].label,
                  p.doubt_ms == (rows[i].fate == IN_DOUBT ? 77 : 0));
            CHECK(rows[i].label,
                  p.again_ms >= rows[i].from && p.again_ms <= rows[i].to);
        }
}

static void test_after_look(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        enum look look;
        enum attempt_fate fate;
        int64_t before; /* absences */
        int64_t doubt, absences, from, to;
    } rows[] = {
        {"it has it", LOOK_FOUND, SENT, 1, 77, 1, 0, 0},
        {"absent once", LOOK_ABSENT, IN_DOUBT, 0, 77, 1, 5000, 5000},
        {"absent twice", LOOK_ABSENT, NOT_SENT_RETRY, 1, 0, 0, 0, 5000},
        {"it did not say", LOOK_FAILED, IN_DOUBT, 1, 77, 1, 5000, 10000},
        {"it said too much", LOOK_MORE, IN_DOUBT, 0, 77, 0, 5000, 10000},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (unsigned n = 0; n < TRIES; n++) {
            struct begun begun = {
                .attempts = 8, .doubt_ms = 77, .absences = rows[i].before};
            struct verdict v = {.fate = FINAL, .reason = "refused"};
            struct parking p = retry_after_look(&begun, rows[i].look, &v);
            CHECK(rows[i].label, v.fate == rows[i].fate);
            CHECK(rows[i].label, p.attempts == 8);
            CHECK(rows[i].label, p.doubt_ms == rows[i].doubt);
            CHECK(rows[i].label, p.absences == rows[i].absences);
            CHECK(rows[i].label,
                  p.again_ms >= rows[i].from && p.again_ms <= rows[i].to);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_after_send),
        cmocka_unit_test(test_after_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
