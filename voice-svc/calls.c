#include "voice-svc/calls.h"

#include "shared/keys.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"
#include "shared/partition.h"
#include "shared/script.h"
#include "voice-svc/call_flow.h"

SCRIPT(call_note);

/* The caller waits: a Redis that is silent for this long is not waited for. */
enum { PATIENCE_MS = 300, NOTE_MS = 2000 };

/* The timeline entry follows the answer, best effort. */
struct note {
    struct task task;
    struct str ride, role;
    enum call_fate fate;
    struct value done;
};

struct receive {
    struct call call;
    struct value packed, time;
    struct msg_route route;
};

static void send_note(struct task *t, struct note *n)
{
    static const char *const words[] = {"connected", "unknown", "closed"};
    unsigned partition = 0;
    (void)ride_id_parse(n->ride, &partition, NULL);
    struct str key = key_timeline(t->arena, partition, n->ride);
    struct str args[] = {n->role, str_of(words[n->fate])};
    redis_script(service_of(t)->redis, t, partition_tag(partition), &call_note,
                 &key, 1, args, 2, &n->done);
}

static void note_run(struct task *t)
{
    struct note *n = (struct note *)t;
    TASK_BEGIN(t);
    AWAIT(t, send_note(t, n));
    TASK_END(t);
}

static void begin_note(struct service *s, const struct msg_route *route,
                       enum call_fate fate)
{
    unsigned partition = 0;
    if (!ride_id_parse(route->ride, &partition, NULL))
        return;
    struct note *n = service_task(s, sizeof(*n), note_run, NOTE_MS);
    n->ride = arena_copy(n->task.arena, route->ride);
    n->role = arena_copy(n->task.arena, route->role);
    n->fate = fate;
    task_start(&n->task);
}

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
    int64_t now_ms = value_num(value_at(&c->time, 0), 0) * 1000 +
                     value_num(value_at(&c->time, 1), 0) / 1000;
    enum call_fate fate = call_fate(found ? &c->route : NULL, now_ms);
    answer(t, c, fate);
    if (found && fate != CALL_UNKNOWN)
        begin_note(service_of(t), &c->route, fate);
    TASK_END(t);
}

const struct bus_route route_call_received = {
    &type_call_received, sizeof(struct receive), receive_run};
