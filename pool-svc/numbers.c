#include "pool-svc/numbers.h"

#include <stdlib.h>

#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"
#include "pool-svc/spot.h"
#include "shared/script.h"

SCRIPT(number_page);

enum { PAGE_MOST = 200, POOLS_A_PAGE = 50, PAGE_FIELDS = 5 };

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
