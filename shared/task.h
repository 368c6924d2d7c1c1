/* Stackless tasks: a handler that waits, written from top to bottom.
 * Owns no thread and no socket; a task runs from the loop only.
 *
 * A task is a struct whose first member is `struct task`; it lives in an arena
 * of its own, which is freed when it ends. No local variable outlives an
 * AWAIT: what must, stands in the struct. An operation that is awaited counts
 * itself with task_hold() and ends exactly once, with task_done() or
 * task_fail(), from the loop and never inside the call that began it. A task
 * cannot end while an operation of its is under way, so the operation may keep
 * a plain pointer to it. */
#ifndef BIRDCAR_TASK_H
#define BIRDCAR_TASK_H

#include "shared/arena.h"
#include "shared/problem.h"

struct loop;
struct tasks;

struct task {
    void (*run)(struct task *);    /* the body, resumed at `at` */
    void (*finish)(struct task *); /* answers whoever asked; may be NULL */
    struct arena *arena;
    struct tasks *all;
    void *owner;            /* the daemon's own context */
    int64_t deadline_ms;    /* on loop_now_ms()'s clock */
    struct str trace;       /* 1 to 32 characters, for logs */
    int at;                 /* -1: ended */
    unsigned pending;       /* operations under way */
    enum outcome outcome;   /* of the last AWAIT: the worst of its operations */
    struct problem problem; /* where outcome is not DONE */
    bool queued;
    struct task *whole; /* that this is a part of; NULL: of none */
    struct task *next;
    struct task *newer, *older; /* of all that are alive */
};

struct tasks *tasks_new(struct loop *loop);
/* What has not ended never goes on; nothing may complete it any more. */
void tasks_destroy(struct tasks **tasks);
/* Tasks not ended yet. */
unsigned tasks_alive(const struct tasks *tasks);

/* A zeroed struct of `size` bytes in a new arena, or in `arena`, which it then
 * takes; starts when task_start() is called, in the next turn. */
void *task_new(struct tasks *tasks, size_t size, void (*run)(struct task *),
               struct arena *arena);
void task_start(struct task *t);

/* A part of `whole`: a task in the arena of `whole`, with its owner, deadline
 * and trace, that is one operation of it, and ends with that operation's
 * outcome. It starts in the next turn. */
void *task_part(struct task *whole, size_t size, void (*run)(struct task *));

/* For operations. */
void task_hold(struct task *t);
void task_done(struct task *t);
void task_fail(struct task *t, struct problem problem);
/* For an operation that cannot even begin: fails it in the next turn. */
void task_refuse(struct task *t, enum problem_code code);

/* Milliseconds until the deadline, 0 once it has passed. */
int64_t task_left_ms(const struct task *t);

/* Sets the outcome and the problem of the task itself; use with TASK_FAIL. */
void task_reject(struct task *t, enum problem_code code, struct str field);

/* Ends it: `finish`, then the arena. Only the macros below call it. */
void task_end(struct task *t);

/* The four macros that steer control. */
#define TASK_BEGIN(t)                                                          \
    switch ((t)->at) {                                                         \
    case 0:

/* Runs `op`, which begins any number of operations, and goes on when all of
 * them have ended. */
#define AWAIT(t, op)                                                           \
    do {                                                                       \
        (t)->outcome = DONE;                                                   \
        (t)->at = __LINE__;                                                    \
        op;                                                                    \
        if ((t)->pending > 0)                                                  \
            return;                                                            \
        __attribute__((fallthrough));                                          \
    case __LINE__:;                                                            \
    } while (0)

/* Ends the task with the outcome and problem that it has. */
#define TASK_FAIL(t)                                                           \
    do {                                                                       \
        task_end(t);                                                           \
        return;                                                                \
    } while (0)

#define TASK_END(t)                                                            \
    }                                                                          \
    (t)->outcome = DONE;                                                       \
    task_end(t)

#endif
