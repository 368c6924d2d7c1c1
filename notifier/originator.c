#include "notifier/originator.h"

#include "shared/log.h"
#include "shared/loop.h"

enum { TOLD_EVERY = 3, WITHIN_MS = 1000 };

struct telling {
    struct task task;
    struct msg_number_set_aside ask;
    struct msg_ok got;
};

static void telling_run(struct task *t)
{
    struct telling *x = (struct telling *)t;
    TASK_BEGIN(t);
    AWAIT(t, bus_ask(service_of(t)->client, t, "pool-svc",
                     &type_number_set_aside, &x->ask, &x->got));
    if (t->outcome != DONE)
        log_sparse(LEVEL_WARN, "originator.untold", "code=%s",
                   problem_name(t->problem.code));
    TASK_END(t);
}

void originator_refused(struct service *s, struct str proxy, unsigned in_a_row)
{
    if (in_a_row == 0 || in_a_row % TOLD_EVERY != 0)
        return;
    struct telling *x = service_task(s, sizeof(*x), telling_run, WITHIN_MS);
    x->ask.phone = arena_copy(x->task.arena, proxy);
    task_start(&x->task);
}
