#include "notifier/delivery.h"

#include "notifier/originator.h"
#include "notifier/retry.h"
#include "notifier/sending.h"
#include "shared/fault.h"
#include "shared/keys.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"
#include "shared/sms.h"

enum {
    STORE_AGAIN_MS = 500,  /* after Redis did not answer */
    WAIT_MOST_MS = 500,    /* for another's attempt, before asking anew */
    SPENT_AGAIN_MS = 2000, /* is there a new day, or more of this one? */
    FOR_EVER_MS = 24 * 3600 * 1000,
    LOOK_WITHIN_MS = 10000,
    MOST_PAGES = 50,
    LOUD_EVERY_MS = 60000
};

struct delivery {
    struct task task;
    struct delivery_means means;
    void (*ended)(void *arg, const struct delivery_result *result);
    void *arg;
    struct delivery_result result;
    struct ticket ticket;
    struct taken taken;
    struct sending sending;
    struct value reply;
    struct begun begun;
    int64_t asked_ms;
    struct outgoing text;
    struct web_request request;
    struct web_reply answer;
    struct verdict verdict;
    enum look look;
    unsigned page;
    int64_t untried_ms; /* the provider was not asked: again after this */
    bool posted;
    struct parking parking;
    struct loop_timer *timer;
};

/* ---- a pause within a task ---- */

static void slept(void *arg)
{
    struct delivery *d = arg;
    loop_timer_destroy(&d->timer);
    task_done(&d->task);
}

static void sleep_ms(struct delivery *d, int64_t ms)
{
    task_hold(&d->task);
    d->timer = loop_timer_new(d->means.service->loop, slept, d);
    loop_timer_set(d->timer, ms);
}

/* ---- the account's pace ---- */

static void give_back(const struct delivery *d)
{
    pace_give_back(d->means.pace, d->ticket, loop_now_ms());
}

static void heard(const struct delivery *d)
{
    const struct verdict *v = &d->verdict;
    if (v->trouble == TROUBLE_LIMIT)
        metric_add(METRIC_rate_limited_total, 1);
    pace_heard(d->means.pace, d->ticket, v->trouble, v->least_ms,
               loop_now_ms());
}

static void turn_over(struct delivery *d, enum turn turn)
{
    give_back(d);
    d->ticket = pace_begin(d->means.pace, turn, loop_now_ms());
}

static void sleep_until_turn(struct delivery *d)
{
    sleep_ms(d, pace_one_more(d->means.pace, d->ticket, loop_now_ms()));
}

/* ---- how the conversation goes on ---- */

static void go_on(struct delivery *d, bool more, enum turn line)
{
    d->result.end = GONE_BY;
    d->result.more = more;
    d->result.line = line;
}

static void try_again(struct delivery *d, int64_t in_ms)
{
    d->result.end = AGAIN;
    d->result.not_before_ms = loop_now_ms() + in_ms;
    d->result.line = d->begun.may == MAY_LOOK ? TURN_LOOK : d->ticket.turn;
}

/* ---- the text ---- */

/* Opens what is sealed. False: our keys do not fit, or it was tampered with. */
static bool unseal(struct delivery *d)
{
    struct service *s = d->means.service;
    struct arena *a = d->task.arena;
    const struct begun *b = &d->begun;
    struct str mac = vault_mac(s->vault, a, "report", b->reference);
    d->text.reference = b->reference;
    d->text.from = b->proxy;
    d->text.report_url = arena_printf(a, "%s/webhook-status?mac=%.*s",
                                      s->settings.public_url, STR_ARG(mac));
    return vault_unseal(s->vault, a, b->to,
                        meaning_phone(a, d->sending.ride, d->sending.role),
                        &d->text.to) &&
           vault_unseal(s->vault, a, b->text, meaning_text(a, b->reference),
                        &d->text.text);
}

static void post(struct delivery *d)
{
    struct arena *a = d->task.arena;
    d->posted = true;
    d->means.provider->ask_send(&d->means.service->settings, a, &d->text,
                                &d->request);
    d->request.leave_by_ms = d->asked_ms + ATTEMPT_MS;
    d->request.within_ms = d->request.leave_by_ms - loop_now_ms();
    http_client_ask(d->means.http, &d->task, &d->request, &d->answer);
}

/* Is so much left of the day? */
static bool is_allowed(struct delivery *d)
{
    if (allowance_raise(d->means.allowance, &d->taken, sms_parts(d->text.text)))
        return true;
    d->untried_ms = SPENT_AGAIN_MS;
    d->verdict =
        (struct verdict){.fate = NOT_SENT_RETRY, .reason = "day_limit"};
    return false;
}

/* May the request still be handed over? The last look at the clock, and at the
 * account, which others may have found shut meanwhile. */
static bool may_post(struct delivery *d)
{
    if (d->ticket.turn != TURN_SEND)
        turn_over(d, TURN_SEND);
    if (!unseal(d)) {
        d->verdict = (struct verdict){.fate = NOT_SENT_RETRY,
                                      .reason = "unreadable",
                                      .advice = "check KEYS_FILE"};
        return false;
    }
    if (leases_hold(d->means.leases, d->sending.partition) &&
        loop_now_ms() - d->asked_ms < LEASE_TRUST_MS &&
        d->means.service->left_ms == 0) {
        if (pace_stands(d->means.pace, d->ticket))
            return is_allowed(d);
        d->verdict = (struct verdict){.fate = NOT_SENT_RETRY,
                                      .reason = "account_waits",
                                      .trouble = TROUBLE_LIMIT};
        return false;
    }
    d->untried_ms = STORE_AGAIN_MS;
    d->verdict =
        (struct verdict){.fate = NOT_SENT_RETRY, .reason = "lease_lapsed"};
    return false;
}

/* Not where it took the turn of a text, and there is none for a look-up. */
static bool may_look(struct delivery *d)
{
    if (d->ticket.turn == TURN_LOOK)
        return true;
    int64_t wait = pace_wait(d->means.pace, TURN_LOOK, loop_now_ms());
    if (wait == 0) {
        turn_over(d, TURN_LOOK);
        return true;
    }
    give_back(d);
    try_again(d, wait);
    return false;
}

static void look_up(struct delivery *d)
{
    d->text.reference = d->begun.reference;
    d->text.from = d->begun.proxy;
    d->means.provider->ask_look(&d->means.service->settings, d->task.arena,
                                &d->text, d->page, &d->request);
    d->request.leave_by_ms = 0;
    d->request.within_ms = LOOK_WITHIN_MS;
    http_client_ask(d->means.http, &d->task, &d->request, &d->answer);
}

/* ---- what follows ---- */

static void plan_retry(struct delivery *d)
{
    d->parking = retry_after_send(&d->begun, &d->verdict);
    if (d->untried_ms == 0)
        return;
    d->parking.attempts = d->begun.attempts;
    d->parking.again_ms = d->untried_ms;
}

static void say_loudly(const struct verdict *v, int status)
{
    static int64_t last_ms = -LOUD_EVERY_MS;
    int64_t now = loop_now_ms();
    if (now - last_ms < LOUD_EVERY_MS)
        return;
    last_ms = now;
    log_event(LEVEL_ERROR, "text.needs_help", STR_NONE,
              "reason=%s status=%d texts=wait advice=\"%s\"", v->reason, status,
              v->advice);
}

static void report(const struct delivery *d)
{
    const struct verdict *v = &d->verdict;
    struct str trace = d->begun.reference;
    switch (v->fate) {
    case SENT:
        metric_add(METRIC_sends_total, 1);
        log_event(LEVEL_DEBUG, "text.sent", trace, "how=%s", v->reason);
        return;
    case FINAL:
        metric_add(METRIC_send_failures_total, 1);
        log_event(LEVEL_WARN, "text.failed", trace, "reason=%s status=%d",
                  v->reason, d->answer.status);
        return;
    case NOT_SENT_RETRY:
    case IN_DOUBT:
        metric_add(METRIC_send_retries_total, 1);
        if (v->advice != NULL)
            say_loudly(v, d->answer.status);
        log_sparse(LEVEL_WARN, "text.put_off",
                   "reason=%s status=%d again_ms=%lld fault=\"%s\"", v->reason,
                   d->answer.status, (long long)d->parking.again_ms,
                   d->answer.fault != NULL ? d->answer.fault : "");
        return;
    }
}

static void write_down(struct delivery *d)
{
    struct task *t = &d->task;
    switch (d->verdict.fate) {
    case SENT:
        sending_done(&d->sending, t, &d->begun, &d->reply);
        return;
    case FINAL:
        sending_dead(&d->sending, t, d->verdict.reason, &d->reply);
        return;
    case NOT_SENT_RETRY:
    case IN_DOUBT:
        sending_park(&d->sending, t, &d->parking, &d->reply);
        return;
    }
}

static void follow(struct delivery *d)
{
    bool waits =
        d->verdict.fate == NOT_SENT_RETRY || d->verdict.fate == IN_DOUBT;
    if (sending_lost(&d->reply))
        try_again(d, STORE_AGAIN_MS);
    else if (!waits)
        go_on(d, sending_more(&d->reply), TURN_SEND);
    else if (d->parking.again_ms > 0)
        go_on(d, false, TURN_SEND);
    else
        go_on(d, true, d->parking.doubt_ms > 0 ? TURN_LOOK : TURN_SEND);
}

/* What stands in the way of an attempt. True: there will be none. */
static bool not_now(struct delivery *d)
{
    const struct begun *b = &d->begun;
    sending_read(&d->sending, &d->reply, &d->begun);
    if (b->may == MAY_LOOK)
        return !may_look(d);
    if (b->may == MAY_SEND)
        return false;
    give_back(d);
    switch (b->may) {
    case MAY_SEND:
    case MAY_LOOK:
        break;
    case MAY_DEAD:
        d->verdict = (struct verdict){.fate = FINAL, .reason = b->reason};
        return false;
    case MAY_GONE:
    case MAY_MOVED:
        go_on(d, false, TURN_SEND);
        return true;
    case MAY_SPENT:
        try_again(d, SPENT_AGAIN_MS);
        return true;
    case MAY_WAIT:
        try_again(d, b->wait_ms < WAIT_MOST_MS ? b->wait_ms : WAIT_MOST_MS);
        return true;
    case MAY_LOST:
        try_again(d, STORE_AGAIN_MS);
        return true;
    }
    return true;
}

/* ---- the attempt ---- */

static void begin(struct delivery *d)
{
    d->asked_ms = loop_now_ms();
    sending_begin(&d->sending, &d->task, &d->reply);
}

static void run(struct task *t)
{
    struct delivery *d = (struct delivery *)t;
    TASK_BEGIN(t);
    AWAIT(t, begin(d));
    if (t->outcome != DONE) {
        give_back(d);
        try_again(d, STORE_AGAIN_MS);
        TASK_FAIL(t);
    }
    if (not_now(d))
        TASK_FAIL(t);
    if (d->begun.may == MAY_SEND) {
        FAULT("send.begun");
        if (may_post(d)) {
            FAULT("send.checked");
            AWAIT(t, post(d));
            FAULT("send.answered");
            d->verdict = d->means.provider->read_send(&d->answer);
            heard(d);
        } else {
            give_back(d);
        }
        plan_retry(d);
    }
    if (d->begun.may == MAY_LOOK) {
        do {
            if (d->page > 0)
                AWAIT(t, sleep_until_turn(d));
            AWAIT(t, look_up(d));
            d->look = d->means.provider->read_look(
                &d->answer, &d->text, d->begun.doubt_ms, &d->verdict);
            heard(d);
        } while (d->look == LOOK_MORE && ++d->page < MOST_PAGES);
        FAULT("send.looked");
        d->parking = retry_after_look(&d->begun, d->look, &d->verdict);
    }
    report(d);
    /* What is known must not be forgotten: a text that the provider took would
     * be sent again. */
    AWAIT(t, write_down(d));
    while (t->outcome != DONE) {
        AWAIT(t, sleep_ms(d, STORE_AGAIN_MS));
        AWAIT(t, write_down(d));
    }
    FAULT("send.recorded");
    originator_refused(d->means.service, d->begun.proxy,
                       sending_refused_in_a_row(&d->reply));
    follow(d);
    TASK_END(t);
}

static void finished(struct task *t)
{
    const struct delivery *d = (const struct delivery *)t;
    bool sent =
        d->posted && (d->verdict.fate == SENT || d->verdict.fate == IN_DOUBT);
    allowance_end(d->means.allowance, &d->taken, sent);
    d->ended(d->arg, &d->result);
}

void delivery_start(
    const struct delivery_means *means, const struct conversation *conversation,
    struct ticket ticket,
    void (*ended)(void *arg, const struct delivery_result *result), void *arg)
{
    struct service *s = means->service;
    struct delivery *d = service_task(s, sizeof(*d), run, FOR_EVER_MS);
    struct arena *a = d->task.arena;
    d->task.finish = finished;
    d->means = *means;
    d->ended = ended;
    d->arg = arg;
    d->result.conversation = conversation;
    d->result.turn = ticket.turn;
    d->ticket = ticket;
    d->sending = (struct sending){
        .service = s,
        .leases = means->leases,
        .partition = conversation->partition,
        .ride = arena_copy(a, conversation->ride),
        .role = arena_copy(a, conversation->role),
        .entry = arena_copy(a, conversation->entry),
    };
    if (ticket.turn == TURN_SEND)
        d->sending.day_spent = !allowance_begin(means->allowance, &d->taken);
    task_start(&d->task);
}
