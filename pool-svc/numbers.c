#include "pool-svc/numbers.h"

#include <stdlib.h>

#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"
#include "pool-svc/spot.h"
#include "shared/phone.h"
#include "shared/phonebook.h"
#include "shared/script.h"
#include "shared/words.h"

SCRIPT(number_page);

enum { PAGE_MOST = 200, POOLS_A_PAGE = 50, PAGE_FIELDS = 5 };

/* ---- NUMBER_ADD ---- */

struct add {
    struct call call;
    struct phone phone;
    struct spot spot;
    struct luggage luggage;
    struct str hash;
    struct value pools, needs, marked, written, put, left;
};

static bool read_add(struct task *t, struct add *c)
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
static void find_pool(struct task *t, struct add *c)
{
    const struct msg_number_add *m = c->call.request;
    struct redis *redis = service_of(t)->redis;
    struct str pool = m->pool.len > 0 ? m->pool : str_of(pool_default);
    c->spot.pool = pool;
    if (m->pool.len == 0)
        REDIS_DO(redis, t, STR("pools"), NULL, STR("HSETNX"), STR("pools"),
                 pool, STR(""));
    REDIS_DO(redis, t, STR("pools"), &c->pools, STR("HEXISTS"), STR("pools"),
             pool);
    REDIS_DO(redis, t, pool_tag(t->arena, pool), &c->needs, STR("HGET"),
             pool_key_settings(t->arena, pool), STR("capabilities"));
}

static bool pool_takes_it(struct task *t, const struct add *c)
{
    struct str needs = value_str(&c->needs);
    if (t->outcome != DONE)
        return false;
    if (value_num(&c->pools, 0) == 0)
        task_reject(t, PROBLEM_unknown_pool, STR("pool"));
    else if (!capabilities_cover(c->luggage.capabilities,
                                 needs.len > 0 ? needs : STR("sms,voice")))
        task_reject(t, PROBLEM_lacks_capability, STR("capabilities"));
    return t->outcome == DONE;
}

static bool is_ours(struct task *t, const struct add *c)
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

/* Once it is in its pool: who removed it at the same time may have forgotten
 * it since. */
static void make_sure(struct task *t, struct add *c)
{
    phonebook_keep(service_of(t)->redis, t, c->hash, STR("number"), &c->marked);
    spot_register(t, c->spot, &c->written);
}

static void add_run(struct task *t)
{
    struct add *c = (struct add *)t;
    struct msg_number *reply = c->call.reply;
    struct redis *redis = service_of(t)->redis;
    TASK_BEGIN(t);
    if (!read_add(t, c))
        TASK_FAIL(t);
    AWAIT(t, find_pool(t, c));
    if (!pool_takes_it(t, c))
        TASK_FAIL(t);
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
    if (t->outcome == DONE && !str_is(value_str(value_at(&c->put, 0)), "ok"))
        task_reject(t, PROBLEM_unknown_pool, STR("pool"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, make_sure(t, c));
    if (!is_ours(t, c)) {
        AWAIT(t, spot_leave(t, c->spot, &c->left));
        task_reject(t, PROBLEM_number_elsewhere, STR("phone"));
        TASK_FAIL(t);
    }
    reply->phone = c->spot.number;
    reply->pool = c->spot.pool;
    spot_read(t->arena, &c->put, 1, reply);
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
    struct str keys[] = {pool_key_index(t->arena, pool),
                         pool_key_about(t->arena, pool),
                         pool_key_numbers(t->arena, pool)};
    long long wanted = (long long)c->limit - (long long)reply->numbers.count;
    struct str args[] = {c->after, arena_number(t->arena, wanted),
                         pool_key_uses(t->arena, pool, STR_NONE)};
    redis_script(service_of(t)->redis, t, pool_tag(t->arena, pool),
                 &number_page, keys, 3, args, 3, &c->page);
}

static void add_page(struct task *t, struct list_numbers *c)
{
    struct msg_numbers *reply = c->call.reply;
    for (size_t i = 0; i + PAGE_FIELDS <= c->page.count; i += PAGE_FIELDS) {
        struct msg_number m = {.phone = value_str(value_at(&c->page, i)),
                               .pool = c->names[c->at]};
        spot_read(t->arena, &c->page, i + 1, &m);
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
