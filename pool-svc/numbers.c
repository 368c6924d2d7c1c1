#include "pool-svc/numbers.h"

#include <stdlib.h>

#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"
#include "shared/partition.h"
#include "shared/phone.h"
#include "shared/phonebook.h"
#include "shared/script.h"

SCRIPT(number_add);
SCRIPT(number_page);

enum { PAGE_MOST = 200, POOLS_A_PAGE = 50 };

/* ---- NUMBER_ADD ---- */

struct add {
    struct call call;
    struct phone phone;
    struct str pool, hash;
    struct value pools, marked, written, time, rides;
};

/* The pool that was asked for; the default one, made at first use, where none
 * was. */
static void find_pool(struct task *t, struct add *c)
{
    const struct msg_number_add *m = c->call.request;
    struct redis *redis = service_of(t)->redis;
    c->pool = m->pool.len > 0 ? m->pool : str_of(pool_default);
    if (m->pool.len == 0)
        REDIS_DO(redis, t, STR("pools"), NULL, STR("HSETNX"), STR("pools"),
                 c->pool, STR(""));
    REDIS_DO(redis, t, STR("pools"), &c->pools, STR("HEXISTS"), STR("pools"),
             c->pool);
}

static void write_number(struct task *t, struct add *c)
{
    struct str tag = partition_tag(partition_of(phone_str(&c->phone)));
    struct str key = number_key(t->arena, phone_str(&c->phone));
    redis_script(service_of(t)->redis, t, tag, &number_add, &key, 1, &c->pool,
                 1, &c->written);
}

/* Never assigned: it is the first to be. Both are harmless when repeated. */
static void put_in_pool(struct task *t, struct add *c)
{
    struct redis *redis = service_of(t)->redis;
    struct str tag = pool_tag(t->arena, c->pool);
    REDIS_DO(redis, t, tag, NULL, STR("ZADD"),
             pool_key_numbers(t->arena, c->pool), STR("NX"), STR("0"),
             phone_str(&c->phone));
    REDIS_DO(redis, t, tag, NULL, STR("ZADD"),
             pool_key_index(t->arena, c->pool), STR("NX"), STR("0"),
             phone_str(&c->phone));
    REDIS_DO(redis, t, tag, &c->time, STR("TIME"));
}

/* It may have been there, and in use, before. */
static void count_rides(struct task *t, struct add *c)
{
    struct str key = pool_key_uses(t->arena, c->pool, phone_str(&c->phone));
    struct str now = arena_number(t->arena, redis_time_ms(&c->time));
    REDIS_DO(service_of(t)->redis, t, pool_tag(t->arena, c->pool), &c->rides,
             STR("ZCOUNT"), key, now, STR("+inf"));
}

static void add_run(struct task *t)
{
    struct add *c = (struct add *)t;
    const struct msg_number_add *m = c->call.request;
    struct msg_number *reply = c->call.reply;
    struct service *s = service_of(t);
    enum problem_code why = PROBLEM_invalid;
    TASK_BEGIN(t);
    if (!phone_parse(m->phone, &c->phone, &why)) {
        task_reject(t, why, STR("phone"));
        TASK_FAIL(t);
    }
    c->hash = vault_phone(s->vault, t->arena, phone_str(&c->phone));
    AWAIT(t, find_pool(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (value_num(&c->pools, 0) == 0) {
        task_reject(t, PROBLEM_unknown_pool, STR("pool"));
        TASK_FAIL(t);
    }
    AWAIT(t, phonebook_claim(s->redis, t, c->hash, STR("number"), &c->marked));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (phonebook_refused(&c->marked)) {
        task_reject(t, PROBLEM_phone_in_use, STR("phone"));
        TASK_FAIL(t);
    }
    AWAIT(t, write_number(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (str_is(value_str(value_at(&c->written, 0)), "elsewhere")) {
        task_reject(t, PROBLEM_number_elsewhere, STR("phone"));
        TASK_FAIL(t);
    }
    /* The mark lasts before anybody can be given the number. */
    AWAIT(t, phonebook_keep(s->redis, t, c->hash, STR("number"), &c->marked));
    if (t->outcome == DONE && phonebook_refused(&c->marked))
        task_reject(t, PROBLEM_phone_in_use, STR("phone"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, put_in_pool(t, c));
    if (t->outcome == DONE)
        AWAIT(t, count_rides(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    reply->phone = phone_str(&c->phone);
    reply->pool = c->pool;
    reply->state = STR("active");
    reply->rides = value_num(&c->rides, 0);
    TASK_END(t);
}

const struct bus_route route_number_add = {&type_number_add, sizeof(struct add),
                                           add_run};

/* ---- NUMBER_LIST ---- */

struct list_numbers {
    struct call call;
    struct value pools, page;
    struct str *names;
    size_t npools, at, looked;
    struct str after; /* within the pool at `at` */
    int64_t limit;
};

/* "pool/number", the number empty at the beginning of its pool. */
static bool cursor_valid(struct str cursor)
{
    struct str number = cursor;
    struct str pool = str_cut(&number, '/');
    if (cursor.len == 0)
        return true;
    for (size_t i = 0; i < number.len; i++)
        if (number.ptr[i] < '0' || number.ptr[i] > '9')
            return false;
    return pool_name_valid(pool) && cursor.len > pool.len;
}

static int by_name(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* The pools in order, and where among them the cursor ("pool/number")
 * stands. */
static void find_place(struct task *t, struct list_numbers *c)
{
    const struct msg_number_list *m = c->call.request;
    struct str after = m->after;
    struct str pool = str_cut(&after, '/');
    c->npools = c->pools.count;
    c->names = arena_alloc(t->arena, c->npools * sizeof(*c->names) + 1);
    for (size_t i = 0; i < c->npools; i++)
        c->names[i] = value_str(value_at(&c->pools, i));
    qsort(c->names, c->npools, sizeof(*c->names), by_name);
    while (c->at < c->npools && pool.len > 0 &&
           by_name(&c->names[c->at], &pool) < 0)
        c->at++;
    if (c->at < c->npools && str_eq(c->names[c->at], pool))
        c->after = after;
}

static void ask_page(struct task *t, struct list_numbers *c)
{
    const struct msg_numbers *reply = c->call.reply;
    struct str pool = c->names[c->at];
    struct str key = pool_key_index(t->arena, pool);
    long long wanted = (long long)c->limit - (long long)reply->numbers.count;
    struct str args[] = {c->after, arena_number(t->arena, wanted),
                         pool_key_uses(t->arena, pool, STR_NONE)};
    redis_script(service_of(t)->redis, t, pool_tag(t->arena, pool),
                 &number_page, &key, 1, args, 3, &c->page);
}

static void add_page(struct task *t, struct list_numbers *c)
{
    struct msg_numbers *reply = c->call.reply;
    for (size_t i = 0; i + 1 < c->page.count; i += 2) {
        struct msg_number m = {.phone = value_str(value_at(&c->page, i)),
                               .pool = c->names[c->at],
                               .state = STR("active"),
                               .rides =
                                   value_num(value_at(&c->page, i + 1), 0)};
        reply->numbers.items[reply->numbers.count++] =
            message_pack(t->arena, &type_number, &m);
        reply->next = arena_printf(t->arena, "%.*s/%.*s", STR_ARG(m.pool),
                                   STR_ARG(m.phone));
    }
}

static void list_run(struct task *t)
{
    struct list_numbers *c = (struct list_numbers *)t;
    const struct msg_number_list *m = c->call.request;
    struct msg_numbers *reply = c->call.reply;
    TASK_BEGIN(t);
    if (m->limit < 1 || m->limit > PAGE_MOST)
        task_reject(t, PROBLEM_invalid, STR("limit"));
    else if (!cursor_valid(m->after))
        task_reject(t, PROBLEM_invalid, STR("cursor"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    c->limit = m->limit;
    reply->numbers.items =
        arena_alloc(t->arena, (size_t)c->limit * sizeof(struct str));
    AWAIT(t, REDIS_DO(service_of(t)->redis, t, STR("pools"), &c->pools,
                      STR("HKEYS"), STR("pools")));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    find_place(t, c);
    while (c->at < c->npools && (int64_t)reply->numbers.count < c->limit &&
           c->looked++ < POOLS_A_PAGE) {
        AWAIT(t, ask_page(t, c));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        add_page(t, c);
        if ((int64_t)reply->numbers.count < c->limit) {
            c->after = STR_NONE;
            c->at++;
        }
    }
    if (c->at >= c->npools)
        reply->next = STR_NONE;
    else if (c->after.ptr == NULL && (int64_t)reply->numbers.count < c->limit)
        reply->next = arena_printf(t->arena, "%.*s/", STR_ARG(c->names[c->at]));
    TASK_END(t);
}

const struct bus_route route_number_list = {
    &type_number_list, sizeof(struct list_numbers), list_run};
