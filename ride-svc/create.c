#include "ride-svc/create_request.h"

#include "ride-svc/notice.h"
#include "ride-svc/person_rides.h"
#include "ride-svc/ride.h"
#include "shared/fault.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "shared/partition.h"
#include "shared/script.h"
#include "shared/sms.h"
#include "shared/timestamp.h"

SCRIPT(ride_commit);

enum { MOST_TRIES = 4 };

/* ---- the number ---- */

static void fill_ask(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    const struct settings *settings = &service_of(t)->settings;
    int64_t pickup = 0;
    c->ask = (struct msg_number_assign){.pool = c->pool,
                                        .claim = c->claim,
                                        .customer = c->customer.key,
                                        .driver = c->driver.key,
                                        .ends = m->ends,
                                        .lasts = settings->ride_ms,
                                        .wanted = phone_str(&c->proxy)};
    if (m->ends != 0 || !time_parse(m->datetime, &pickup))
        return;
    /* One whose ride would be over, or in a far future, is but a word in the
     * notice. */
    if (pickup + settings->ride_ms > c->now_ms &&
        pickup < c->now_ms + MOST_AHEAD_MS)
        c->ask.ends = pickup + settings->ride_ms;
}

/* False: none was given. */
static bool was_given(struct task *t, const struct create *c)
{
    int64_t next_free = t->problem.detail;
    if (t->outcome == REJECT && c->proxy.len > 0 &&
        t->problem.code == PROBLEM_no_number) {
        task_reject(t, PROBLEM_proxy_held, STR("proxy"));
        t->problem.detail = next_free;
    }
    return t->outcome == DONE;
}

static void take_number(struct task *t, struct create *c)
{
    c->partition = partition_of(c->got.number);
    c->id = ride_id(t->arena, c->partition, c->claim);
    c->ask.refused = STR_NONE;
    c->ask.renew = STR_NONE;
}

/* An earlier claim of this request may have led to a ride. */
static bool claim_is_old(const struct create *c)
{
    return c->got.lapsed || c->got.until == 0;
}

static bool ride_may_be_there(const struct create *c)
{
    return claim_is_old(c) || request_end_passed(c);
}

static void look_for_ride(struct task *t, struct create *c)
{
    if (ride_may_be_there(c))
        ride_fetch(service_of(t), t, c->id, &c->found);
}

/* True: it did. Else the claim that lapsed is renewed; one that was confirmed
 * had its ride, whose time is over. */
static bool ride_is_there(struct task *t, struct create *c)
{
    if (t->outcome != DONE || !ride_may_be_there(c))
        return false;
    if (ride_decode(t, &c->found))
        return true;
    if (!claim_is_old(c))
        return false;
    if (c->got.until == 0)
        task_reject(t, PROBLEM_ride_over, STR_NONE);
    c->ask.renew = c->got.number;
    return false;
}

/* ---- the commit ---- */

/* sms or voice, where the numbers of its pool can only do that. */
static struct str pool_channel(const struct create *c)
{
    struct str can = c->got.capabilities;
    return str_is(can, "sms") || str_is(can, "voice") ? can : STR_NONE;
}

static void fill_ride(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    const struct vault *v = service_of(t)->vault;
    struct str channel = request_channel(m), can = pool_channel(c);
    if (m->channels.count == 0)
        channel = can;
    else if (can.len > 0 && !str_eq(channel, can))
        c->refusal = PROBLEM_lacks_channel;
    c->ride = (struct msg_ride_record){
        .customer = m->customer,
        .driver = m->driver,
        .customer_name = c->customer.name,
        .driver_name = c->driver.name,
        .customer_phone =
            vault_seal(v, t->arena, c->customer.digits,
                       meaning_phone(t->arena, c->id, STR("customer"))),
        .driver_phone =
            vault_seal(v, t->arena, c->driver.digits,
                       meaning_phone(t->arena, c->id, STR("driver"))),
        .customer_key = c->customer.key,
        .driver_key = c->driver.key,
        .start = m->start,
        .destination = m->destination,
        .datetime = m->datetime,
        .pool = c->pool,
        .proxy = c->got.number,
        .ends = c->got.ends,
        .revision = 1,
        .channels = channel,
        .replaces = c->replaces,
        .replaces_revision = c->replaces_revision,
        .closed_answer = c->got.closed_answer,
        .closed_caller = c->got.closed_caller,
        .language = c->got.language,
        .can = can,
        .implied = m->channels.count == 0 && can.len > 0};
}

/* False where the text would be too long for the provider. */
static bool fill_notice(struct task *t, struct create *c, size_t at,
                        const char *template)
{
    struct str text = notice_text(t->arena, template, &c->ride);
    struct str reference =
        arena_printf(t->arena, "%.*s%c", STR_ARG(c->id), at == 0 ? 'c' : 'd');
    c->notices[at] = reference;
    c->notices[at + 1] = vault_seal(service_of(t)->vault, t->arena, text,
                                    meaning_text(t->arena, reference));
    return sms_parts(text) <= SMS_MOST_PARTS;
}

static void fill_notices(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    const struct settings *settings = &service_of(t)->settings;
    const char *customer = c->got.customer_notice.len > 0
                               ? arena_cstr(t->arena, c->got.customer_notice)
                               : settings->customer_notice;
    const char *driver = c->got.driver_notice.len > 0
                             ? arena_cstr(t->arena, c->got.driver_notice)
                             : settings->driver_notice;
    if (!m->quiet && ride_can_text(&c->ride) &&
        (!fill_notice(t, c, 0, customer) || !fill_notice(t, c, 2, driver)))
        c->refusal = PROBLEM_sms_too_long;
    if (request_end_passed(c))
        c->refusal = PROBLEM_in_the_past;
}

static void send_commit(struct task *t, struct create *c)
{
    struct arena *a = t->arena;
    const struct msg_ride_create *m = c->call.request;
    const struct settings *settings = &service_of(t)->settings;
    unsigned p = c->partition;
    struct str keys[] = {key_ride(a, p, c->id),
                         key_of_partition(a, "rides", p),
                         key_route(a, c->got.number, c->customer.key),
                         key_route(a, c->got.number, c->driver.key),
                         key_of_partition(a, "outbox", p),
                         key_of_partition(a, "duties", p),
                         key_timeline(a, p, c->id),
                         key_of_partition(a, "lease", p),
                         key_of_partition(a, "waiting", p),
                         key_once(a, p, c->id)};
    struct str args[] = {c->id,
                         record_pack(a, &type_ride_record, &c->ride),
                         arena_number(a, c->got.until),
                         arena_number(a, settings->grace_ms),
                         arena_number(a, settings->cooldown_ms),
                         arena_number(a, settings->retention_days * DAY_MS),
                         c->notices[0],
                         c->notices[1],
                         c->notices[2],
                         c->notices[3],
                         arena_number(a, OUTBOX_MOST),
                         m->once ? STR("1") : STR("")};
    redis_script(service_of(t)->redis, t, partition_tag(p), &ride_commit, keys,
                 10, args, 12, &c->committed);
}

/* What to do about the commit's answer: true, the ride stands. */
static bool committed(struct task *t, struct create *c)
{
    struct str fate = value_str(value_at(&c->committed, 0));
    c->committed_now = str_is(fate, "made");
    if (c->committed_now || str_is(fate, "exists")) {
        c->found.packed = *value_at(&c->committed, 1);
        c->found.now_ms = c->now_ms;
        return ride_decode(t, &c->found);
    }
    if (str_is(fate, "taken")) {
        metric_add(METRIC_routes_taken_total, 1);
        log_event(LEVEL_WARN, "route.taken", t->trace, "ride=%.*s",
                  STR_ARG(c->id));
        c->ask.refused = c->got.number;
    } else if (str_is(fate, "lapsed")) {
        c->ask.renew = c->got.number;
    } else if (str_is(fate, "over")) {
        c->refusal = PROBLEM_ride_over;
    } else {
        c->refusal = PROBLEM_busy; /* the outbox is full */
    }
    return false;
}

/* A definite refusal, where there is one: nobody will use this claim. */
static void drop_claim(struct task *t, struct create *c)
{
    static struct msg_ok ok;
    if (c->refusal == PROBLEM_internal)
        return;
    struct msg_claim_drop m = {.pool = c->pool,
                               .claim = c->claim,
                               .number = c->got.number,
                               .customer = c->customer.key,
                               .driver = c->driver.key};
    bus_ask(service_of(t)->client, t, "pool-svc", &type_claim_drop, &m, &ok);
}

static void answer_ride(struct task *t, struct create *c)
{
    struct service *s = service_of(t);
    ride_describe(s, t, c->id, &c->found.ride, c->found.now_ms, c->call.reply);
    t->outcome = DONE;
    call_answer(&c->call);
    if (!c->committed_now)
        return;
    metric_add(METRIC_rides_created_total, 1);
    log_event(LEVEL_INFO, "ride.created", t->trace, "ride=%.*s",
              STR_ARG(c->id));
    poke(s, value_at(&c->committed, 2), c->partition);
}

/* This number, at least. A claim that lapsed is asked for again, and is no
 * refusal. */
static void give_up(struct task *t, struct create *c)
{
    drop_claim(t, c);
    if (c->refusal != PROBLEM_internal || c->ask.refused.len > 0)
        person_rides_unplan(service_of(t), t, c->id, &c->ride);
}

/* The ride and all that belongs to it, unless it is refused already. */
static void write_ride(struct task *t, struct create *c)
{
    if (c->refusal == PROBLEM_internal)
        send_commit(t, c);
}

/* A key is forgotten after two days; its ride may stand for longer, and is no
 * answer to a request that asks for another. */
static bool is_asked_for(struct task *t, const struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    const struct msg_ride_record *ride = &c->found.ride;
    /* Who came in mid-ride was not asked for then. */
    if ((ride->customer == m->customer || ride->customer_since > 0) &&
        (ride->driver == m->driver || ride->driver_since > 0) &&
        str_eq(ride->start, m->start) &&
        str_eq(ride->destination, m->destination) &&
        str_eq(ride->datetime, m->datetime) &&
        (c->proxy.len == 0 || str_eq(ride->proxy, phone_str(&c->proxy))) &&
        (str_eq(ride->channels, request_channel(m)) ||
         (m->channels.count == 0 && ride->implied)))
        return true;
    task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
    return false;
}

static bool ride_stands(struct task *t, struct create *c)
{
    return t->outcome == DONE && c->refusal == PROBLEM_internal &&
           committed(t, c);
}

/* The ride of a repeat whose people have gone, or of a key for good. */
static bool search_answered(struct task *t, struct create *c)
{
    if (t->outcome != DONE ||
        (!request_was_made(t, c) && !request_search_found(t, c)))
        return false;
    if (t->outcome == DONE && is_asked_for(t, c))
        answer_ride(t, c);
    return true;
}

/* What ends the tries: an outage, a refusal for good, or too many. */
static void refuse(struct task *t, struct create *c)
{
    if (t->outcome != DONE)
        return;
    if (c->refusal == PROBLEM_internal)
        c->refusal = PROBLEM_busy;
    struct str field = STR_NONE;
    if (c->refusal == PROBLEM_sms_too_long)
        field = STR("datetime");
    else if (c->refusal == PROBLEM_in_the_past)
        field = STR("ends_at");
    else if (c->refusal == PROBLEM_lacks_channel)
        field = STR("channels");
    task_reject(t, c->refusal, field);
}

static bool came_to_a_ride(struct task *t, struct create *c)
{
    if (c->found.ride.revision != 0)
        return is_asked_for(t, c);
    refuse(t, c);
    return false;
}

/* A ride needs a number that neither party holds; the route has the last word,
 * so another is asked for where it refuses. The same request comes to the same
 * claim, and a claim that led to a ride comes to that ride. */
static void create_run(struct task *t)
{
    struct create *c = (struct create *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!request_valid(t, c))
        TASK_FAIL(t);
    request_name(t, c);
    AWAIT(t, request_read(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, request_search(t, c));
    if (search_answered(t, c) || t->outcome != DONE || !request_read_well(t, c))
        TASK_FAIL(t);
    AWAIT(t, request_choose_pool(t, c));
    if (!request_pool_chosen(t, c) || !request_has_room(t, c))
        TASK_FAIL(t);
    AWAIT(t, request_store(t, c));
    if (!request_stands(t, c))
        TASK_FAIL(t);
    FAULT("create.asked");
    fill_ask(t, c);
    while (c->tries++ < MOST_TRIES) {
        AWAIT(t, bus_ask(s->client, t, "pool-svc", &type_number_assign, &c->ask,
                         &c->got));
        if (!was_given(t, c))
            TASK_FAIL(t);
        take_number(t, c);
        FAULT("create.claimed");
        AWAIT(t, look_for_ride(t, c));
        if (ride_is_there(t, c))
            break;
        if (t->outcome != DONE)
            TASK_FAIL(t);
        if (claim_is_old(c))
            continue;
        fill_ride(t, c);
        fill_notices(t, c);
        /* Before the commit: one for a ride that never came is harmless. */
        AWAIT(t, person_rides_plan(s, t, c->id, &c->ride, c->now_ms, &c->kept));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        AWAIT(t, write_ride(t, c));
        if (ride_stands(t, c) || t->outcome != DONE)
            break;
        AWAIT(t, give_up(t, c));
        if (c->refusal != PROBLEM_internal)
            break;
    }
    if (!came_to_a_ride(t, c))
        TASK_FAIL(t);
    FAULT("create.committed");
    answer_ride(t, c);
    if (c->committed_now) {
        AWAIT(t, hold_ask(s, t, c->id, &c->found.ride, c->now_ms, &c->sync));
        FAULT("create.confirmed");
        /* What it replaces is to be over, too, before its duty is done. */
        if (t->outcome == DONE && c->replaces.len == 0)
            AWAIT(t, hold_settled(s, t, c->id, &c->found.ride, &c->sync));
    }
    TASK_END(t);
}

/* ---- for another task ---- */

struct made {
    struct create create;
    struct msg_ride reply;
    struct task *asker;
    struct str *id;
};

static void made_ended(struct task *t)
{
    struct made *c = (struct made *)t;
    struct problem problem = t->problem;
    problem.field = arena_copy(c->asker->arena, problem.field);
    *c->id = arena_copy(c->asker->arena, c->reply.id);
    /* What follows the answer, like the confirm, is a duty where it failed. */
    if (c->reply.id.len > 0)
        task_done(c->asker);
    else
        task_fail(c->asker, problem);
}

void create_begin(struct service *s, struct task *t,
                  const struct msg_ride_create *request, struct str replaces,
                  int64_t replaces_revision, struct str *id)
{
    struct made *c = service_task(s, sizeof(*c), create_run, task_left_ms(t));
    c->create.call.request = request;
    c->create.replaces = replaces;
    c->create.replaces_revision = replaces_revision;
    c->create.call.reply = &c->reply;
    c->create.call.task.finish = made_ended;
    c->create.call.task.trace = arena_copy(c->create.call.task.arena, t->trace);
    c->asker = t;
    c->id = id;
    task_hold(t);
    task_start(&c->create.call.task);
}

const struct bus_route route_ride_create = {&type_ride_create,
                                            sizeof(struct create), create_run};
