/* Ending and extending. */
#include "ride-svc/life.h"

#include <sodium.h>

#include "ride-svc/duties.h"
#include "ride-svc/person_rides.h"
#include "ride-svc/ride.h"
#include "shared/fault.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(ride_change);

enum { MOST_TRIES = 6, STAND_BACK_MS = 20 };

struct change {
    struct call call;
    struct str id;
    struct ride_read read;
    struct value changed, kept;
    struct hold_sync sync;
    struct msg_ride_record wanted;
    unsigned tries;
    struct loop_timer *timer;
};

static void send_change(struct task *t, struct change *c, const char *act,
                        int64_t ends)
{
    struct arena *a = t->arena;
    const struct settings *settings = &service_of(t)->settings;
    const struct msg_ride_record *ride = &c->read.ride;
    unsigned p = partition_of(ride->proxy);
    struct str keys[] = {key_ride(a, p, c->id),
                         key_route(a, ride->proxy, ride->customer_key),
                         key_route(a, ride->proxy, ride->driver_key),
                         key_of_partition(a, "duties", p),
                         key_timeline(a, p, c->id),
                         key_of_partition(a, "rides", p)};
    struct str args[] = {
        c->id,
        str_of(act),
        arena_number(t->arena, ends),
        arena_number(t->arena, settings->grace_ms),
        arena_number(t->arena, settings->cooldown_ms),
        arena_number(t->arena, settings->retention_days * DAY_MS),
        arena_number(t->arena, ride->revision)};
    redis_script(service_of(t)->redis, t, partition_tag(p), &ride_change, keys,
                 6, args, 7, &c->changed);
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

/* ---- RIDE_END: routes first, then the hold; answered when both are gone.
 * A repeat finds it ended and sees to the hold once more. ---- */

static void end_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_ride_end *m = c->call.request;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!id_valid(t, c, m->id))
        TASK_FAIL(t);
    AWAIT(t, ride_fetch(s, t, c->id, &c->read));
    if (!ride_found(t, c))
        TASK_FAIL(t);
    AWAIT(t, send_change(t, c, "end", 0));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (str_is(take_change(t, c), "done"))
        log_event(LEVEL_INFO, "ride.ended", t->trace, "ride=%.*s",
                  STR_ARG(c->id));
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

const struct bus_route route_ride_end = {&type_ride_end, sizeof(struct change),
                                         end_run};

/* ---- RIDE_EXTEND: the hold first, then the routes. Before both the ride is
 * marked, which leaves a duty: after a crash in between it sets the hold back
 * to what the ride says. ---- */

/* The ride as it will be, for its hold. */
static void fill_wanted(struct task *t, struct change *c, int64_t ends)
{
    c->wanted = c->read.ride;
    ride_set_end(&c->wanted, &service_of(t)->settings, ends);
}

/* One that another copy made first is as good as made here. */
static bool change_took(struct task *t, struct change *c, int64_t ends)
{
    struct str fate = take_change(t, c);
    bool made = str_is(fate, "earlier") && c->read.ride.ends == ends;
    if (str_is(fate, "over"))
        task_reject(t, PROBLEM_ride_over, STR("id"));
    else if (str_is(fate, "changed"))
        task_reject(t, PROBLEM_busy, STR("id"));
    else if (str_is(fate, "earlier") && !made)
        task_reject(t, PROBLEM_invalid, STR("ends_at"));
    else if (!str_is(fate, "done") && !made)
        task_reject(t, PROBLEM_not_found, STR("id"));
    return t->outcome == DONE;
}

/* Somebody else changed the ride between our mark and our extension. */
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

/* The same extension again, or again after a lost answer. */
static bool extended_already(struct task *t, struct change *c, int64_t ends)
{
    struct service *s = service_of(t);
    if (c->read.ride.ends != ends || c->read.now_ms >= ends)
        return false;
    ride_describe(s, t, c->id, &c->read.ride, c->read.now_ms, c->call.reply);
    return true;
}

static void extend_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_ride_extend *m = c->call.request;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!id_valid(t, c, m->id))
        TASK_FAIL(t);
    AWAIT(t, ride_fetch(s, t, c->id, &c->read));
    if (!ride_found(t, c))
        TASK_FAIL(t);
    if (m->ends > c->read.now_ms + MOST_AHEAD_MS) {
        task_reject(t, PROBLEM_invalid, STR("ends_at"));
        TASK_FAIL(t);
    }
    if (!extended_already(t, c, m->ends)) {
        for (;;) {
            AWAIT(t, send_change(t, c, "mark", m->ends));
            if (t->outcome != DONE || !change_took(t, c, m->ends))
                TASK_FAIL(t);
            fill_wanted(t, c, m->ends);
            AWAIT(t, person_rides_add(s, t, c->id, &c->wanted, &c->kept));
            if (t->outcome != DONE)
                TASK_FAIL(t);
            AWAIT(t,
                  hold_ask(s, t, c->id, &c->wanted, c->read.now_ms, &c->sync));
            if (t->outcome != DONE)
                TASK_FAIL(t);
            FAULT("extend.held");
            AWAIT(t, send_change(t, c, "extend", m->ends));
            if (!changed_since(t, c) || ++c->tries == MOST_TRIES)
                break;
            AWAIT(t, stand_back(t, c));
        }
        if (t->outcome != DONE || !change_took(t, c, m->ends))
            TASK_FAIL(t);
        FAULT("extend.written");
        log_event(LEVEL_INFO, "ride.extended", t->trace, "ride=%.*s",
                  STR_ARG(c->id));
        ride_describe(s, t, c->id, &c->read.ride, c->read.now_ms,
                      c->call.reply);
        call_answer(&c->call);
        AWAIT(t,
              hold_ask(s, t, c->id, &c->read.ride, c->read.now_ms, &c->sync));
        if (t->outcome == DONE)
            AWAIT(t, hold_settled(s, t, c->id, &c->read.ride, &c->sync));
    }
    TASK_END(t);
}

const struct bus_route route_ride_extend = {&type_ride_extend,
                                            sizeof(struct change), extend_run};
