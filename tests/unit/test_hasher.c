#include "tests/unit/check.h"

#include "gateway/access/hasher.h"

#include <stdlib.h>

struct world {
    struct loop *loop;
    struct tasks *tasks;
    struct hasher *hasher;
    unsigned ended, refused;
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    w->loop = loop_new();
    w->tasks = tasks_new(w->loop);
    w->hasher = hasher_new(w->loop);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    hasher_destroy(&w->hasher);
    tasks_destroy(&w->tasks);
    loop_destroy(&w->loop);
    free(w);
    return 0;
}

struct trial {
    struct task task;
    struct world *world;
    struct str made;
    bool right, wrong, none, other;
};

/* Passwords are wiped behind the call, as a request's body may be. */
static void make(struct trial *x, const char *password)
{
    char *given = arena_cstr(x->task.arena, str_of(password));
    hasher_make(x->world->hasher, &x->task, str_of(given), &x->made);
    memset(given, 'x', strlen(given));
}

static void check_all(struct trial *x)
{
    struct hasher *h = x->world->hasher;
    struct task *t = &x->task;
    hasher_check(h, t, x->made, STR("correct horse battery"), &x->right);
    hasher_check(h, t, x->made, STR("correct horse batterx"), &x->wrong);
    hasher_check(h, t, STR_NONE, STR("correct horse battery"), &x->none);
    hasher_check(h, t, STR("no hash"), STR("correct horse battery"), &x->other);
}

static void trial_run(struct task *t)
{
    struct trial *x = (struct trial *)t;
    TASK_BEGIN(t);
    AWAIT(t, make(x, "correct horse battery"));
    assert_int_equal(t->outcome, DONE);
    CHECK("argon2id, 19 MiB, two passes",
          str_starts(x->made, STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    AWAIT(t, check_all(x));
    assert_int_equal(t->outcome, DONE);
    CHECK("right", x->right);
    CHECK("wrong", !x->wrong);
    CHECK("of nobody", !x->none);
    CHECK("no hash", !x->other);
    loop_stop(x->world->loop);
    TASK_END(t);
}

static void holds_what_it_made(void **state)
{
    struct world *w = *state;
    struct trial *x = task_new(w->tasks, sizeof(*x), trial_run, NULL);
    x->world = w;
    task_start(&x->task);
    loop_run(w->loop);
}

static void flood_run(struct task *t)
{
    struct trial *x = (struct trial *)t;
    struct world *w = x->world;
    TASK_BEGIN(t);
    AWAIT(t, hasher_check(w->hasher, t, STR_NONE, STR("x"), &x->none));
    w->ended++;
    w->refused += t->outcome == RETRY && t->problem.code == PROBLEM_busy;
    if (w->ended == 3 * HASHER_MOST_WAITING)
        loop_stop(w->loop);
    TASK_END(t);
}

static void a_flood_is_refused_and_ends(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 3 * HASHER_MOST_WAITING; i++) {
        struct trial *x = task_new(w->tasks, sizeof(*x), flood_run, NULL);
        x->world = w;
        task_start(&x->task);
    }
    loop_run(w->loop);
    assert_in_range(w->refused, 2 * HASHER_MOST_WAITING - 1,
                    2 * HASHER_MOST_WAITING);
}

static void what_waits_goes_with_it(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 4; i++) {
        struct trial *x = task_new(w->tasks, sizeof(*x), flood_run, NULL);
        hasher_check(w->hasher, &x->task, STR_NONE, STR("x"), &x->none);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(holds_what_it_made),
        TEST(a_flood_is_refused_and_ends),
        TEST(what_waits_goes_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
