#include "pool-svc/number_add.h"

#include "pool-svc/numbers.h"
#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"
#include "shared/partition.h"
#include "shared/phonebook.h"
#include "shared/words.h"

static bool read_add(struct task *t, struct number_adding *c)
{
    const struct msg_number_add *m = c->call.request;
    enum problem_code why = PROBLEM_invalid;
    if (!phone_parse(m->phone, &c->phone, &why))
        task_reject(t, why, STR("phone"));
    else if (!capabilities_join(t->arena, &m->capabilities,
                                &c->luggage.capabilities))
        task_reject(t, PROBLEM_invalid, STR("capabilities"));
    else if (m->label.len > 0)
        (void)words_valid(t, m->label, LABEL_MOST, "label");
    c->spot.number = phone_str(&c->phone);
    c->luggage.state = STR("active");
    c->luggage.label = m->label;
    c->hash = vault_phone(service_of(t)->vault, t->arena, c->spot.number);
    return t->outcome == DONE;
}

/* The pool that was asked for; the default one, made at first use, where none
 * was. */
static void find_pool(struct task *t, struct number_adding *c)
{
    const struct msg_number_add *m = c->call.request;
    struct redis *redis = service_of(t)->redis;
    struct str pool = m->pool.len > 0 ? m->pool : str_of(pool_default);
    c->spot.pool = pool;
    if (m->pool.len == 0 && !c->dry)
        REDIS_DO(redis, t, STR("pools"), &c->made, STR("HSETNX"), STR("pools"),
                 pool, STR(""));
    REDIS_DO(redis, t, STR("pools"), &c->pools, STR("HEXISTS"), STR("pools"),
             pool);
    REDIS_DO(redis, t, pool_tag(t->arena, pool), &c->needs, STR("HGET"),
             pool_key_settings(t->arena, pool), STR("capabilities"));
}

/* Made just now, perhaps anew. */
static void open_default(struct task *t, struct number_adding *c)
{
    if (value_num(&c->made, 0) > 0)
        pool_open_it(t, c->spot.pool, capabilities_or_all(STR_NONE), NULL);
}

static bool pool_takes_it(struct task *t, const struct number_adding *c)
{
    struct str needs = value_str(&c->needs);
    if (t->outcome != DONE)
        return false;
    bool made_at_first_use = c->dry && str_is(c->spot.pool, pool_default);
    if (value_num(&c->pools, 0) == 0 && !made_at_first_use)
        task_reject(t, PROBLEM_unknown_pool, STR("pool"));
    else if (!capabilities_cover(c->luggage.capabilities,
                                 capabilities_or_all(needs)))
        task_reject(t, PROBLEM_lacks_capability, STR("capabilities"));
    return t->outcome == DONE;
}

static bool is_ours(struct task *t, const struct number_adding *c)
{
    if (t->outcome != DONE)
        return false;
    if (c->marked.kind == VALUE_LIST && phonebook_refused(&c->marked))
        task_reject(t, PROBLEM_phone_in_use, STR("phone"));
    else if (c->written.kind == VALUE_LIST &&
             !str_is(value_str(value_at(&c->written, 0)), "ok"))
        task_reject(t, PROBLEM_number_elsewhere, STR("phone"));
    return t->outcome == DONE;
}

/* One that moves, or has moved, is still a number. */
static void unmark(struct task *t, struct number_adding *c)
{
    if (str_is(value_str(value_at(&c->left, 0)), "ok"))
        phonebook_release(service_of(t)->redis, t, c->hash, STR("number"), 0);
}

/* Once it is in its pool: who removed it at the same time may have forgotten
 * it since. */
static void make_sure(struct task *t, struct number_adding *c)
{
    phonebook_keep(service_of(t)->redis, t, c->hash, STR("number"), &c->marked);
    spot_register(t, c->spot, &c->written);
}

/* What would come of it, without a trace. */
static void look(struct task *t, struct number_adding *c)
{
    struct redis *redis = service_of(t)->redis;
    struct str tag = partition_tag(partition_of(c->spot.number));
    phonebook_look(redis, t, c->hash, STR("number"), &c->marked);
    REDIS_DO(redis, t, tag, &c->written, STR("HMGET"),
             number_key(t->arena, c->spot.number), STR("pool"), STR("to"));
    REDIS_DO(redis, t, pool_tag(t->arena, c->spot.pool), &c->left,
             STR("ZSCORE"), pool_key_index(t->arena, c->spot.pool),
             c->spot.number);
}

static bool looks_good(struct task *t, struct number_adding *c)
{
    struct str pool = value_str(value_at(&c->written, 0));
    struct str to = value_str(value_at(&c->written, 1));
    if (t->outcome != DONE)
        return false;
    c->was_there = c->left.kind == VALUE_STR;
    if (phonebook_refused(&c->marked))
        task_reject(t, PROBLEM_phone_in_use, STR("phone"));
    else if (to.len > 0 || (pool.len > 0 && !str_eq(pool, c->spot.pool)))
        task_reject(t, PROBLEM_number_elsewhere, STR("phone"));
    return t->outcome == DONE;
}

void number_add_run(struct task *t)
{
    struct number_adding *c = (struct number_adding *)t;
    struct msg_number *reply = c->call.reply;
    struct redis *redis = service_of(t)->redis;
    TASK_BEGIN(t);
    if (!read_add(t, c))
        TASK_FAIL(t);
    AWAIT(t, find_pool(t, c));
    if (t->outcome == DONE)
        AWAIT(t, open_default(t, c));
    if (!pool_takes_it(t, c))
        TASK_FAIL(t);
    if (c->dry) {
        AWAIT(t, look(t, c));
        (void)looks_good(t, c);
        TASK_FAIL(t); /* or done: it ends here */
    }
    AWAIT(t, phonebook_claim(redis, t, c->hash, STR("number"), &c->marked));
    if (!is_ours(t, c))
        TASK_FAIL(t);
    AWAIT(t, spot_register(t, c->spot, &c->written));
    if (!is_ours(t, c))
        TASK_FAIL(t);
    /* The mark lasts before anybody can be given the number. */
    AWAIT(t, phonebook_keep(redis, t, c->hash, STR("number"), &c->marked));
    if (!is_ours(t, c))
        TASK_FAIL(t);
    AWAIT(t, spot_put(t, c->spot, c->luggage, &c->put));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (!str_is(value_str(value_at(&c->put, 0)), "ok")) {
        /* The pool closed, or asks for more, since it was looked at. */
        AWAIT(t, spot_drop(t, c->spot, &c->left));
        if (t->outcome == DONE)
            AWAIT(t, unmark(t, c));
        if (t->outcome == DONE)
            task_reject(t, PROBLEM_unknown_pool, STR("pool"));
        TASK_FAIL(t);
    }
    AWAIT(t, make_sure(t, c));
    if (!is_ours(t, c)) {
        AWAIT(t, spot_leave(t, c->spot, &c->left));
        task_reject(t, PROBLEM_number_elsewhere, STR("phone"));
        TASK_FAIL(t);
    }
    reply->phone = c->spot.number;
    reply->pool = c->spot.pool;
    spot_read(t->arena, &c->put, 1, reply);
    c->was_there = value_num(value_at(&c->put, 5), 0) == 0;
    TASK_END(t);
}

const struct bus_route route_number_add = {
    &type_number_add, sizeof(struct number_adding), number_add_run};
