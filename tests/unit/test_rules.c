/* The small pure rules: which pool, what a notice says, what a caller gets. */
#include "tests/unit/check.h"

#include "pool-svc/pools.h"
#include "ride-svc/notice.h"
#include "voice-svc/call_flow.h"

static struct value word(const char *z)
{
    return (struct value){.kind = VALUE_STR, .str = str_of(z)};
}

static void the_longest_prefix_chooses(void **state)
{
    struct value pairs[] = {word("zz"),      word(""),    word("NL"),
                            word("31,32"),   word("US"),  word("1"),
                            word("Toronto"), word("1416")};
    static const struct {
        const char *phone, *pool;
    } rows[] = {{"31612345678", "NL"},
                {"3212345678", "NL"},
                {"14165550100", "Toronto"},
                {"14155550100", "US"},
                {"4477009000", "zz"}};
    struct value pools = {
        .kind = VALUE_LIST, .items = pairs, .count = COUNT(pairs)};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(rows[i].phone,
              str_is(pool_choose(&pools, str_of(rows[i].phone)), rows[i].pool));
}

static void the_default_serves_the_rest(void **state)
{
    struct value pairs[] = {word("a"), word(""),  word("default"),
                            word(""),  word("b"), word("")};
    struct value pools = {
        .kind = VALUE_LIST, .items = pairs, .count = COUNT(pairs)};
    struct value none = {.kind = VALUE_LIST};
    (void)state;
    assert_true(str_is(pool_choose(&pools, STR("31612345678")), "default"));
    assert_int_equal(pool_choose(&none, STR("31612345678")).len, 0);
}

static void notices_are_filled(void **state)
{
    static const struct {
        const char *template, *text;
    } rows[] = {
        {"{driver} will pick you up at {datetime}.",
         "Dan will pick you up at 9."},
        {"{customer}{customer}", "AnnAnn"},
        {"from {start} to {destination}", "from A{driver} to B"},
        {"{unknown} {} { {driver", "{unknown} {} { {driver"},
        {"", ""},
    };
    struct msg_ride_record ride = {.customer_name = STR("Ann"),
                                   .driver_name = STR("Dan"),
                                   .start = STR("A{driver}"),
                                   .destination = STR("B"),
                                   .datetime = STR("9")};
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(
            rows[i].template,
            str_is(notice_text(arena, rows[i].template, &ride), rows[i].text));
    arena_destroy(&arena);
}

static void a_route_decides_the_call(void **state)
{
    static const struct {
        const char *label;
        int64_t until, closed, now;
        enum call_fate fate;
    } rows[] = {
        {"live", 100, 200, 99, CALL_CONNECTED},
        {"at its end", 100, 200, 100, CALL_CLOSED},
        {"closed", 100, 200, 199, CALL_CLOSED},
        {"past", 100, 200, 200, CALL_UNKNOWN},
        {"kept for good", 100, -1, 100000, CALL_CLOSED},
        {"no cool-down", 100, 100, 100, CALL_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct msg_route route = {.until = rows[i].until,
                                  .closed = rows[i].closed};
        CHECK(rows[i].label, call_fate(&route, rows[i].now) == rows[i].fate);
    }
    assert_int_equal(call_fate(NULL, 0), CALL_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_chooses),
        cmocka_unit_test(the_default_serves_the_rest),
        cmocka_unit_test(notices_are_filled),
        cmocka_unit_test(a_route_decides_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
