#include "pool-svc/pools.h"

#include "pool-svc/need.h"
#include "pool-svc/pool_keys.h"
#include "pool-svc/spot.h"
#include "shared/script.h"

SCRIPT(pool_add);
SCRIPT(pool_open);

const char pool_default[] = "default";

bool pool_name_valid(struct str name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789_-";
    if (name.len == 0 || name.len > POOL_NAME_MOST)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == '\0' || strchr(allowed, name.ptr[i]) == NULL)
            return false;
    return true;
}

struct str pool_choose(const struct value *pools, struct str phone)
{
    struct str best = STR_NONE, general = STR_NONE;
    size_t longest = 0;
    for (size_t i = 0; i + 1 < pools->count; i += 2) {
        struct str name = value_str(value_at(pools, i));
        struct str rest = value_str(value_at(pools, i + 1));
        if (rest.len == 0 && (general.len == 0 || str_is(name, pool_default) ||
                              (!str_is(general, pool_default) &&
                               str_compare(name, general) < 0)))
            general = name;
        while (rest.len > 0) {
            struct str prefix = str_cut(&rest, ',');
            if (prefix.len > longest && str_starts(phone, prefix)) {
                longest = prefix.len;
                best = name;
            }
        }
    }
    return longest > 0 ? best : general;
}

/* ---- POOL_ADD ---- */

struct add {
    struct call call;
    struct str prefixes, capabilities;
    struct value done, set;
};

bool pool_join_prefixes(struct task *t, const struct list *prefixes,
                        struct str *joined)
{
    if (prefixes->count > POOL_PREFIXES_MOST)
        return false;
    *joined = STR_NONE;
    for (size_t i = 0; i < prefixes->count; i++) {
        struct str p = prefixes->items[i];
        if (p.len > 0 && p.ptr[0] == '+')
            p = str_from(p, 1);
        if (p.len == 0 || p.len > 15 || p.ptr[0] == '0')
            return false;
        for (size_t j = 0; j < p.len; j++)
            if (p.ptr[j] < '0' || p.ptr[j] > '9')
                return false;
        *joined = arena_printf(t->arena, "%.*s%s%.*s", STR_ARG(*joined),
                               i > 0 ? "," : "", STR_ARG(p));
    }
    return true;
}

static void send_add(struct task *t, struct add *c)
{
    const struct msg_pool_add *m = c->call.request;
    struct str key = STR("pools");
    struct str args[] = {m->name, c->prefixes,
                         arena_number(t->arena, POOLS_MOST)};
    redis_script(service_of(t)->redis, t, key, &pool_add, &key, 1, args, 3,
                 &c->done);
}

void pool_open_it(struct task *t, struct str pool, struct str capabilities,
                  struct value *out)
{
    struct str keys[] = {pool_key_settings(t->arena, pool),
                         pool_key_closing(t->arena, pool)};
    redis_script(service_of(t)->redis, t, pool_tag(t->arena, pool), &pool_open,
                 keys, 2, &capabilities, 1, out);
}

static bool add_read(struct task *t, struct add *c)
{
    const struct msg_pool_add *m = c->call.request;
    if (!pool_name_valid(m->name))
        task_reject(t, m->name.len > 0 ? PROBLEM_invalid : PROBLEM_missing,
                    STR("name"));
    else if (!pool_join_prefixes(t, &m->prefixes, &c->prefixes))
        task_reject(t, PROBLEM_invalid, STR("prefixes"));
    else if (!capabilities_join(t->arena, &m->capabilities, &c->capabilities))
        task_reject(t, PROBLEM_invalid, STR("capabilities"));
    return t->outcome == DONE;
}

static bool was_added(struct task *t, const struct add *c)
{
    struct str fate = value_str(value_at(&c->done, 0));
    if (t->outcome != DONE)
        return false;
    if (str_is(fate, "exists"))
        task_reject(t, PROBLEM_pool_exists, STR("name"));
    else if (str_is(fate, "prefix"))
        task_reject(t, PROBLEM_prefix_taken, STR("prefixes"));
    else if (str_is(fate, "full"))
        task_reject(t, PROBLEM_too_many_pools, STR("name"));
    return t->outcome == DONE;
}

static void add_run(struct task *t)
{
    struct add *c = (struct add *)t;
    const struct msg_pool_add *m = c->call.request;
    struct msg_pool *reply = c->call.reply;
    TASK_BEGIN(t);
    if (!add_read(t, c))
        TASK_FAIL(t);
    AWAIT(t, send_add(t, c));
    if (!was_added(t, c))
        TASK_FAIL(t);
    AWAIT(t, pool_open_it(t, m->name, c->capabilities, &c->set));
    if (t->outcome == DONE &&
        !str_eq(value_str(value_at(&c->set, 0)), c->capabilities))
        task_reject(t, PROBLEM_pool_exists, STR("capabilities"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    reply->name = m->name;
    reply->prefixes = m->prefixes;
    reply->capabilities = capabilities_words(t->arena, c->capabilities);
    reply->short_in = -1;
    reply->low_water = -1;
    TASK_END(t);
}

const struct bus_route route_pool_add = {&type_pool_add, sizeof(struct add),
                                         add_run};

/* ---- POOL_LIST ---- */

struct list_pools {
    struct call call;
    struct value pools;
    struct value *figures;
};

static void ask_figures(struct task *t, struct list_pools *c)
{
    size_t count = c->pools.count / 2;
    c->figures = arena_alloc(t->arena, count * sizeof(*c->figures) + 1);
    for (size_t i = 0; i < count; i++)
        need_ask(t, value_str(value_at(&c->pools, i * 2)), "look",
                 &c->figures[i]);
}

struct msg_pool pool_read(struct arena *arena, struct str name,
                          struct str prefixes, const struct value *figures)
{
    struct str capabilities =
        capabilities_or_all(need_setting(figures, NEED_CAPABILITIES));
    struct msg_pool m = {
        .name = name,
        .capabilities = capabilities_words(arena, capabilities),
        .customer_notice = need_setting(figures, NEED_CUSTOMER_NOTICE),
        .driver_notice = need_setting(figures, NEED_DRIVER_NOTICE),
        .closed_answer = need_setting(figures, NEED_CLOSED_ANSWER),
        .closed_caller = need_setting(figures, NEED_CLOSED_CALLER),
        .language = need_setting(figures, NEED_LANGUAGE)};
    m.prefixes.items =
        arena_alloc(arena, POOL_PREFIXES_MOST * sizeof(struct str));
    while (prefixes.len > 0 && m.prefixes.count < POOL_PREFIXES_MOST)
        m.prefixes.items[m.prefixes.count++] = str_cut(&prefixes, ',');
    need_fill(figures, &m);
    return m;
}

static void list_run(struct task *t)
{
    struct list_pools *c = (struct list_pools *)t;
    struct msg_pools *reply = c->call.reply;
    TASK_BEGIN(t);
    AWAIT(t, REDIS_DO(service_of(t)->redis, t, STR("pools"), &c->pools,
                      STR("HGETALL"), STR("pools")));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_figures(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    reply->pools.items =
        arena_alloc(t->arena, c->pools.count * sizeof(struct str) + 1);
    for (size_t i = 0; i < c->pools.count / 2; i++) {
        struct msg_pool m = pool_read(
            t->arena, value_str(value_at(&c->pools, i * 2)),
            value_str(value_at(&c->pools, i * 2 + 1)), &c->figures[i]);
        /* Those of all pools would be too much for one message. */
        m.customer_notice = m.driver_notice = STR_NONE;
        m.closed_answer = m.closed_caller = m.language = STR_NONE;
        reply->pools.items[reply->pools.count++] =
            message_pack(t->arena, &type_pool, &m);
    }
    TASK_END(t);
}

const struct bus_route route_pool_list = {&type_pool_list,
                                          sizeof(struct list_pools), list_run};

/* ---- POOL_CHOOSE ---- */

/* Empty: there is none of that name. */
static struct str pool_named(const struct value *pools, struct str name)
{
    for (size_t i = 0; i + 1 < pools->count; i += 2)
        if (str_eq(value_str(value_at(pools, i)), name))
            return name;
    return STR_NONE;
}

struct choose {
    struct call call;
    struct value pools;
};

static void choose_run(struct task *t)
{
    struct choose *c = (struct choose *)t;
    const struct msg_pool_choose *m = c->call.request;
    struct msg_pool_chosen *reply = c->call.reply;
    TASK_BEGIN(t);
    AWAIT(t, REDIS_DO(service_of(t)->redis, t, STR("pools"), &c->pools,
                      STR("HGETALL"), STR("pools")));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    reply->pool = m->name.len > 0 ? pool_named(&c->pools, m->name)
                                  : pool_choose(&c->pools, m->phone);
    if (reply->pool.len == 0) {
        task_reject(t,
                    m->name.len > 0 ? PROBLEM_unknown_pool : PROBLEM_no_number,
                    m->name.len > 0 ? STR("pool") : STR_NONE);
        TASK_FAIL(t);
    }
    TASK_END(t);
}

const struct bus_route route_pool_choose = {&type_pool_choose,
                                            sizeof(struct choose), choose_run};
