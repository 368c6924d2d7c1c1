#include "voice-svc/calls.h"

#include "shared/keys.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"
#include "shared/partition.h"
#include "voice-svc/call_flow.h"
#include "voice-svc/notes.h"

/* The caller waits: a Redis that is silent for this long is not waited for. */
enum { PATIENCE_MS = 300 };

struct receive {
    struct call call;
    struct value packed, time;
    struct msg_route route;
};

static void read_route(struct task *t, struct receive *c)
{
    const struct msg_call_received *m = c->call.request;
    struct service *s = service_of(t);
    struct str phone = vault_phone(s->vault, t->arena, m->from);
    struct str key = key_route(t->arena, m->to, phone);
    REDIS_DO(s->redis, t, key, &c->packed, STR("GET"), key);
    REDIS_DO(s->redis, t, key, &c->time, STR("TIME"));
}

static struct str other_party(struct task *t, const struct msg_route *route)
{
    struct str digits = STR_NONE;
    struct str role =
        str_is(route->role, "customer") ? STR("driver") : STR("customer");
    if (!vault_unseal(service_of(t)->vault, t->arena, route->other,
                      meaning_phone(t->arena, route->ride, role), &digits))
        log_event(LEVEL_ERROR, "route.unreadable", t->trace, "ride=%.*s",
                  STR_ARG(route->ride));
    return digits;
}

static void answer(struct task *t, struct receive *c, enum call_fate fate)
{
    struct msg_call_flow *reply = c->call.reply;
    const struct settings *settings = &service_of(t)->settings;
    if (fate == CALL_CONNECTED) {
        reply->destination = other_party(t, &c->route);
        if (reply->destination.len == 0)
            fate = CALL_UNKNOWN;
    }
    reply->action = STR("say");
    switch (fate) {
    case CALL_CONNECTED:
        reply->action = STR("transfer");
        metric_add(METRIC_calls_connected_total, 1);
        break;
    case CALL_UNKNOWN:
        reply->words = str_of(settings->unknown_caller);
        metric_add(METRIC_calls_unknown_total, 1);
        break;
    case CALL_CLOSED:
        reply->words = str_of(settings->closed_caller);
        metric_add(METRIC_calls_closed_total, 1);
        break;
    case CALL_TEXTS_ONLY:
        reply->words = str_of(settings->no_calls_caller);
        metric_add(METRIC_calls_texts_only_total, 1);
        break;
    }
}

static void receive_run(struct task *t)
{
    struct receive *c = (struct receive *)t;
    TASK_BEGIN(t);
    if (task_left_ms(t) > PATIENCE_MS)
        t->deadline_ms = loop_now_ms() + PATIENCE_MS;
    AWAIT(t, read_route(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    bool found =
        record_decode(&type_route, value_str(&c->packed), t->arena, &c->route);
    int64_t now_ms = redis_time_ms(&c->time);
    enum call_fate fate = call_fate(found ? &c->route : NULL, now_ms);
    answer(t, c, fate);
    if (found && fate != CALL_UNKNOWN)
        notes_add(service_of(t), &c->route, fate, now_ms);
    TASK_END(t);
}

const struct bus_route route_call_received = {
    &type_call_received, sizeof(struct receive), receive_run};
