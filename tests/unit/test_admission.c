/* How much may be under way at once. */
#include "tests/unit/check.h"

#include "gateway/admission.h"

static unsigned enter_all(struct admission *a)
{
    unsigned n = 0;
    while (admission_enter(a))
        n++;
    return n;
}

static void leave_all(struct admission *a, int64_t entered_ms, int64_t now_ms)
{
    while (a->under_way > 0)
        admission_leave(a, entered_ms, now_ms);
}

static void no_more_than_the_limit(void **state)
{
    struct admission a = admission_new();
    (void)state;
    assert_int_equal(enter_all(&a), ADMISSION_FIRST);
    assert_false(admission_enter(&a));
    admission_leave(&a, 0, 1);
    assert_true(admission_enter(&a));
}

static void late_answers_lower_it_once_a_round(void **state)
{
    struct admission a = admission_new();
    (void)state;
    (void)enter_all(&a);
    leave_all(&a, 1000, 1500);
    double once = a.limit;
    assert_true(once < ADMISSION_FIRST && once > ADMISSION_FIRST / 2.0);
    (void)enter_all(&a);
    leave_all(&a, 1400, 2000); /* entered before it was lowered */
    assert_true(a.limit == once);
    (void)enter_all(&a);
    leave_all(&a, 2000, 2600);
    assert_true(a.limit < once);
}

static void it_has_a_floor_and_a_ceiling(void **state)
{
    struct admission a = admission_new();
    (void)state;
    for (int64_t now = 1000; now < 100000; now += 1000) {
        (void)enter_all(&a);
        leave_all(&a, now, now + 500);
    }
    assert_int_equal(enter_all(&a), ADMISSION_LEAST);
    leave_all(&a, 100000, 100001);
    for (int round = 0; round < 5000; round++) {
        (void)enter_all(&a);
        leave_all(&a, 200000, 200050);
    }
    assert_int_equal(enter_all(&a), ADMISSION_MOST);
}

static void it_grows_only_where_it_is_used(void **state)
{
    struct admission a = admission_new();
    (void)state;
    for (int i = 0; i < 10000; i++) {
        assert_true(admission_enter(&a));
        admission_leave(&a, 0, 1);
    }
    assert_true(a.limit == ADMISSION_FIRST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_the_limit),
        cmocka_unit_test(late_answers_lower_it_once_a_round),
        cmocka_unit_test(it_has_a_floor_and_a_ceiling),
        cmocka_unit_test(it_grows_only_where_it_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
