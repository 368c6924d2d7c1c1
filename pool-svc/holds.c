#include "pool-svc/holds.h"

#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"

struct person_holds {
    struct call call;
    struct value pools, *held;
    size_t count;
};

static struct str pool_of(const struct person_holds *c, size_t i)
{
    return value_str(value_at(&c->pools, i));
}

static void ask_held(struct task *t, struct person_holds *c)
{
    const struct msg_person_holds *m = c->call.request;
    c->count = c->pools.count < POOLS_MOST ? c->pools.count : POOLS_MOST;
    c->held = arena_alloc(t->arena, c->count * sizeof(*c->held) + 1);
    for (size_t i = 0; i < c->count; i++)
        REDIS_DO(service_of(t)->redis, t, pool_tag(t->arena, pool_of(c, i)),
                 &c->held[i], STR("ZRANGE"),
                 pool_key_held(t->arena, pool_of(c, i), m->phone), STR("0"),
                 STR("-1"), STR("WITHSCORES"));
}

static void fill_holds(struct task *t, struct person_holds *c)
{
    struct msg_holds *reply = c->call.reply;
    size_t most = 0;
    for (size_t i = 0; i < c->count; i++)
        most += c->held[i].count / 2;
    if (most > MESSAGE_MAX_ITEMS)
        most = MESSAGE_MAX_ITEMS;
    reply->holds.items = arena_alloc(t->arena, most * sizeof(struct str) + 1);
    for (size_t i = 0; i < c->count; i++) {
        for (size_t n = 0; n + 1 < c->held[i].count; n += 2) {
            struct str until = value_str(value_at(&c->held[i], n + 1));
            struct msg_hold hold = {
                .pool = pool_of(c, i),
                .number = value_str(value_at(&c->held[i], n)),
                .until = str_is(until, "inf")
                             ? -1
                             : value_num(value_at(&c->held[i], n + 1), 0)};
            if (reply->holds.count < most)
                reply->holds.items[reply->holds.count++] =
                    message_pack(t->arena, &type_hold, &hold);
        }
    }
}

static void forget(struct task *t, struct person_holds *c)
{
    const struct msg_person_holds *m = c->call.request;
    for (size_t i = 0; i < c->count && m->forget; i++)
        if (c->held[i].count > 0)
            REDIS_DO(service_of(t)->redis, t, pool_tag(t->arena, pool_of(c, i)),
                     NULL, STR("DEL"),
                     pool_key_held(t->arena, pool_of(c, i), m->phone));
}

static void holds_run(struct task *t)
{
    struct person_holds *c = (struct person_holds *)t;
    const struct msg_person_holds *m = c->call.request;
    TASK_BEGIN(t);
    if (m->phone.len == 0) {
        task_reject(t, PROBLEM_missing, STR("phone"));
        TASK_FAIL(t);
    }
    AWAIT(t, REDIS_DO(service_of(t)->redis, t, STR("pools"), &c->pools,
                      STR("HKEYS"), STR("pools")));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_held(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    fill_holds(t, c);
    AWAIT(t, forget(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_person_holds = {
    &type_person_holds, sizeof(struct person_holds), holds_run};
