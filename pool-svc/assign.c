#include "pool-svc/assign.h"

#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "shared/script.h"
#include "shared/timestamp.h"

SCRIPT(assign);
SCRIPT(hold_set);
SCRIPT(claim_drop);

/* ---- NUMBER_ASSIGN ---- */

struct ask {
    struct call call;
    struct value got;
};

static void send_assign(struct task *t, struct ask *c)
{
    const struct msg_number_assign *m = c->call.request;
    struct arena *a = t->arena;
    struct str keys[] = {pool_key_numbers(a, m->pool),
                         pool_key_held(a, m->pool, m->customer),
                         pool_key_held(a, m->pool, m->driver),
                         pool_key_claim(a, m->pool, m->claim),
                         pool_key_index(a, m->pool),
                         pool_key_need(a, m->pool),
                         pool_key_busy(a, m->pool),
                         pool_key_settings(a, m->pool)};
    struct str args[] = {m->claim,
                         arena_number(t->arena, m->ends),
                         arena_number(t->arena, m->lasts),
                         m->refused,
                         m->renew,
                         pool_key_uses(a, m->pool, STR_NONE),
                         m->wanted,
                         m->spared};
    redis_script(service_of(t)->redis, t, pool_tag(a, m->pool), &assign, keys,
                 8, args, 8, &c->got);
}

/* What is the pool's own. */
static void read_own(const struct value *own, struct msg_number_assigned *reply)
{
    enum { OWN_FIELDS = 6 };
    struct str *const fields[OWN_FIELDS] = {
        &reply->capabilities,  &reply->customer_notice, &reply->driver_notice,
        &reply->closed_answer, &reply->closed_caller,   &reply->language};
    for (size_t i = 0; i < OWN_FIELDS; i++)
        *fields[i] = value_str(value_at(own, i));
}

static void assign_run(struct task *t)
{
    struct ask *c = (struct ask *)t;
    const struct msg_number_assign *m = c->call.request;
    struct msg_number_assigned *reply = c->call.reply;
    TASK_BEGIN(t);
    if (!pool_name_valid(m->pool) || m->claim.len == 0) {
        task_reject(t, PROBLEM_invalid, STR("pool"));
        TASK_FAIL(t);
    }
    if (m->customer.len == 0 || str_eq(m->customer, m->driver)) {
        task_reject(t, PROBLEM_same_phone, STR("driver"));
        TASK_FAIL(t);
    }
    if (m->spared.len > 0 && !str_is(m->spared, "customer") &&
        !str_is(m->spared, "driver")) {
        task_reject(t, PROBLEM_invalid, STR("spared"));
        TASK_FAIL(t);
    }
    AWAIT(t, send_assign(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    struct str fate = value_str(value_at(&c->got, 0));
    if (str_is(fate, "none")) {
        if (m->wanted.len == 0) {
            metric_add(METRIC_numbers_refused_total, 1);
            log_event(LEVEL_WARN, "pool.short", t->trace, "pool=%.*s",
                      STR_ARG(m->pool));
        }
        task_reject(t, PROBLEM_no_number, STR_NONE);
        t->problem.detail = value_num(value_at(&c->got, 1), 0);
        if (t->problem.detail >= NO_END_MS)
            t->problem.detail = 0; /* not before a ride is ended by hand */
        TASK_FAIL(t);
    }
    if (str_is(fate, "past")) {
        task_reject(t, PROBLEM_in_the_past, STR("ends_at"));
        TASK_FAIL(t);
    }
    reply->number = value_str(value_at(&c->got, 1));
    reply->until = value_num(value_at(&c->got, 2), 0);
    reply->ends = value_num(value_at(&c->got, 3), 0);
    reply->lapsed = str_is(fate, "lapsed");
    read_own(value_at(&c->got, 4), reply);
    TASK_END(t);
}

const struct bus_route route_number_assign = {&type_number_assign,
                                              sizeof(struct ask), assign_run};

/* ---- HOLD_SET and CLAIM_DROP ---- */

struct hold {
    struct call call;
    struct value done;
};

static bool hold_valid(struct task *t, struct str pool, struct str claim,
                       struct str number)
{
    if (pool_name_valid(pool) && claim.len > 0 && number.len > 0)
        return true;
    task_reject(t, PROBLEM_invalid, STR("pool"));
    return false;
}

static void send_hold_set(struct task *t, struct hold *c)
{
    const struct msg_hold_set *m = c->call.request;
    struct arena *a = t->arena;
    struct str keys[] = {pool_key_claim(a, m->pool, m->claim),
                         pool_key_uses(a, m->pool, m->number),
                         pool_key_held(a, m->pool, m->customer),
                         pool_key_held(a, m->pool, m->driver),
                         pool_key_about(a, m->pool),
                         pool_key_busy(a, m->pool),
                         pool_key_held(a, m->pool, m->left),
                         pool_key_claim(a, m->pool, m->takes_over)};
    struct str args[] = {m->claim,
                         m->number,
                         arena_number(a, m->until),
                         arena_number(a, m->revision),
                         arena_number(a, m->grace),
                         m->left.len > 0 ? arena_number(a, m->left_until)
                                         : STR_NONE,
                         m->takes_over};
    redis_script(service_of(t)->redis, t, pool_tag(a, m->pool), &hold_set, keys,
                 8, args, 7, &c->done);
}

static void hold_set_run(struct task *t)
{
    struct hold *c = (struct hold *)t;
    const struct msg_hold_set *m = c->call.request;
    TASK_BEGIN(t);
    if (!hold_valid(t, m->pool, m->claim, m->number))
        TASK_FAIL(t);
    AWAIT(t, send_hold_set(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_hold_set = {&type_hold_set, sizeof(struct hold),
                                         hold_set_run};

static void send_claim_drop(struct task *t, struct hold *c)
{
    const struct msg_claim_drop *m = c->call.request;
    struct arena *a = t->arena;
    struct str keys[] = {pool_key_claim(a, m->pool, m->claim),
                         pool_key_uses(a, m->pool, m->number),
                         pool_key_held(a, m->pool, m->customer),
                         pool_key_held(a, m->pool, m->driver),
                         pool_key_busy(a, m->pool)};
    struct str args[] = {m->claim, m->number};
    redis_script(service_of(t)->redis, t, pool_tag(a, m->pool), &claim_drop,
                 keys, 5, args, 2, &c->done);
}

static void claim_drop_run(struct task *t)
{
    struct hold *c = (struct hold *)t;
    const struct msg_claim_drop *m = c->call.request;
    TASK_BEGIN(t);
    if (!hold_valid(t, m->pool, m->claim, m->number))
        TASK_FAIL(t);
    AWAIT(t, send_claim_drop(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_claim_drop = {&type_claim_drop,
                                           sizeof(struct hold), claim_drop_run};
