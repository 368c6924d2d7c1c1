#include "gateway/access/audit_acts.h"

void audit_list_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    AWAIT(t, audit_list(o->e->x.gateway->audit, t, &o->e->ask.audit,
                        &o->e->got.audit));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

void audit_verify_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    AWAIT(t, audit_verify(o->e->x.gateway->audit, t, o->e->ask.audit.trail,
                          o->e->ask.audit.cursor, &o->e->got.check));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}
