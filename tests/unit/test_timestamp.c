#include "tests/unit/check.h"

#include "shared/timestamp.h"

#include <time.h>

static void reads(void **state)
{
    static const struct {
        const char *label, *text;
        int64_t ms;
    } rows[] = {
        {"the epoch", "1970-01-01T00:00:00Z", 0},
        {"the provider's", "2018-09-24T08:30:59+00:00", 1537777859000},
        {"Z", "2018-09-24T08:30:59Z", 1537777859000},
        {"small letters", "2018-09-24t08:30:59z", 1537777859000},
        {"a blank for T", "2018-09-24 08:30:59Z", 1537777859000},
        {"a decoded plus", "2018-09-24T08:30:59 00:00", 1537777859000},
        {"east", "2018-09-24T11:00:59+02:30", 1537777859000},
        {"east, a decoded plus", "2018-09-24T11:00:59 02:30", 1537777859000},
        {"west", "2018-09-24T08:30:59-02:30", 1537786859000},
        {"unknown offset", "2018-09-24T08:30:59-00:00", 1537777859000},
        {"tenths", "2018-09-24T08:30:59.2Z", 1537777859200},
        {"milliseconds", "2018-09-24T08:30:59.257Z", 1537777859257},
        {"nanoseconds", "2018-09-24T08:30:59.257999999Z", 1537777859257},
        {"fraction and offset", "2018-09-24T08:30:59.05+00:00", 1537777859050},
        {"a form's", "2018-09-24T08:30", 1537777800000},
        {"a form's, seconds", "2018-09-24T08:30:59", 1537777859000},
        {"tens and ones", "2018-09-24T08:30:59.205Z", 1537777859205},
        {"a common leap day", "2024-02-29T00:00:00Z", 1709164800000},
        {"year 0", "0000-03-01T00:00:00Z", -62162035200000},
        {"leap day", "2000-02-29T23:59:59Z", 951868799000},
        {"before the epoch", "1969-12-31T23:59:59.250Z", -750},
        {"year 1", "0001-01-01T00:00:00Z", -62135596800000},
        {"the last", "9999-12-31T23:59:59.999Z", 253402300799999},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 4711;
        CHECK(rows[i].label, time_parse(str_of(rows[i].text), &ms));
        if (ms != rows[i].ms)
            fail_msg("%s: %lld", rows[i].label, (long long)ms);
    }
}

static void refuses(void **state)
{
    static const struct {
        const char *label;
        struct str text;
    } rows[] = {
        {"empty", {"", 0}},
        {"words", {"tomorrow at 9", 13}},
        {"only a date", {"2018-09-24", 10}},
        {"date and T", {"2018-09-24T", 11}},
        {"no minutes", {"2018-09-24T08", 13}},
        {"no seconds behind colon", {"2018-09-24T08:30:", 17}},
        {"month 0", {"2018-00-24T08:30:59Z", 20}},
        {"month 13", {"2018-13-24T08:30:59Z", 20}},
        {"day 0", {"2018-09-00T08:30:59Z", 20}},
        {"31st of September", {"2018-09-31T08:30:59Z", 20}},
        {"no leap year", {"2018-02-29T08:30:59Z", 20}},
        {"no leap year, 1900", {"1900-02-29T08:30:59Z", 20}},
        {"hour 24", {"2018-09-24T24:00:00Z", 20}},
        {"minute 60", {"2018-09-24T08:60:00Z", 20}},
        {"second 60", {"2018-09-24T08:30:60Z", 20}},
        {"no fraction", {"2018-09-24T08:30:59.Z", 21}},
        {"comma", {"2018-09-24T08:30:59,5Z", 22}},
        {"offset without colon", {"2018-09-24T08:30:59+0000", 24}},
        {"offset without minutes", {"2018-09-24T08:30:59+00", 22}},
        {"offset too large", {"2018-09-24T08:30:59+24:00", 25}},
        {"offset's minutes", {"2018-09-24T08:30:59+00:60", 25}},
        {"two digits of a year", {"18-09-24T08:30:59Z", 18}},
        {"one digit of a month", {"2018-9-24T08:30:59Z", 19}},
        {"no separators", {"20180924T083059Z", 16}},
        {"blank before", {" 2018-09-24T08:30:59Z", 21}},
        {"blank behind", {"2018-09-24T08:30:59Z ", 21}},
        {"a word behind", {"2018-09-24T08:30:59Zulu", 23}},
        {"sign for a digit", {"2018-09-24T-8:30:59Z", 20}},
        {"NUL for the T", {"2018-09-24\00008:30:59Z", 20}},
        {"NUL behind", {"2018-09-24T08:30:59\0", 20}},
        {"cut short", {"2018-09-24T08:30:59Z", 7}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 4711;
        CHECK(rows[i].label, !time_parse(rows[i].text, &ms));
        CHECK(rows[i].label, ms == 4711);
    }
}

static void knows_the_months(void **state)
{
    static const struct {
        const char *last, *none;
    } rows[] = {
        {"2019-01-31T00:00", "2019-01-32T00:00"},
        {"2019-02-28T00:00", "2019-02-29T00:00"},
        {"2020-02-29T00:00", "2020-02-30T00:00"},
        {"2019-03-31T00:00", "2019-03-32T00:00"},
        {"2019-04-30T00:00", "2019-04-31T00:00"},
        {"2019-05-31T00:00", "2019-05-32T00:00"},
        {"2019-06-30T00:00", "2019-06-31T00:00"},
        {"2019-07-31T00:00", "2019-07-32T00:00"},
        {"2019-08-31T00:00", "2019-08-32T00:00"},
        {"2019-09-30T00:00", "2019-09-31T00:00"},
        {"2019-10-31T00:00", "2019-10-32T00:00"},
        {"2019-11-30T00:00", "2019-11-31T00:00"},
        {"2019-12-31T00:00", "2019-12-32T00:00"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 0;
        CHECK(rows[i].last, time_parse(str_of(rows[i].last), &ms));
        CHECK(rows[i].none, !time_parse(str_of(rows[i].none), &ms));
    }
}

static void writes(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2018-09-24T08:30:59Z", 1537777859000},
        {"2018-09-24T08:30:59Z", 1537777859999},
        {"2000-02-29T23:59:59Z", 951868799000},
        {"1969-12-31T23:59:59Z", -1},
        {"1969-12-31T23:59:59Z", -1000},
        {"9999-12-31T23:59:59Z", 253402300799999},
    };
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str got = time_text(arena, rows[i].ms);
        if (!str_is(got, rows[i].text))
            fail_msg("%s: %.*s", rows[i].text, STR_ARG(got));
    }
    CHECK("any number", time_text(arena, INT64_MAX).len > 0);
    CHECK("any number", time_text(arena, INT64_MIN).len > 0);
    arena_destroy(&arena);
}

static void tells_the_time(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = time_now_ms();
    CHECK("now", now >= before - 1000 && now <= before + 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(refuses),
        cmocka_unit_test(knows_the_months),
        cmocka_unit_test(writes),
        cmocka_unit_test(tells_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
