#include "ride-svc/texts.h"

#include "ride-svc/ride.h"
#include "shared/fault.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(receive);

struct receive {
    struct call call;
    struct str reference;
    unsigned partition;
    struct value taken;
};

static void send_receive(struct task *t, struct receive *c)
{
    const struct msg_sms_received *m = c->call.request;
    struct service *s = service_of(t);
    struct arena *a = t->arena;
    unsigned p = c->partition = partition_of(m->to);
    struct str id = vault_hash(s->vault, a, "text", m->id);
    struct str phone = vault_phone(s->vault, a, m->from);
    c->reference = ride_id(a, p, id);
    struct str keys[] = {key_route(a, m->to, phone),
                         key_in_partition(a, "seen", p, id),
                         key_in_partition(a, "jti", p, m->jti),
                         key_of_partition(a, "outbox", p),
                         key_of_partition(a, "unrouted", p),
                         key_of_partition(a, "lease", p),
                         key_of_partition(a, "waiting", p)};
    struct str args[] = {
        c->reference,
        vault_seal(s->vault, a, m->text, meaning_text(a, c->reference)),
        arena_number(a, m->created),
        m->content,
        m->jti.len > 0 ? STR("1") : STR("0"),
        m->to,
        arena_number(a, OUTBOX_MOST),
        key_timeline(a, p, STR_NONE)};
    redis_script(s->redis, t, partition_tag(p), &receive, keys, 7, args, 8,
                 &c->taken);
}

static void count(struct str fate)
{
    if (str_is(fate, "forwarded"))
        metric_add(METRIC_texts_forwarded_total, 1);
    else if (str_is(fate, "repeat"))
        metric_add(METRIC_texts_repeated_total, 1);
    else
        metric_add(METRIC_texts_unrouted_total, 1);
}

static void receive_run(struct task *t)
{
    struct receive *c = (struct receive *)t;
    struct msg_sms_taken *reply = c->call.reply;
    TASK_BEGIN(t);
    AWAIT(t, send_receive(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    FAULT("receive.stored");
    struct str fate = value_str(value_at(&c->taken, 0));
    if (str_is(fate, "replay"))
        task_reject(t, PROBLEM_bad_signature, STR("jti"));
    else if (str_is(fate, "full"))
        task_reject(t, PROBLEM_busy, STR_NONE);
    if (t->outcome != DONE)
        TASK_FAIL(t);
    count(fate);
    log_event(LEVEL_DEBUG, "text.taken", t->trace, "reference=%.*s fate=%.*s",
              STR_ARG(c->reference), STR_ARG(fate));
    reply->fate = fate;
    poke(service_of(t), value_at(&c->taken, 1), c->partition);
    TASK_END(t);
}

const struct bus_route route_sms_received = {
    &type_sms_received, sizeof(struct receive), receive_run};
