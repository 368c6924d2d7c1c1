#include "shared/task.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/loop.h"

/* An operation that is over before it began. */
struct refusal {
    struct refusal *next;
    struct task *task;
    enum problem_code code;
};

struct tasks {
    struct refusal *refusals;
    struct loop_hook *hook;
    struct task *first, **last; /* ready to run */
    struct task *newest;        /* of those alive */
    unsigned alive;
};

static void make_ready(struct task *t)
{
    struct tasks *all = t->all;
    if (t->queued)
        return;
    t->queued = true;
    t->next = NULL;
    *all->last = t;
    all->last = &t->next;
}

/* Runs what was ready when the turn began; what these make ready in turn waits
 * until the sockets have been looked at again. */
static bool run_ready(void *arg)
{
    struct tasks *all = arg;
    while (all->refusals != NULL) {
        struct refusal r = *all->refusals;
        all->refusals = r.next;
        task_fail(r.task, (struct problem){r.code, STR_NONE, 0});
    }
    struct task *t = all->first;
    all->first = NULL;
    all->last = &all->first;
    while (t != NULL) {
        struct task *next = t->next;
        t->queued = false;
        t->run(t);
        t = next;
    }
    return all->first != NULL || all->refusals != NULL;
}

struct tasks *tasks_new(struct loop *loop)
{
    struct tasks *all = xcalloc(1, sizeof(*all));
    all->last = &all->first;
    all->hook = loop_hook_new(loop, run_ready, all);
    return all;
}

void tasks_destroy(struct tasks **tasks)
{
    if (*tasks == NULL)
        return;
    loop_hook_destroy(&(*tasks)->hook);
    for (struct task *t = (*tasks)->newest, *older = NULL; t != NULL;
         t = older) {
        struct arena *arena = t->arena;
        older = t->older;
        if (t->whole == NULL) /* which is older than its parts */
            arena_destroy(&arena);
    }
    free(*tasks);
    *tasks = NULL;
}

unsigned tasks_alive(const struct tasks *tasks)
{
    return tasks->alive;
}

static void *new_in(struct tasks *tasks, size_t size,
                    void (*run)(struct task *), struct arena *arena)
{
    assert(size >= sizeof(struct task));
    struct task *t = arena_alloc(arena, size);
    t->arena = arena;
    t->all = tasks;
    t->run = run;
    t->older = tasks->newest;
    if (t->older != NULL)
        t->older->newer = t;
    tasks->newest = t;
    tasks->alive++;
    return t;
}

void *task_new(struct tasks *tasks, size_t size, void (*run)(struct task *),
               struct arena *arena)
{
    return new_in(tasks, size, run, arena != NULL ? arena : arena_new());
}

void task_start(struct task *t)
{
    make_ready(t);
}

void *task_part(struct task *whole, size_t size, void (*run)(struct task *))
{
    struct task *t = new_in(whole->all, size, run, whole->arena);
    t->owner = whole->owner;
    t->deadline_ms = whole->deadline_ms;
    t->trace = whole->trace;
    t->whole = whole;
    task_hold(whole);
    task_start(t);
    return t;
}

void task_hold(struct task *t)
{
    assert(t->at >= 0);
    t->pending++;
}

void task_done(struct task *t)
{
    assert(t->pending > 0);
    if (--t->pending == 0)
        make_ready(t);
}

void task_fail(struct task *t, struct problem problem)
{
    enum outcome outcome = problem_outcome(problem.code);
    if (outcome > t->outcome || t->outcome == DONE) {
        t->outcome = outcome;
        t->problem = problem;
    }
    task_done(t);
}

void task_refuse(struct task *t, enum problem_code code)
{
    struct refusal *r = arena_alloc(t->arena, sizeof(*r));
    *r = (struct refusal){t->all->refusals, t, code};
    t->all->refusals = r;
    task_hold(t);
}

int64_t task_left_ms(const struct task *t)
{
    int64_t left = t->deadline_ms - loop_now_ms();
    return left > 0 ? left : 0;
}

void task_reject(struct task *t, enum problem_code code, struct str field)
{
    t->problem = (struct problem){code, field, 0};
    t->outcome = problem_outcome(code);
}

static void unlink_task(struct task *t)
{
    *(t->newer != NULL ? &t->newer->older : &t->all->newest) = t->older;
    if (t->older != NULL)
        t->older->newer = t->newer;
}

void task_end(struct task *t)
{
    assert(t->pending == 0 && t->at >= 0);
    t->at = -1;
    t->all->alive--;
    unlink_task(t);
    if (t->finish != NULL)
        t->finish(t);
    struct task *whole = t->whole;
    struct arena *arena = t->arena;
    if (whole == NULL)
        arena_destroy(&arena);
    else if (t->outcome == DONE)
        task_done(whole);
    else
        task_fail(whole, t->problem);
}
