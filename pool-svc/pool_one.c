/* One pool: POOL_STATS tells how it stands, POOL_EDIT changes whom it serves
 * and its settings, POOL_REMOVE takes it away. */
#include "pool-svc/need.h"
#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"
#include "shared/script.h"
#include "shared/sms.h"
#include "shared/words.h"

SCRIPT(pool_prefixes);
SCRIPT(pool_close);
SCRIPT(pool_forget);

static const int64_t low_water_most = 100000;
enum { NOTICE_MOST = 500 }; /* characters */

/* Prefixes stand in `pools`, all else on the pool's own hash tag. */
struct one_pool {
    struct call call;
    struct str joined;
    struct value prefixes, figures, done;
};

static bool pool_valid(struct task *t, struct str name)
{
    if (pool_name_valid(name))
        return true;
    task_reject(t, PROBLEM_not_found, STR("name"));
    return false;
}

static void ask_prefixes(struct task *t, struct one_pool *c, struct str name)
{
    REDIS_DO(service_of(t)->redis, t, STR("pools"), &c->prefixes, STR("HGET"),
             STR("pools"), name);
}

static bool is_there(struct task *t, const struct one_pool *c)
{
    if (t->outcome == DONE && c->prefixes.kind == VALUE_NIL)
        task_reject(t, PROBLEM_not_found, STR("name"));
    return t->outcome == DONE;
}

/* ---- POOL_STATS ---- */

static void stats_run(struct task *t)
{
    struct one_pool *c = (struct one_pool *)t;
    const struct msg_pool_stats *m = c->call.request;
    struct msg_pool_figures *reply = c->call.reply;
    TASK_BEGIN(t);
    if (!pool_valid(t, m->name))
        TASK_FAIL(t);
    AWAIT(t, ask_prefixes(t, c, m->name));
    if (!is_there(t, c))
        TASK_FAIL(t);
    AWAIT(t, need_ask(t, m->name, "look", &c->figures));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    struct msg_pool pool =
        pool_read(t->arena, m->name, value_str(&c->prefixes), &c->figures);
    reply->pool.items = arena_alloc(t->arena, sizeof(struct str));
    reply->pool.items[reply->pool.count++] =
        message_pack(t->arena, &type_pool, &pool);
    need_list_days(t->arena, &c->figures, &reply->days);
    TASK_END(t);
}

const struct bus_route route_pool_stats = {&type_pool_stats,
                                           sizeof(struct one_pool), stats_run};

/* ---- POOL_EDIT ---- */

/* What a pool may say in its own words, or language. */
#define OWN(field, given, none)                                                \
    {                                                                          \
#field, offsetof(struct msg_pool_edit, field),                         \
            offsetof(struct msg_pool_edit, given), none                        \
    }
static const struct {
    const char *name;
    size_t text, given; /* in a POOL_EDIT */
    bool none;          /* the word switches it off */
} own_words[] = {OWN(customer_notice, renotice_customer, false),
                 OWN(driver_notice, renotice_driver, false),
                 OWN(closed_answer, reanswer, true),
                 OWN(closed_caller, recaller, false),
                 OWN(language, relanguage, false)};
#undef OWN
enum { OWN_WORDS = sizeof(own_words) / sizeof(*own_words) };

static bool own_is_given(const struct msg_pool_edit *m, size_t at)
{
    return *(const bool *)((const char *)m + own_words[at].given);
}

static struct str own_text(const struct msg_pool_edit *m, size_t at)
{
    return *(const struct str *)(const void *)((const char *)m +
                                               own_words[at].text);
}

static void own_valid(struct task *t, const struct msg_pool_edit *m, size_t at)
{
    struct str text = own_text(m, at);
    const char *name = own_words[at].name;
    if (text.len == 0 || (own_words[at].none && str_is(text, "none")))
        return;
    if (str_is(text, "none") ||
        (strcmp(name, "language") == 0 && !language_valid(text)))
        task_reject(t, PROBLEM_invalid, str_of(name));
    else if (words_valid(t, text, NOTICE_MOST, name) &&
             strcmp(name, "closed_answer") == 0 &&
             sms_parts(text) > SMS_MOST_PARTS)
        task_reject(t, PROBLEM_sms_too_long, str_of(name));
}

/* Empty: as where it was never set. */
static void set(struct task *t, struct str pool, const char *field,
                struct str value)
{
    struct str tag = pool_tag(t->arena, pool);
    struct str key = pool_key_settings(t->arena, pool);
    struct redis *redis = service_of(t)->redis;
    if (value.len == 0)
        REDIS_DO(redis, t, tag, NULL, STR("HDEL"), key, str_of(field));
    else
        REDIS_DO(redis, t, tag, NULL, STR("HSET"), key, str_of(field), value);
}

static void set_all(struct task *t, const struct msg_pool_edit *m)
{
    if (m->remark)
        set(t, m->name, "low_water",
            m->low_water < 0 ? STR_NONE : arena_number(t->arena, m->low_water));
    for (size_t i = 0; i < OWN_WORDS; i++)
        if (own_is_given(m, i))
            set(t, m->name, own_words[i].name, own_text(m, i));
}

static void set_prefixes(struct task *t, struct one_pool *c, struct str name)
{
    struct str key = STR("pools"), args[] = {name, c->joined};
    redis_script(service_of(t)->redis, t, key, &pool_prefixes, &key, 1, args, 2,
                 &c->done);
}

static bool prefixes_set(struct task *t, const struct one_pool *c)
{
    struct str fate = value_str(value_at(&c->done, 0));
    if (t->outcome != DONE)
        return false;
    if (str_is(fate, "gone"))
        task_reject(t, PROBLEM_not_found, STR("name"));
    else if (str_is(fate, "prefix"))
        task_reject(t, PROBLEM_prefix_taken, STR("prefixes"));
    return t->outcome == DONE;
}

static bool edit_valid(struct task *t, struct one_pool *c)
{
    const struct msg_pool_edit *m = c->call.request;
    if (m->reprefix && !pool_join_prefixes(t, &m->prefixes, &c->joined))
        task_reject(t, PROBLEM_invalid, STR("prefixes"));
    else if (m->remark && (m->low_water < -1 || m->low_water > low_water_most))
        task_reject(t, PROBLEM_invalid, STR("low_water"));
    for (size_t i = 0; i < OWN_WORDS && t->outcome == DONE; i++)
        own_valid(t, m, i);
    return t->outcome == DONE && pool_valid(t, m->name);
}

static void edit_run(struct task *t)
{
    struct one_pool *c = (struct one_pool *)t;
    const struct msg_pool_edit *m = c->call.request;
    TASK_BEGIN(t);
    if (!edit_valid(t, c))
        TASK_FAIL(t);
    if (m->reprefix) {
        AWAIT(t, set_prefixes(t, c, m->name));
        if (!prefixes_set(t, c))
            TASK_FAIL(t);
    }
    AWAIT(t, ask_prefixes(t, c, m->name));
    if (!is_there(t, c))
        TASK_FAIL(t);
    AWAIT(t, set_all(t, m));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, need_ask(t, m->name, "look", &c->figures));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    struct msg_pool *reply = c->call.reply;
    *reply = pool_read(t->arena, m->name, value_str(&c->prefixes), &c->figures);
    TASK_END(t);
}

const struct bus_route route_pool_edit = {&type_pool_edit,
                                          sizeof(struct one_pool), edit_run};

/* ---- POOL_REMOVE ---- */

static void close_it(struct task *t, struct one_pool *c, struct str name)
{
    struct arena *a = t->arena;
    struct str keys[] = {pool_key_index(a, name), pool_key_closing(a, name)};
    redis_script(service_of(t)->redis, t, pool_tag(a, name), &pool_close, keys,
                 2, NULL, 0, &c->done);
}

static void forget(struct task *t, struct one_pool *c, struct str name)
{
    struct arena *a = t->arena;
    struct str keys[] = {pool_key_index(a, name),    pool_key_closing(a, name),
                         pool_key_settings(a, name), pool_key_need(a, name),
                         pool_key_busy(a, name),     pool_key_about(a, name),
                         pool_key_low(a, name),      pool_key_alerts(a, name)};
    redis_script(service_of(t)->redis, t, pool_tag(a, name), &pool_forget, keys,
                 8, NULL, 0, &c->done);
}

static void take_out(struct task *t, struct str name)
{
    REDIS_DO(service_of(t)->redis, t, STR("pools"), NULL, STR("HDEL"),
             STR("pools"), name);
}

static void put_back(struct task *t, const struct one_pool *c, struct str name)
{
    REDIS_DO(service_of(t)->redis, t, STR("pools"), NULL, STR("HSETNX"),
             STR("pools"), name, value_str(&c->prefixes));
}

static void remove_run(struct task *t)
{
    struct one_pool *c = (struct one_pool *)t;
    const struct msg_pool_remove *m = c->call.request;
    TASK_BEGIN(t);
    if (!pool_valid(t, m->name))
        TASK_FAIL(t);
    AWAIT(t, ask_prefixes(t, c, m->name));
    if (!is_there(t, c))
        TASK_FAIL(t);
    AWAIT(t, close_it(t, c, m->name));
    if (t->outcome == DONE && str_is(value_str(value_at(&c->done, 0)), "used"))
        task_reject(t, PROBLEM_pool_used, STR("name"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, take_out(t, m->name));
    if (t->outcome == DONE)
        AWAIT(t, forget(t, c, m->name));
    /* Made again by somebody who found it still there. */
    if (t->outcome == DONE &&
        str_is(value_str(value_at(&c->done, 0)), "opened"))
        AWAIT(t, put_back(t, c, m->name));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_pool_remove = {
    &type_pool_remove, sizeof(struct one_pool), remove_run};
