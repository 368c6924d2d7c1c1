#include "tests/unit/check.h"

#include "pool-svc/forecast.h"

enum { NONE = FORECAST_NONE, GAP = -1 };

static void test_short_in(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        size_t days;
        int64_t need[FORECAST_DAYS]; /* today's last */
        int64_t numbers, in;
    } rows[] = {
        {"nothing known", 0, {0}, 10, NONE},
        {"one day", 2, {5, 6}, 10, NONE},
        {"six full days", 7, {1, 2, 3, 4, 5, 6, 7}, 10, NONE},
        {"seven full days", 8, {1, 2, 3, 4, 5, 6, 7, 0}, 10, 3},
        {"as many as needed is not short", 8, {1, 2, 3, 4, 5, 6, 7, 8}, 8, 1},
        {"the line is over it today", 8, {4, 5, 6, 7, 8, 9, 10, GAP}, 10, 0},
        {"half a number a day", 11, {4, 4, 5, 5, 6, 6, 7, 7, 8, 8, GAP}, 10, 3},
        {"flat", 9, {6, 6, 6, 6, 6, 6, 6, 6, 6}, 10, NONE},
        {"shrinks", 9, {9, 9, 8, 7, 7, 6, 5, 5, 4}, 10, NONE},
        {"noise", 15, {6, 9, 5, 8, 7, 9, 5, 6, 8, 7, 5, 9, 8, 9, 7}, 10, NONE},
        {"growth in noise",
         15,
         {3, 1, 4, 5, 3, 6, 7, 5, 8, 9, 7, 10, 11, 9, GAP},
         20,
         13},
        {"gaps are no days of nothing",
         15,
         {2, GAP, 4, GAP, 6, GAP, 8, GAP, 10, GAP, 12, GAP, 14, GAP, GAP},
         20,
         5},
        {"a spike long ago", 9, {6, 6, 30, 6, 6, 6, 6, 6, 6}, 10, NONE},
        {"growth, and a spike", 10, {1, 2, 3, 40, 5, 6, 7, 8, 9, GAP}, 12, 3},
        {"today is short", 3, {5, GAP, 11}, 10, 0},
        {"today alone is short", 1, {11}, 10, 0},
        {"yesterday was short", 3, {5, 11, 2}, 10, 0},
        {"the last day that is known was short", 4, {5, 11, GAP, 2}, 10, 0},
        {"it was short, and is not", 4, {5, 11, 6, 2}, 10, NONE},
        {"extended since", 8, {4, 5, 6, 7, 8, 9, 10, 11}, 20, 10},
        {"too far off to say", 8, {1, 2, 3, 4, 5, 6, 7, 8}, 500, NONE},
        {"no numbers at all", 2, {GAP, 1}, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t got =
            forecast_short_in(rows[i].need, rows[i].days, rows[i].numbers);
        if (got != rows[i].in)
            print_error("%s: %lld\n", rows[i].label, (long long)got);
        CHECK(rows[i].label, got == rows[i].in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_short_in)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
