#include "shared/rounds.h"

#include <stdlib.h>

#include "shared/loop.h"

struct rounds {
    struct service *service;
    struct loop_timer *timer;
    int64_t pause_ms, deadline_in_ms;
    size_t size;
    void (*run)(struct task *);
    void *arg;
};

static void ended(struct task *t)
{
    const struct rounds *r = ((struct round_task *)t)->rounds;
    if (r->service->left_ms == 0)
        loop_timer_set(r->timer, r->pause_ms);
}

static void begin(void *arg)
{
    struct rounds *r = arg;
    /* What began in the loop's last turn would never run. */
    if (r->service->left_ms != 0)
        return;
    struct round_task *round =
        service_task(r->service, r->size, r->run, r->deadline_in_ms);
    round->rounds = r;
    round->arg = r->arg;
    round->task.finish = ended;
    task_start(&round->task);
}

struct rounds *rounds_new(struct service *s, int64_t pause_ms, size_t size,
                          void (*run)(struct task *), int64_t deadline_in_ms)
{
    struct rounds *r = xcalloc(1, sizeof(*r));
    *r = (struct rounds){.service = s,
                         .timer = loop_timer_new(s->loop, begin, r),
                         .pause_ms = pause_ms,
                         .deadline_in_ms = deadline_in_ms,
                         .size = size,
                         .run = run};
    loop_timer_set(r->timer, pause_ms);
    return r;
}

void rounds_pass(struct rounds *rounds, void *arg)
{
    rounds->arg = arg;
}

void rounds_destroy(struct rounds **rounds)
{
    if (*rounds == NULL)
        return;
    loop_timer_destroy(&(*rounds)->timer);
    free(*rounds);
    *rounds = NULL;
}
