#include "pool-svc/why.h"

#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"
#include "shared/script.h"

SCRIPT(why);

enum { REASONS_MOST = 200 };

/* Where what the script returns stands. */
enum { NOW, NUMBER, NEXT_FREE, LEFT_OUT, NOT_LOOKED_AT, LISTED, A_RECORD = 3 };

struct why {
    struct call call;
    struct value known, got;
};

static bool question_valid(struct task *t, const struct msg_number_why *m)
{
    if (!pool_name_valid(m->pool))
        task_reject(t, PROBLEM_unknown_pool, STR("pool"));
    else if (m->customer.len == 0 || str_eq(m->customer, m->driver))
        task_reject(t, PROBLEM_same_phone, STR("driver"));
    else if (m->limit < 1 || m->limit > REASONS_MOST)
        task_reject(t, PROBLEM_invalid, STR("limit"));
    return t->outcome == DONE;
}

static void send_why(struct task *t, struct why *c)
{
    const struct msg_number_why *m = c->call.request;
    struct redis *redis = service_of(t)->redis;
    struct arena *a = t->arena;
    struct str keys[] = {
        pool_key_numbers(a, m->pool), pool_key_held(a, m->pool, m->customer),
        pool_key_held(a, m->pool, m->driver), pool_key_index(a, m->pool),
        pool_key_about(a, m->pool)};
    struct str args[] = {arena_number(a, m->limit)};
    REDIS_DO(redis, t, STR("pools"), &c->known, STR("HEXISTS"), STR("pools"),
             m->pool);
    redis_script(redis, t, pool_tag(a, m->pool), &why, keys, 5, args, 1,
                 &c->got);
}

static void fill_reasons(struct task *t, struct why *c)
{
    struct msg_number_reasons *reply = c->call.reply;
    const struct value *got = &c->got;
    reply->now = value_num(value_at(got, NOW), 0);
    reply->number = value_str(value_at(got, NUMBER));
    reply->next_free = value_num(value_at(got, NEXT_FREE), 0);
    reply->left_out = value_num(value_at(got, LEFT_OUT), 0);
    reply->more = value_num(value_at(got, NOT_LOOKED_AT), 0);
    reply->numbers.items =
        arena_alloc(t->arena, got->count * sizeof(struct str) + 1);
    for (size_t i = LISTED; i + A_RECORD <= got->count; i += A_RECORD) {
        struct msg_number_reason m = {
            .number = value_str(value_at(got, i)),
            .verdict = value_str(value_at(got, i + 1)),
            .until = value_num(value_at(got, i + 2), 0)};
        reply->numbers.items[reply->numbers.count++] =
            message_pack(t->arena, &type_number_reason, &m);
    }
}

static void why_run(struct task *t)
{
    struct why *c = (struct why *)t;
    TASK_BEGIN(t);
    if (!question_valid(t, c->call.request))
        TASK_FAIL(t);
    AWAIT(t, send_why(t, c));
    if (t->outcome == DONE && value_num(&c->known, 0) == 0)
        task_reject(t, PROBLEM_unknown_pool, STR("pool"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    fill_reasons(t, c);
    TASK_END(t);
}

const struct bus_route route_number_why = {&type_number_why, sizeof(struct why),
                                           why_run};
