#include "tests/unit/check.h"

#include <stdio.h>

#include "notifier/conversations.h"

#define RIDE(n) STR("17-ride-" #n)
#define CUSTOMER STR("customer")
#define DRIVER STR("driver")

enum { P = 17, Q = 18 };

static struct conversations *all;

static int set_up(void **state)
{
    (void)state;
    all = conversations_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    conversations_destroy(&all);
    return 0;
}

static const struct conversation *next_is(const char *label, int64_t now,
                                          struct str ride, struct str entry)
{
    const struct conversation *c = conversations_next(all, TURN_SEND, now);
    CHECK(label, c != NULL && str_eq(c->ride, ride) && str_eq(c->entry, entry));
    return c;
}

static void test_order(void **state)
{
    (void)state;
    conversations_add(all, P, RIDE(1), CUSTOMER, STR("1-0"));
    conversations_add(all, P, RIDE(1), CUSTOMER, STR("2-0"));
    conversations_add(all, P, RIDE(2), CUSTOMER, STR("3-0"));
    conversations_add(all, P, RIDE(1), DRIVER, STR("4-0"));
    assert_int_equal(conversations_waiting(all, P), 4);
    const struct conversation *a = next_is("first", 0, RIDE(1), STR("1-0"));
    const struct conversation *b =
        next_is("another ride", 0, RIDE(2), STR("3-0"));
    const struct conversation *c =
        next_is("another recipient", 0, RIDE(1), STR("4-0"));
    assert_true(str_eq(c->role, DRIVER));
    assert_null(conversations_next(all, TURN_SEND, 0));
    conversations_ended(all, b, GONE_BY, 0, false, TURN_SEND);
    assert_null(conversations_next(all, TURN_SEND, 0));
    conversations_ended(all, a, GONE_BY, 0, false, TURN_SEND);
    a = next_is("second", 0, RIDE(1), STR("2-0"));
    conversations_ended(all, a, GONE_BY, 0, false, TURN_SEND);
    conversations_ended(all, c, GONE_BY, 0, false, TURN_SEND);
    assert_null(conversations_next(all, TURN_SEND, 0));
    assert_int_equal(conversations_waiting(all, P), 0);
}

static void test_again(void **state)
{
    (void)state;
    conversations_add(all, P, RIDE(1), CUSTOMER, STR("1-0"));
    conversations_add(all, P, RIDE(2), CUSTOMER, STR("2-0"));
    const struct conversation *c = next_is("first", 0, RIDE(1), STR("1-0"));
    conversations_ended(all, c, AGAIN, 500, false, TURN_SEND);
    (void)next_is("it holds up nobody", 0, RIDE(2), STR("2-0"));
    assert_null(conversations_next(all, TURN_SEND, 499));
    c = next_is("the same again", 500, RIDE(1), STR("1-0"));
    conversations_ended(all, c, GONE_BY, 0, false, TURN_SEND);
    assert_null(conversations_next(all, TURN_SEND, 1000));
}

static void test_parked(void **state)
{
    (void)state;
    conversations_add(all, P, RIDE(1), CUSTOMER, STR("9-0"));
    conversations_due(all, P, RIDE(1), CUSTOMER, TURN_SEND);
    conversations_due(all, P, RIDE(1), CUSTOMER, TURN_SEND);
    const struct conversation *c =
        next_is("what is parked is first", 0, RIDE(1), STR_NONE);
    conversations_due(all, P, RIDE(1), CUSTOMER, TURN_SEND);
    conversations_ended(all, c, GONE_BY, 0, true, TURN_SEND);
    c = next_is("more is parked", 0, RIDE(1), STR_NONE);
    conversations_ended(all, c, AGAIN, 0, false, TURN_SEND);
    c = next_is("still parked", 0, RIDE(1), STR_NONE);
    conversations_ended(all, c, GONE_BY, 0, false, TURN_SEND);
    c = next_is("then what is new", 0, RIDE(1), STR("9-0"));
    conversations_ended(all, c, GONE_BY, 0, true, TURN_SEND);
    c = next_is("parked meanwhile", 0, RIDE(1), STR_NONE);
    conversations_ended(all, c, GONE_BY, 0, false, TURN_SEND);
    assert_null(conversations_next(all, TURN_SEND, 0));
}

static void test_drop(void **state)
{
    (void)state;
    conversations_add(all, P, RIDE(1), CUSTOMER, STR("1-0"));
    conversations_add(all, P, RIDE(2), CUSTOMER, STR("2-0"));
    conversations_add(all, Q, RIDE(2), CUSTOMER, STR("3-0"));
    const struct conversation *c = next_is("first", 0, RIDE(1), STR("1-0"));
    conversations_drop(all, P);
    assert_int_equal(conversations_waiting(all, P), 0);
    assert_int_equal(conversations_waiting(all, Q), 1);
    /* Taken again while the attempt is still under way. */
    conversations_add(all, P, RIDE(1), CUSTOMER, STR("1-0"));
    const struct conversation *d = next_is("others", 0, RIDE(2), STR("3-0"));
    assert_null(conversations_next(all, TURN_SEND, 0));
    conversations_ended(all, c, GONE_BY, 0, false, TURN_SEND);
    c = next_is("what was read anew stays", 0, RIDE(1), STR("1-0"));
    conversations_ended(all, c, GONE_BY, 0, false, TURN_SEND);
    conversations_ended(all, d, GONE_BY, 0, false, TURN_SEND);
    assert_int_equal(conversations_waiting(all, P), 0);
}

/* What is to be looked up stands in a line of its own, and holds up nobody. */
static void test_lines(void **state)
{
    (void)state;
    conversations_add(all, P, RIDE(1), CUSTOMER, STR("1-0"));
    conversations_add(all, P, RIDE(2), CUSTOMER, STR("2-0"));
    assert_null(conversations_next(all, TURN_LOOK, 0));
    conversations_due(all, P, RIDE(1), CUSTOMER, TURN_LOOK);
    const struct conversation *other =
        next_is("not the one in doubt", 0, RIDE(2), STR("2-0"));
    assert_null(conversations_next(all, TURN_SEND, 0));
    const struct conversation *c = conversations_next(all, TURN_LOOK, 0);
    CHECK("the one in doubt", c != NULL && str_eq(c->ride, RIDE(1)));
    assert_int_equal(c->entry.len, 0);
    conversations_ended(all, c, AGAIN, 500, false, TURN_LOOK);
    assert_null(conversations_next(all, TURN_SEND, 500));
    assert_null(conversations_next(all, TURN_LOOK, 499));
    c = conversations_next(all, TURN_LOOK, 500);
    assert_non_null(c);
    conversations_ended(all, c, GONE_BY, 0, false, TURN_SEND);
    c = next_is("then what came behind it", 500, RIDE(1), STR("1-0"));
    conversations_ended(all, c, GONE_BY, 0, false, TURN_SEND);
    conversations_ended(all, other, GONE_BY, 0, true, TURN_LOOK);
    conversations_due(all, P, RIDE(2), CUSTOMER, TURN_SEND);
    c = next_is("no longer in doubt", 500, RIDE(2), STR_NONE);
    conversations_ended(all, c, GONE_BY, 0, false, TURN_SEND);
    assert_null(conversations_next(all, TURN_LOOK, 500));
}

/* Against a model: each entry once, in order within its conversation, never
 * two of one at the same time. */
static void test_many(void **state)
{
    (void)state;
    enum { TALKS = 300, ENTRIES = 20, MOST = 50 };
    const struct conversation *busy[MOST];
    unsigned next[TALKS] = {0}, under_way = 0, ended = 0, seed = 1;
    for (unsigned e = 0; e < ENTRIES; e++)
        for (unsigned k = 0; k < TALKS; k++) {
            char ride[16], id[16];
            int rlen = snprintf(ride, sizeof(ride), "%u", k);
            int ilen = snprintf(id, sizeof(id), "%u-%u", k, e);
            conversations_add(all, k % 64, (struct str){ride, (size_t)rlen},
                              CUSTOMER, (struct str){id, (size_t)ilen});
        }
    while (ended < TALKS * ENTRIES) {
        const struct conversation *c =
            under_way < MOST ? conversations_next(all, TURN_SEND, 0) : NULL;
        if (c != NULL) {
            struct str entry = c->entry;
            int64_t k = -1, e = -1;
            assert_true(str_to_num(str_cut(&entry, '-'), &k));
            assert_true(str_to_num(entry, &e));
            assert_int_equal(e, next[k]);
            for (unsigned i = 0; i < under_way; i++)
                assert_ptr_not_equal(busy[i], c);
            busy[under_way++] = c;
            continue;
        }
        seed = seed * 1103515245U + 12345U;
        unsigned at = (seed >> 16) % under_way;
        bool again = (seed >> 8) % 4 == 0;
        int64_t k = -1;
        assert_true(str_to_num(busy[at]->ride, &k));
        conversations_ended(all, busy[at], again ? AGAIN : GONE_BY, 0, false,
                            TURN_SEND);
        busy[at] = busy[--under_way];
        if (again)
            continue;
        next[k]++;
        ended++;
    }
    assert_null(conversations_next(all, TURN_SEND, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
