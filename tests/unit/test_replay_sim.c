#include "tests/unit/check.h"

#include "ride-svc/replay_sim.h"

enum { MOST = 8, EVER = -1 };

struct ride {
    uint64_t a, b;
    int64_t from, until; /* EVER: for good */
};

static int64_t end_of(const struct ride *r)
{
    return r->until == EVER ? INT64_MAX : r->until;
}

static void test_rides(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        struct ride rides[MOST]; /* ends at a ride from 0 */
        int64_t need, busiest;
    } rows[] = {
        {"none", {{0, 0, 0, 0}}, 0, 0},
        {"one", {{1, 2, 1, 9}}, 1, 1},
        {"apart", {{1, 2, 1, 9}, {3, 4, 2, 9}}, 1, 1},
        {"the same two", {{1, 2, 1, 9}, {1, 2, 2, 9}}, 3, 2},
        {"one of them", {{1, 2, 1, 9}, {1, 3, 2, 9}, {1, 4, 3, 9}}, 3, 3},
        {"both", {{1, 2, 1, 9}, {3, 4, 2, 9}, {1, 3, 3, 9}}, 3, 2},
        {"one after the other", {{1, 2, 1, 5}, {1, 2, 5, 9}}, 1, 1},
        {"the later one ends first",
         {{1, 2, 1, 9}, {1, 3, 2, 4}, {1, 4, 5, 9}},
         2,
         2},
        {"for good", {{1, 2, 1, EVER}, {1, 2, 99999, EVER}}, 3, 2},
        {"over before it began", {{1, 2, 5, 3}, {1, 2, 6, 9}}, 1, 1},
        {"nobody's hash is 0", {{0, 1, 1, 9}, {0, 2, 2, 9}}, 2, 2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct replay_sim *s = replay_sim_new();
        for (const struct ride *r = rows[i].rides; r->from > 0; r++)
            CHECK(rows[i].label,
                  replay_sim_add(s, r->a, r->b, r->from, end_of(r)));
        CHECK(rows[i].label, replay_sim_need(s) == rows[i].need);
        CHECK(rows[i].label, replay_sim_busiest(s) == rows[i].busiest);
        replay_sim_destroy(&s);
    }
}

/* The same in each run (xorshift). */
static uint64_t any_below(uint64_t most)
{
    static uint64_t x = 88172645463325252;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x % most;
}

/* The same, said plainly: all rides before this one are looked at. */
static void test_against_plain_counting(void **state)
{
    (void)state;
    enum { RIDES = 1500, PEOPLE = 40 };
    static struct ride rides[RIDES];
    struct replay_sim *s = replay_sim_new();
    int64_t need = 0;
    for (int i = 0; i < RIDES; i++) {
        struct ride *r = &rides[i];
        r->from = i > 0 ? rides[i - 1].from + (int64_t)any_below(3) : 1;
        r->until = r->from + (int64_t)any_below(300);
        r->a = any_below(PEOPLE) << (i % 2 * 32);
        r->b = any_below(PEOPLE) + 1000;
        int64_t holds = 1;
        for (int j = 0; j < i; j++)
            if (rides[j].until > r->from)
                holds += (rides[j].a == r->a) + (rides[j].b == r->b);
        need = holds > need ? holds : need;
        assert_true(replay_sim_add(s, r->a, r->b, r->from, r->until));
        assert_int_equal(replay_sim_need(s), need);
    }
    replay_sim_destroy(&s);
}

static void test_too_many_at_a_time(void **state)
{
    (void)state;
    struct replay_sim *s = replay_sim_new();
    for (uint64_t i = 0; i < REPLAY_MOST_HELD; i++)
        assert_true(replay_sim_add(s, i * 2, i * 2 + 1, 1, 9));
    assert_false(replay_sim_add(s, 0, 1, 8, 20));
    assert_int_equal(replay_sim_need(s), 1);
    assert_true(replay_sim_add(s, 0, 1, 9, 20));
    replay_sim_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rides),
        cmocka_unit_test(test_against_plain_counting),
        cmocka_unit_test(test_too_many_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
