#include "tests/unit/check.h"

#include <stdlib.h>

#include "shared/loop.h"
#include "shared/task.h"

struct world {
    struct loop *loop;
    struct tasks *tasks;
};

/* A task that awaits one operation, then three at once, then fails or not. */
struct job {
    struct task task;
    struct loop *loop;
    struct loop_timer *timers[3];
    int done, turns;
    bool fail;
    enum outcome *seen;
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    w->loop = loop_new();
    w->tasks = tasks_new(w->loop);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    tasks_destroy(&w->tasks);
    loop_destroy(&w->loop);
    free(w);
    return 0;
}

static void one_done(void *arg)
{
    struct job *j = arg;
    j->done++;
    task_done(&j->task);
}

static void one_failed(void *arg)
{
    struct job *j = arg;
    task_fail(&j->task, (struct problem){PROBLEM_not_found, STR("id"), 0});
}

static void begin(struct job *j, int slot, void (*fn)(void *))
{
    task_hold(&j->task);
    j->timers[slot] = loop_timer_new(j->loop, fn, j);
    loop_timer_set(j->timers[slot], 1 + slot);
}

static void begin_three(struct job *j)
{
    for (int i = 0; i < 3; i++)
        loop_timer_destroy(&j->timers[i]);
    begin(j, 0, one_done);
    begin(j, 1, j->fail ? one_failed : one_done);
    begin(j, 2, one_done);
}

static void run(struct task *t)
{
    struct job *j = (struct job *)t;
    TASK_BEGIN(t);
    AWAIT(t, begin(j, 0, one_done));
    assert_int_equal(j->done, 1);
    /* Nothing begun: goes straight on. */
    AWAIT(t, (void)j->turns++);
    AWAIT(t, begin_three(j));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

static void finished(struct task *t)
{
    struct job *j = (struct job *)t;
    *j->seen = t->outcome;
    for (int i = 0; i < 3; i++)
        loop_timer_destroy(&j->timers[i]);
    loop_stop(j->loop);
}

static enum outcome run_job(struct world *w, bool fail)
{
    enum outcome seen = RETRY;
    struct job *j = task_new(w->tasks, sizeof(*j), run, NULL);
    j->loop = w->loop;
    j->fail = fail;
    j->seen = &seen;
    j->task.finish = finished;
    task_start(&j->task);
    assert_int_equal(tasks_alive(w->tasks), 1);
    loop_run(w->loop);
    assert_int_equal(tasks_alive(w->tasks), 0);
    return seen;
}

static void waits_for_all(void **state)
{
    assert_int_equal(run_job(*state, false), DONE);
}

static void one_failure_is_enough(void **state)
{
    assert_int_equal(run_job(*state, true), REJECT);
}

static void never_again(struct task *t)
{
    (void)t;
    fail();
}

/* A round that begins in the very turn in which the process stops; the leak
 * checker says whether anything is left of it. */
static void what_is_under_way_goes_with_all(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 3; i++) {
        struct task *t = task_new(w->tasks, sizeof(*t), never_again, NULL);
        assert_non_null(arena_alloc(t->arena, 100000));
        task_hold(t);
    }
    assert_int_equal(tasks_alive(w->tasks), 3);
}

/* ---- parts ---- */

struct whole {
    struct task task;
    struct loop *loop;
    struct str said;
    enum outcome *seen; /* before: REJECT, one part is to fail */
};

struct part {
    struct task task;
    struct whole *whole;
    bool fail;
};

static void part_run(struct task *t)
{
    struct part *p = (struct part *)t;
    TASK_BEGIN(t);
    if (p->fail) {
        task_reject(t, PROBLEM_not_found, STR("id"));
        TASK_FAIL(t);
    }
    p->whole->said = arena_printf(t->arena, "%s", "by the part");
    TASK_END(t);
}

static void begin_parts(struct whole *w, bool fail)
{
    for (int i = 0; i < 2; i++) {
        struct part *p = task_part(&w->task, sizeof(*p), part_run);
        p->whole = w;
        p->fail = fail && i == 0;
    }
}

static void whole_run(struct task *t)
{
    struct whole *w = (struct whole *)t;
    TASK_BEGIN(t);
    AWAIT(t, begin_parts(w, *w->seen == REJECT));
    *w->seen = t->outcome;
    CHECK("what a part made stays", str_is(w->said, "by the part"));
    loop_stop(w->loop);
    TASK_END(t);
}

static enum outcome run_whole(struct world *world, enum outcome seen)
{
    struct whole *w = task_new(world->tasks, sizeof(*w), whole_run, NULL);
    w->loop = world->loop;
    w->seen = &seen;
    task_start(&w->task);
    loop_run(world->loop);
    assert_int_equal(tasks_alive(world->tasks), 0);
    return seen;
}

static void a_part_is_an_operation_of_the_whole(void **state)
{
    assert_int_equal(run_whole(*state, RETRY), DONE);
}

static void what_a_part_fails_with_is_the_outcome(void **state)
{
    assert_int_equal(run_whole(*state, REJECT), REJECT);
}

static void parts_go_with_their_whole(void **state)
{
    struct world *world = *state;
    struct whole *w = task_new(world->tasks, sizeof(*w), never_again, NULL);
    begin_parts(w, false);
    assert_int_equal(tasks_alive(world->tasks), 3);
}

/* ---- the loop ---- */

struct turns {
    struct loop *loop;
    int left;
};

static bool busy(void *arg)
{
    struct turns *t = arg;
    if (--t->left == 0)
        loop_stop(t->loop);
    return true;
}

static void a_busy_hook_keeps_it_awake(void **state)
{
    struct world *w = *state;
    struct turns t = {w->loop, 1000};
    struct loop_hook *hook = loop_hook_new(w->loop, busy, &t);
    loop_run(w->loop);
    loop_hook_destroy(&hook);
    assert_int_equal(t.left, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(waits_for_all),
        TEST(one_failure_is_enough),
        TEST(what_is_under_way_goes_with_all),
        TEST(a_part_is_an_operation_of_the_whole),
        TEST(what_a_part_fails_with_is_the_outcome),
        TEST(parts_go_with_their_whole),
        TEST(a_busy_hook_keeps_it_awake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
