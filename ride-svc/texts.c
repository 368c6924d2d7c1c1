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
    struct str answers;   /* who writes in vain, which is this fate of a text */
    struct str own_words; /* of the ride, for that answer; or empty */
    struct value taken;
};

/* The answer to who writes to a ride that is over, or for calls only. Sealed
 * only for who is told: first the script asks for it. Empty where nobody is to
 * be told. */
static struct str seal_answer(const struct service *s, struct arena *a,
                              const struct receive *c, struct str reference)
{
    bool closed = str_is(c->answers, "closed");
    struct str words = str_of(closed ? s->settings.closed_answer
                                     : s->settings.no_texts_answer);
    if (c->own_words.len > 0)
        words = c->own_words;
    if (c->answers.len == 0)
        return STR("?");
    if (str_is(words, "none"))
        return STR_NONE;
    return vault_seal(s->vault, a, words, meaning_text(a, reference));
}

static bool is_to_answer(const struct task *t, const struct receive *c)
{
    return t->outcome == DONE && c->answers.len == 0 &&
           str_is(value_str(value_at(&c->taken, 0)), "answer");
}

static void send_receive(struct task *t, struct receive *c)
{
    const struct msg_sms_received *m = c->call.request;
    struct service *s = service_of(t);
    struct arena *a = t->arena;
    unsigned p = c->partition = partition_of(m->to);
    struct str id = vault_hash(s->vault, a, "text", m->id);
    struct str phone = vault_phone(s->vault, a, m->from);
    c->reference = ride_id(a, p, id);
    struct str answer = arena_printf(a, "%.*sa", STR_ARG(c->reference));
    struct str keys[] = {key_route(a, m->to, phone),
                         key_in_partition(a, "seen", p, id),
                         key_in_partition(a, "jti", p, m->jti),
                         key_of_partition(a, "outbox", p),
                         key_of_partition(a, "unrouted", p),
                         key_of_partition(a, "lease", p),
                         key_of_partition(a, "waiting", p),
                         key_of_line(a, "told", m->to, phone)};
    struct str args[] = {
        c->reference,
        vault_seal(s->vault, a, m->text, meaning_text(a, c->reference)),
        arena_number(a, m->created),
        m->content,
        m->jti.len > 0 ? STR("1") : STR("0"),
        m->to,
        arena_number(a, OUTBOX_MOST),
        key_timeline(a, p, STR_NONE),
        key_ride(a, p, STR_NONE),
        key_in_partition(a, "pace", p, STR_NONE),
        arena_number(a, s->settings.texts_per_minute),
        answer,
        seal_answer(s, a, c, answer)};
    redis_script(s->redis, t, partition_tag(p), &receive, keys, 8, args, 13,
                 &c->taken);
}

static void count(struct str fate)
{
    static const struct {
        const char *fate;
        enum metric metric;
        bool unrouted;
    } kinds[] = {{"forwarded", METRIC_texts_forwarded_total, false},
                 {"repeat", METRIC_texts_repeated_total, false},
                 {"stranger", METRIC_texts_strangers_total, true},
                 {"old", METRIC_texts_old_total, true},
                 {"closed", METRIC_texts_closed_total, true},
                 {"limited", METRIC_texts_limited_total, true},
                 {"no_texts", METRIC_texts_calls_only_total, true}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!str_is(fate, kinds[i].fate))
            continue;
        metric_add(kinds[i].metric, 1);
        if (kinds[i].unrouted)
            metric_add(METRIC_texts_unrouted_total, 1);
    }
}

static void receive_run(struct task *t)
{
    struct receive *c = (struct receive *)t;
    struct msg_sms_taken *reply = c->call.reply;
    TASK_BEGIN(t);
    AWAIT(t, send_receive(t, c));
    if (is_to_answer(t, c)) {
        c->answers = value_str(value_at(&c->taken, 1));
        c->own_words = value_str(value_at(&c->taken, 2));
        AWAIT(t, send_receive(t, c));
    }
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
