/* RIDE_PARTY. The number stays where it is free for who comes: claimed for
 * them, then routes and ride in one step, then the holds. Else another ride
 * goes on in its place, with a number of its own, and this one is over. */
#include "ride-svc/party.h"

#include <sodium.h>

#include "ride-svc/party_parts.h"
#include "ride-svc/person_rides.h"
#include "shared/fault.h"
#include "shared/log.h"
#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(ride_party);

enum { MOST_TRIES = 6, STAND_BACK_MS = 20 };

/* ---- the ride's own number, for who comes ---- */

/* The same change comes to the same claim, whatever else changed meanwhile: the
 * one that it has keeps its number for it. */
static struct str claim_of(struct task *t, const struct party *c)
{
    struct str key = arena_printf(t->arena, "%.*s %.*s", STR_ARG(party_id(c)),
                                  STR_ARG(c->people[c->role].key));
    return vault_hash(service_of(t)->vault, t->arena, "party", key);
}

static void ask_number(struct task *t, struct party *c)
{
    struct service *s = service_of(t);
    const struct msg_ride_record *ride = &c->read.ride;
    party_fill(t, c);
    c->got = (struct msg_number_assigned){.until = INT64_MAX};
    if (party_same_phone(c))
        return;
    c->ask = (struct msg_number_assign){
        .pool = ride->pool,
        .claim = claim_of(t, c),
        .customer = c->after.customer_key,
        .driver = c->after.driver_key,
        .ends = ride->grace,
        .renew = ride->proxy,
        .wanted = ride->proxy,
        .spared = str_of(party_roles[ROLES - 1 - c->role])};
    bus_ask(s->client, t, "pool-svc", &type_number_assign, &c->ask, &c->got);
    person_rides_count(s, t, c->people[c->role].key, c->read.now_ms, &c->live);
}

/* Not free for them, as the pool has it, or a route. */
static bool needs_another(const struct task *t)
{
    return t->outcome == REJECT && t->problem.code == PROBLEM_no_number;
}

static bool has_room(struct task *t, const struct party *c)
{
    if (t->outcome == DONE && !party_same_phone(c) &&
        value_num(&c->live, 0) >= MOST_LIVE_RIDES)
        task_reject(t, PROBLEM_too_many_rides, str_of(party_roles[c->role]));
    return t->outcome == DONE;
}

/* ---- the step ---- */

static void send_party(struct task *t, struct party *c)
{
    struct arena *a = t->arena;
    const struct settings *settings = &service_of(t)->settings;
    const struct msg_ride_record *was = &c->read.ride, *ride = &c->after;
    unsigned p = partition_of(was->proxy);
    bool customer = c->role == CUSTOMER;
    struct str keys[] = {
        key_ride(a, p, party_id(c)),
        key_route(a, was->proxy, party_stayers_key(c)),
        key_route(a, was->proxy,
                  customer ? was->customer_key : was->driver_key),
        key_route(a, was->proxy, c->people[c->role].key),
        key_of_partition(a, "outbox", p),
        key_of_partition(a, "duties", p),
        key_timeline(a, p, party_id(c)),
        key_of_partition(a, "lease", p),
        key_of_partition(a, "waiting", p)};
    struct str args[] = {party_id(c),
                         str_of(party_roles[c->role]),
                         arena_number(a, was->revision),
                         arena_number(a, c->got.until),
                         arena_number(a, c->wanted[c->role]),
                         c->people[c->role].name,
                         customer ? ride->customer_phone : ride->driver_phone,
                         c->people[c->role].key,
                         arena_number(a, settings->cooldown_ms),
                         arena_number(a, OUTBOX_MOST),
                         c->notices[COMES][0],
                         c->notices[COMES][1],
                         c->notices[STAYS][0],
                         c->notices[STAYS][1],
                         c->notices[LEAVES][0],
                         c->notices[LEAVES][1],
                         arena_number(a, settings->retention_days * DAY_MS)};
    redis_script(service_of(t)->redis, t, partition_tag(p), &ride_party, keys,
                 9, args, 17, &c->changed);
}

/* True: read it all again. False: done, or the task has its problem;
 * `no_number` where a route refuses the number. */
static bool comes_again(struct task *t, struct party *c)
{
    if (t->outcome != DONE)
        return false;
    if (party_fate_is(c, "done")) {
        c->read.packed = *value_at(&c->changed, 1);
        (void)ride_decode(t, &c->read);
        c->read.now_ms = value_num(value_at(&c->changed, 2), c->read.now_ms);
        log_event(LEVEL_INFO, "ride.party", t->trace, "ride=%.*s role=%s",
                  STR_ARG(party_id(c)), party_roles[c->role]);
        return false;
    }
    if (party_fate_is(c, "over"))
        task_reject(t, PROBLEM_ride_over, STR("id"));
    else if (party_fate_is(c, "taken"))
        task_reject(t, PROBLEM_no_number, STR_NONE);
    else if (party_fate_is(c, "full") || ++c->tries == MOST_TRIES)
        task_reject(t, PROBLEM_busy, STR_NONE);
    return t->outcome == DONE;
}

static void stood_back(void *arg)
{
    struct party *c = arg;
    loop_timer_destroy(&c->timer);
    task_done(&c->call.task);
}

/* Before it is read again: what is owed for an earlier change is settled, or
 * whoever does it gets some time. */
static void stand_back(struct task *t, struct party *c)
{
    struct service *s = service_of(t);
    if (c->tries == 0)
        return;
    task_hold(t);
    c->timer = loop_timer_new(s->loop, stood_back, c);
    loop_timer_set(c->timer,
                   randombytes_uniform((uint32_t)STAND_BACK_MS << c->tries));
    if (party_fate_is(c, "owed"))
        hold_ask(s, t, party_id(c), &c->read.ride, c->read.now_ms, &c->sync);
}

static void settle(struct task *t, struct party *c)
{
    /* Where there was no answer it stays a duty. */
    if (t->outcome == DONE && c->tries > 0 && party_fate_is(c, "owed"))
        hold_settled(service_of(t), t, party_id(c), &c->read.ride, &c->sync);
}

static void written_run(struct task *t)
{
    struct party *c = (struct party *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    FAULT("party.written");
    party_answer(t, c, party_id(c));
    poke(s, value_at(&c->changed, 3), partition_of(c->read.ride.proxy));
    c->sync.takes_over = c->ask.claim;
    AWAIT(t,
          hold_ask(s, t, party_id(c), &c->read.ride, c->read.now_ms, &c->sync));
    if (t->outcome == DONE)
        AWAIT(t, person_rides_add(s, t, party_id(c), &c->read.ride, &c->kept));
    FAULT("party.held");
    if (t->outcome == DONE)
        AWAIT(t, hold_settled(s, t, party_id(c), &c->read.ride, &c->sync));
    TASK_END(t);
}

/* ---- all of it ---- */

/* Another body for the rest of it. */
static void go_on(struct task *t, void (*run)(struct task *))
{
    t->at = 0;
    t->outcome = DONE;
    t->run = run;
    run(t);
}

static void party_run(struct task *t)
{
    struct party *c = (struct party *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!party_valid(t, c))
        TASK_FAIL(t);
    do {
        AWAIT(t, stand_back(t, c));
        AWAIT(t, settle(t, c));
        AWAIT(t, party_read(t, c));
        if (!party_read_well(t, c))
            TASK_FAIL(t);
        if (c->role == ROLES) {
            party_answer(t, c, party_id(c));
            TASK_FAIL(t);
        }
        if (c->read.ride.next.len > 0) {
            go_on(t, party_follow);
            return;
        }
        AWAIT(t, ask_number(t, c));
        if (needs_another(t)) {
            go_on(t, party_replace);
            return;
        }
        if (!has_room(t, c) || !party_fill_notices(t, c))
            TASK_FAIL(t);
        FAULT("party.claimed");
        AWAIT(t, person_rides_plan(s, t, party_id(c), &c->after, c->read.now_ms,
                                   &c->kept));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        AWAIT(t, send_party(t, c));
    } while (comes_again(t, c));
    if (needs_another(t)) {
        go_on(t, party_replace);
        return;
    }
    if (t->outcome != DONE)
        TASK_FAIL(t);
    go_on(t, written_run);
    return;
    TASK_END(t);
}

const struct bus_route route_ride_party = {&type_ride_party,
                                           sizeof(struct party), party_run};
