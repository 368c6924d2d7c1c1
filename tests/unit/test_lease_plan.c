#include "tests/unit/check.h"

#include "notifier/leases.h"

enum { MOST = 70 };

/* Notifiers that share 64 leases, played without Redis: who holds each. */
struct model {
    unsigned count;
    int holder[PARTITIONS]; /* -1: free, -2: offered */
    bool orphan[PARTITIONS];
};

static void round_of(struct model *m, unsigned me)
{
    struct lease_view views[PARTITIONS] = {{SEEN_NEVER, false}};
    enum lease_act acts[PARTITIONS];
    for (unsigned p = 0; p < PARTITIONS; p++) {
        views[p].seen = m->holder[p] == (int)me ? SEEN_MINE
                        : m->holder[p] == -1    ? SEEN_FREE
                        : m->holder[p] == -2    ? SEEN_OFFERED
                                                : SEEN_OTHER;
        views[p].orphan = m->orphan[p];
    }
    lease_plan(views, m->count, me, true, acts);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        bool mine = views[p].seen == SEEN_MINE;
        assert_int_equal(mine, acts[p] == LEASE_KEEP || acts[p] == LEASE_OFFER);
        if (acts[p] == LEASE_TAKE || acts[p] == LEASE_RESCUE)
            m->holder[p] = (int)me;
        if (acts[p] == LEASE_OFFER)
            m->holder[p] = -2;
    }
}

static void assert_even(const struct model *m)
{
    unsigned held[MOST] = {0};
    for (unsigned p = 0; p < PARTITIONS; p++) {
        assert_true(m->holder[p] >= 0);
        held[m->holder[p]]++;
    }
    for (unsigned n = 0; n < m->count; n++)
        assert_int_equal(held[n], lease_share(m->count, n));
}

static void test_shares(void **state)
{
    (void)state;
    for (unsigned count = 1; count < MOST; count++) {
        unsigned sum = 0;
        for (unsigned n = 0; n < count; n++)
            sum += lease_share(count, n);
        assert_int_equal(sum, PARTITIONS);
        assert_true(lease_share(count, 0) - lease_share(count, count - 1) <= 1);
    }
}

/* Growing one by one: two rounds of each, and all is even again; then nothing
 * moves. */
static void test_newcomers(void **state)
{
    (void)state;
    struct model m = {.count = 1};
    for (unsigned p = 0; p < PARTITIONS; p++)
        m.holder[p] = -1;
    for (; m.count < MOST; m.count++) {
        for (unsigned n = 0; n < m.count * 2; n++)
            round_of(&m, n % m.count);
        assert_even(&m);
        struct model before = m;
        for (unsigned n = 0; n < m.count; n++)
            round_of(&m, n);
        assert_memory_equal(&before, &m, sizeof(m));
    }
}

static void test_all_at_once(void **state)
{
    (void)state;
    for (unsigned count = 1; count < MOST; count++) {
        struct model m = {.count = count};
        for (unsigned p = 0; p < PARTITIONS; p++)
            m.holder[p] = -1;
        for (unsigned n = count; n > 0; n--)
            round_of(&m, n - 1);
        assert_even(&m);
    }
}

/* A dead one counts as alive for a while: the others take what it left, even
 * beyond their share. */
static void test_orphans(void **state)
{
    (void)state;
    struct model m = {.count = 2};
    for (unsigned p = 0; p < PARTITIONS; p++) {
        m.holder[p] = p < 32 ? 0 : -1;
        m.orphan[p] = p >= 40;
    }
    round_of(&m, 0);
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_int_equal(m.holder[p], p < 32 || p >= 40 ? 0 : -1);
}

static void test_nothing_is_offered_before_it_settled(void **state)
{
    (void)state;
    struct lease_view views[PARTITIONS];
    enum lease_act acts[PARTITIONS];
    for (unsigned p = 0; p < PARTITIONS; p++)
        views[p] = (struct lease_view){SEEN_MINE, false};
    lease_plan(views, 2, 0, false, acts);
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_int_equal(acts[p], LEASE_KEEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_newcomers),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_orphans),
        cmocka_unit_test(test_nothing_is_offered_before_it_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
