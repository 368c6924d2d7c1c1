/* Ending, cancelling, extending and reopening. */
#include "ride-svc/life.h"

#include <sodium.h>

#include "ride-svc/duties.h"
#include "ride-svc/notice.h"
#include "ride-svc/person_rides.h"
#include "ride-svc/ride.h"
#include "ride-svc/ride_change.h"
#include "shared/fault.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/sms.h"

enum { MOST_TRIES = 6, STAND_BACK_MS = 20 };

struct change {
    struct call call;
    const char *act; /* as ride_change.h has them */
    int64_t ends;    /* the new end, where there is one */
    struct str id;
    struct ride_read read;
    struct value changed, kept;
    struct hold_sync sync;
    struct msg_ride_record wanted;
    unsigned tries;
    struct loop_timer *timer;
};

void cancel_notices(struct task *t, struct str id,
                    const struct msg_ride_record *ride, struct told told[2])
{
    static const char *const roles[] = {"customer", "driver"};
    const char *template = service_of(t)->settings.cancel_notice;
    if (strcmp(template, "none") == 0 || !ride_can_text(ride))
        return;
    struct str text = notice_text(t->arena, template, ride);
    if (sms_parts(text) > SMS_MOST_PARTS) {
        log_event(LEVEL_WARN, "notice.too_long", t->trace,
                  "ride=%.*s check=CANCEL_NOTICE", STR_ARG(id));
        return;
    }
    for (int i = 0; i < 2; i++) {
        struct str reference =
            arena_printf(t->arena, "%.*sx%c", STR_ARG(id), roles[i][0]);
        told[i] = (struct told){
            .role = str_of(roles[i]),
            .phone = i == 0 ? ride->customer_phone : ride->driver_phone,
            .reference = reference,
            .text = vault_seal(service_of(t)->vault, t->arena, text,
                               meaning_text(t->arena, reference))};
    }
}

/* Where the hold goes first, the change is marked before: revision 0. */
static void send_change(struct task *t, struct change *c, int64_t revision)
{
    struct ride_change how = {
        .act = c->act, .ends = c->ends, .revision = revision};
    if (strcmp(c->act, "cancel") == 0)
        cancel_notices(t, c->id, &c->read.ride, how.told);
    ride_change_send(t, c->id, &c->read.ride, &how, &c->changed);
}

/* The ride as the script left it; its answer's first word. */
static struct str take_change(struct task *t, struct change *c)
{
    c->read.packed = *value_at(&c->changed, 1);
    (void)ride_decode(t, &c->read);
    c->read.now_ms = value_num(value_at(&c->changed, 2), c->read.now_ms);
    return value_str(value_at(&c->changed, 0));
}

static bool id_valid(struct task *t, struct change *c, struct str id)
{
    unsigned partition = 0;
    c->id = id;
    if (ride_id_parse(id, &partition, NULL))
        return true;
    task_reject(t, PROBLEM_not_found, STR("id"));
    return false;
}

static bool ride_found(struct task *t, struct change *c)
{
    if (t->outcome == DONE && !ride_decode(t, &c->read))
        task_reject(t, PROBLEM_not_found, STR("id"));
    return t->outcome == DONE;
}

static void log_change(const struct task *t, const struct change *c,
                       const char *event)
{
    log_event(LEVEL_INFO, event, t->trace, "ride=%.*s", STR_ARG(c->id));
}

/* ---- RIDE_END and RIDE_CANCEL: routes first, then the hold; answered when
 * both are gone. A repeat finds it ended and sees to the hold once more. ----
 */

/* A party may change meanwhile, and its routes with it. */
static bool over_again(struct task *t, struct change *c)
{
    struct str fate = take_change(t, c);
    if (str_is(fate, "done"))
        log_change(
            t, c, strcmp(c->act, "end") == 0 ? "ride.ended" : "ride.cancelled");
    if (!str_is(fate, "changed"))
        return false;
    if (++c->tries < MOST_TRIES)
        return true;
    task_reject(t, PROBLEM_busy, STR("id"));
    return false;
}

static void over_run(struct task *t)
{
    struct change *c = (struct change *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!id_valid(t, c, c->id))
        TASK_FAIL(t);
    AWAIT(t, ride_fetch(s, t, c->id, &c->read));
    if (!ride_found(t, c))
        TASK_FAIL(t);
    do {
        AWAIT(t, send_change(t, c, 0));
        if (t->outcome != DONE)
            TASK_FAIL(t);
    } while (over_again(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    FAULT("end.written");
    AWAIT(t, hold_ask(s, t, c->id, &c->read.ride, c->read.now_ms, &c->sync));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    FAULT("end.freed");
    /* The phone is in use no longer than the ride. */
    AWAIT(t, person_rides_add(s, t, c->id, &c->read.ride, &c->kept));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, hold_settled(s, t, c->id, &c->read.ride, &c->sync));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    ride_describe(s, t, c->id, &c->read.ride, c->read.now_ms, c->call.reply);
    TASK_END(t);
}

static void end_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_ride_end *m = c->call.request;
    c->act = "end";
    c->id = m->id;
    over_run(t);
}

const struct bus_route route_ride_end = {&type_ride_end, sizeof(struct change),
                                         end_run};

static void cancel_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_ride_cancel *m = c->call.request;
    c->act = "cancel";
    c->id = m->id;
    over_run(t);
}

const struct bus_route route_ride_cancel = {&type_ride_cancel,
                                            sizeof(struct change), cancel_run};

/* ---- RIDE_EXTEND and RIDE_REOPEN: the hold first, then the routes. Before
 * both the ride is marked, which leaves a duty: after a crash in between it
 * sets the hold back to what the ride says. ---- */

/* The ride as it will be, for its hold; which never ends before the routes do,
 * as they still stand. */
static void fill_wanted(struct task *t, struct change *c)
{
    int64_t closed = c->read.ride.closed;
    c->wanted = c->read.ride;
    ride_set_end(&c->wanted, &service_of(t)->settings, c->ends);
    if (closed == -1 || (c->wanted.closed != -1 && c->wanted.closed < closed))
        c->wanted.closed = closed;
}

static bool reopens(const struct change *c)
{
    return strcmp(c->act, "reopen") == 0;
}

/* One that another copy made first is as good as made here. */
static bool change_took(struct task *t, struct change *c)
{
    struct str fate = take_change(t, c);
    bool made = (str_is(fate, "earlier") || str_is(fate, "live")) &&
                c->read.ride.ends == c->ends && c->read.now_ms < c->ends;
    if (str_is(fate, "over"))
        task_reject(t, PROBLEM_ride_over, STR("id"));
    else if (str_is(fate, "changed"))
        task_reject(t, PROBLEM_busy, STR("id"));
    else if (str_is(fate, "live") && !made)
        task_reject(t, PROBLEM_ride_live, STR("id"));
    else if (str_is(fate, "earlier") && !made)
        task_reject(t, reopens(c) ? PROBLEM_in_the_past : PROBLEM_invalid,
                    STR("ends_at"));
    else if (!str_is(fate, "done") && !made)
        task_reject(t, PROBLEM_not_found, STR("id"));
    return t->outcome == DONE;
}

/* Somebody else changed the ride between our mark and our change. */
static bool changed_since(const struct task *t, const struct change *c)
{
    return t->outcome == DONE &&
           str_is(value_str(value_at(&c->changed, 0)), "changed");
}

static void stood_back(void *arg)
{
    struct change *c = arg;
    loop_timer_destroy(&c->timer);
    task_done(&c->call.task);
}

/* Each mark undoes the others': without a pause, of another length for each,
 * none of many would ever come through. */
static void stand_back(struct task *t, struct change *c)
{
    uint32_t most_ms = (uint32_t)STAND_BACK_MS << c->tries;
    task_hold(t);
    c->timer = loop_timer_new(service_of(t)->loop, stood_back, c);
    loop_timer_set(c->timer, randombytes_uniform(most_ms));
}

/* The same change again, or again after a lost answer. */
static bool moved_already(struct task *t, struct change *c)
{
    struct service *s = service_of(t);
    if (c->read.ride.ends != c->ends || c->read.now_ms >= c->ends)
        return false;
    ride_describe(s, t, c->id, &c->read.ride, c->read.now_ms, c->call.reply);
    return true;
}

/* What was held and remembered for the change may be more than it came to. */
static void as_it_is(struct task *t, struct change *c)
{
    struct service *s = service_of(t);
    hold_ask(s, t, c->id, &c->read.ride, c->read.now_ms, &c->sync);
    person_rides_add(s, t, c->id, &c->read.ride, &c->kept);
}

static void move_run(struct task *t)
{
    struct change *c = (struct change *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!id_valid(t, c, c->id))
        TASK_FAIL(t);
    AWAIT(t, ride_fetch(s, t, c->id, &c->read));
    if (!ride_found(t, c))
        TASK_FAIL(t);
    if (!ride_end_valid(c->ends, c->read.now_ms)) {
        task_reject(t, PROBLEM_invalid, STR("ends_at"));
        TASK_FAIL(t);
    }
    if (!moved_already(t, c)) {
        for (;;) {
            AWAIT(t, send_change(t, c, 0));
            if (changed_since(t, c) && ++c->tries < MOST_TRIES) {
                (void)take_change(t, c); /* its routes are others by now */
                continue;
            }
            if (t->outcome != DONE || !change_took(t, c))
                TASK_FAIL(t);
            fill_wanted(t, c);
            AWAIT(t, person_rides_add(s, t, c->id, &c->wanted, &c->kept));
            if (t->outcome != DONE)
                TASK_FAIL(t);
            AWAIT(t,
                  hold_ask(s, t, c->id, &c->wanted, c->read.now_ms, &c->sync));
            if (t->outcome != DONE)
                TASK_FAIL(t);
            FAULT("extend.held");
            AWAIT(t, send_change(t, c, c->read.ride.revision));
            if (!changed_since(t, c) || ++c->tries == MOST_TRIES)
                break;
            AWAIT(t, stand_back(t, c));
        }
        if (t->outcome != DONE || !change_took(t, c))
            TASK_FAIL(t);
        FAULT("extend.written");
        log_change(t, c, reopens(c) ? "ride.reopened" : "ride.extended");
        ride_describe(s, t, c->id, &c->read.ride, c->read.now_ms,
                      c->call.reply);
        call_answer(&c->call);
        AWAIT(t, as_it_is(t, c));
        if (t->outcome == DONE)
            AWAIT(t, hold_settled(s, t, c->id, &c->read.ride, &c->sync));
    }
    TASK_END(t);
}

static void extend_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_ride_extend *m = c->call.request;
    c->act = "extend";
    c->id = m->id;
    c->ends = m->ends;
    move_run(t);
}

const struct bus_route route_ride_extend = {&type_ride_extend,
                                            sizeof(struct change), extend_run};

static void reopen_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_ride_reopen *m = c->call.request;
    c->act = "reopen";
    c->id = m->id;
    c->ends = m->ends;
    move_run(t);
}

const struct bus_route route_ride_reopen = {&type_ride_reopen,
                                            sizeof(struct change), reopen_run};
