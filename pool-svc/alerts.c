#include "pool-svc/alerts.h"

#include "pool-svc/need.h"
#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"
#include "shared/alerts.h"
#include "shared/log.h"
#include "shared/metrics.h"

enum { LOOK_EVERY_MS = 2000, DEADLINE_MS = 5000 };

struct watch {
    struct round_task round;
    struct value names, *figures;
    size_t count;
};

static void ask_all(struct task *t, struct watch *w)
{
    w->count = w->names.count < POOLS_MOST ? w->names.count : POOLS_MOST;
    w->figures = arena_alloc(t->arena, w->count * sizeof(*w->figures) + 1);
    for (size_t i = 0; i < w->count; i++)
        need_ask(t, value_str(value_at(&w->names, i)), "watch", &w->figures[i]);
}

static void count_all(const struct watch *w)
{
    static const enum metric metrics[] = {METRIC_pool_numbers, METRIC_pool_held,
                                          METRIC_pool_peak_need,
                                          METRIC_pool_low};
    enum { METRICS = sizeof(metrics) / sizeof(*metrics) };
    for (size_t i = 0; i < METRICS; i++)
        metric_forget_of(metrics[i]);
    for (size_t at = 0; at < w->count; at++) {
        struct msg_pool m = {.name = value_str(value_at(&w->names, at))};
        need_fill(&w->figures[at], &m);
        int64_t values[METRICS] = {m.numbers, m.held, m.need, m.low};
        for (size_t i = 0; i < METRICS; i++)
            metric_set_of(metrics[i], "pool", m.name, values[i]);
    }
}

static void raise_one(struct task *t, const struct msg_pool_alert *m)
{
    struct arena *a = t->arena;
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "pool", arena_cstr(a, m->pool));
    cJSON_AddNumberToObject(data, "numbers", (double)m->numbers);
    cJSON_AddNumberToObject(data, "peak_need", (double)m->need);
    if (m->low_water >= 0)
        cJSON_AddNumberToObject(data, "low_water", (double)m->low_water);
    else
        cJSON_AddNullToObject(data, "low_water");
    cJSON_AddBoolToObject(data, "refused", m->refused);
    alert_raise(service_of(t)->redis, t, m->id, arena_cstr(a, m->type), m->at,
                data);
    cJSON_Delete(data);
    log_event(LEVEL_WARN, "alert.raised", t->trace, "type=%.*s pool=%.*s",
              STR_ARG(m->type), STR_ARG(m->pool));
}

/* The next of each pool: raised, then taken off its list. Who dies in between
 * is followed by one that raises it again, under the same id. */
static void raise_all(struct task *t, struct watch *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct str packed = value_str(value_at(need_alerts(&w->figures[i]), 0));
        struct msg_pool_alert m;
        if (packed.len == 0)
            continue;
        if (record_decode(&type_pool_alert, packed, t->arena, &m))
            raise_one(t, &m);
        else
            log_event(LEVEL_ERROR, "alert.unreadable", t->trace, "pool=%.*s",
                      STR_ARG(value_str(value_at(&w->names, i))));
    }
}

static void take_off(struct task *t, struct watch *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct str packed = value_str(value_at(need_alerts(&w->figures[i]), 0));
        struct str pool = value_str(value_at(&w->names, i));
        if (packed.len > 0)
            REDIS_DO(service_of(t)->redis, t, pool_tag(t->arena, pool), NULL,
                     STR("LREM"), pool_key_alerts(t->arena, pool), STR("1"),
                     packed);
    }
}

static void watch_run(struct task *t)
{
    struct watch *w = (struct watch *)t;
    TASK_BEGIN(t);
    if (redis_crowded(service_of(t)->redis))
        TASK_FAIL(t);
    AWAIT(t, REDIS_DO(service_of(t)->redis, t, STR("pools"), &w->names,
                      STR("HKEYS"), STR("pools")));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_all(t, w));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    count_all(w);
    AWAIT(t, raise_all(t, w));
    if (t->outcome == DONE)
        AWAIT(t, take_off(t, w));
    TASK_END(t);
}

struct rounds *pool_watch_new(struct service *s)
{
    return rounds_new(s, LOOK_EVERY_MS, sizeof(struct watch), watch_run,
                      DEADLINE_MS);
}
