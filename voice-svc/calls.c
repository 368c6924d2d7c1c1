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
    struct value packed, time, ride_packed;
    struct msg_route route;
    enum call_fate fate;
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

/* For the words that its pool has of its own. */
static void read_ride(struct task *t, struct receive *c)
{
    unsigned partition = 0;
    if (c->fate != CALL_CLOSED ||
        !ride_id_parse(c->route.ride, &partition, NULL))
        return;
    struct str key = key_ride(t->arena, partition, c->route.ride);
    REDIS_DO(service_of(t)->redis, t, key, &c->ride_packed, STR("GET"), key);
}

static void say_closed(struct task *t, struct receive *c)
{
    struct msg_call_flow *reply = c->call.reply;
    struct msg_ride_record ride;
    reply->words = str_of(service_of(t)->settings.closed_caller);
    if (!record_decode(&type_ride_record, value_str(&c->ride_packed), t->arena,
                       &ride) ||
        ride.closed_caller.len == 0)
        return;
    reply->words = ride.closed_caller;
    if (ride.language.len > 0)
        reply->language = ride.language;
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

static void answer(struct task *t, struct receive *c)
{
    struct msg_call_flow *reply = c->call.reply;
    const struct settings *settings = &service_of(t)->settings;
    if (c->fate == CALL_CONNECTED) {
        reply->destination = other_party(t, &c->route);
        if (reply->destination.len == 0)
            c->fate = CALL_UNKNOWN;
    }
    reply->action = STR("say");
    reply->language = str_of(settings->voice_language);
    switch (c->fate) {
    case CALL_CONNECTED:
        reply->action = STR("transfer");
        metric_add(METRIC_calls_connected_total, 1);
        break;
    case CALL_UNKNOWN:
        reply->words = str_of(settings->unknown_caller);
        metric_add(METRIC_calls_unknown_total, 1);
        break;
    case CALL_CLOSED:
        say_closed(t, c);
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
    c->fate = call_fate(found ? &c->route : NULL, redis_time_ms(&c->time));
    AWAIT(t, read_ride(t, c));
    t->outcome = DONE; /* without the pool's words there are the general ones */
    answer(t, c);
    if (c->fate != CALL_UNKNOWN)
        notes_add(service_of(t), &c->route, c->fate, redis_time_ms(&c->time));
    TASK_END(t);
}

const struct bus_route route_call_received = {
    &type_call_received, sizeof(struct receive), receive_run};
