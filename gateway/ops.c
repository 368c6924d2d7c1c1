#include "gateway/ops.h"

#include "gateway/answer.h"
#include "shared/loop.h"
#include "shared/metrics.h"

enum { REDIS_WITHIN_MS = 500 };

const char *const ops_peers[] = {"ride-svc", "pool-svc", "voice-svc",
                                 "notifier", NULL};

void healthz_run(struct task *t)
{
    struct exchange *x = (struct exchange *)t;
    TASK_BEGIN(t);
    x->answer.status = 200;
    x->answer.content_type = STR("text/plain; charset=utf-8");
    x->answer.body = STR("ok\n");
    TASK_END(t);
}

/* One that is connected and silent serves nobody. */
static void ask_redis(struct task *t)
{
    t->deadline_ms = loop_now_ms() + REDIS_WITHIN_MS;
    REDIS_DO(service_of(t)->redis, t, STR("ready"), NULL, STR("PING"));
}

static cJSON *live_services(const struct service *s, bool *all)
{
    cJSON *services = cJSON_CreateObject();
    for (int i = 0; ops_peers[i] != NULL; i++) {
        unsigned live = bus_client_live(s->client, ops_peers[i]);
        cJSON_AddNumberToObject(services, ops_peers[i], live);
        *all = *all && live > 0;
    }
    return services;
}

/* Short of room, or refused a write, it still serves what it can: the detail
 * says so, and whoever watches it acts. */
static cJSON *ready_json(const struct ready_call *c, bool *ready)
{
    const struct service *s = service_of(&c->x.task);
    const char *refusal = redis_refusal(s->redis);
    cJSON *json = cJSON_CreateObject();
    *ready = c->redis && s->left_ms == 0;
    cJSON *services = live_services(s, ready);
    cJSON_AddBoolToObject(json, "ready", *ready);
    cJSON_AddBoolToObject(json, "redis", c->redis);
    if (refusal != NULL)
        cJSON_AddStringToObject(json, "redis_refuses", refusal);
    cJSON_AddBoolToObject(json, "leaving", s->left_ms != 0);
    cJSON_AddItemToObject(json, "memory", health_memory_json(&c->health));
    cJSON_AddItemToObject(json, "disk", health_disk_json(&c->health));
    if (c->health.texts.limit > 0)
        cJSON_AddItemToObject(json, "texts_today",
                              health_texts_json(&c->health));
    cJSON_AddItemToObject(json, "services", services);
    return json;
}

void readyz_run(struct task *t)
{
    struct ready_call *c = (struct ready_call *)t;
    const struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (redis_connected(s->redis))
        AWAIT(t, ask_redis(t));
    c->redis = redis_connected(s->redis) && t->outcome == DONE;
    if (c->redis)
        AWAIT(t, health_ask(t, &c->health));
    health_see(s, &c->health);
    bool ready = false;
    cJSON *json = ready_json(c, &ready);
    answer_json(&c->x.answer, t->arena, ready ? 200 : 503, &json);
    TASK_END(t);
}

/* ---- metrics ---- */

static void ask_all(struct task *t, struct metrics_call *c)
{
    static const struct msg_stats ask;
    struct bus_client *client = service_of(t)->client;
    health_ask(t, &c->health);
    for (int i = 0; ops_peers[i] != NULL; i++) {
        unsigned live = bus_client_live(client, ops_peers[i]);
        for (unsigned nth = 0; nth < live && nth < OPS_MOST_COPIES; nth++)
            bus_ask_nth(client, t, ops_peers[i], nth, &type_stats, &ask,
                        &c->got[i][nth]);
    }
}

/* A copy that does not answer is left out: its absence is what it tells. */
static struct str join_all(struct task *t, const struct metrics_call *c)
{
    struct buffer samples = {0}, page = {0};
    metrics_samples(&samples, "gateway", service_of(t)->instance);
    for (int i = 0; i < OPS_PEERS; i++)
        for (unsigned nth = 0; nth < OPS_MOST_COPIES; nth++)
            buffer_str(&samples, c->got[i][nth].text);
    metrics_page(&page, buffer_view(&samples));
    struct str text = arena_copy(t->arena, buffer_view(&page));
    buffer_free(&samples);
    buffer_free(&page);
    return text;
}

void metrics_run(struct task *t)
{
    struct metrics_call *c = (struct metrics_call *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask_all(t, c));
    health_see(service_of(t), &c->health);
    c->x.answer.status = 200;
    c->x.answer.content_type = STR("text/plain; version=0.0.4; charset=utf-8");
    c->x.answer.body = join_all(t, c);
    TASK_END(t);
}
