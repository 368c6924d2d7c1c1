#include "ride-svc/create.h"

#include "ride-svc/duties.h"
#include "ride-svc/notice.h"
#include "ride-svc/people.h"
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

struct create {
    struct call call;
    struct person customer, driver;
    struct value stored, time, committed, kept;
    struct str request_key, content, pool, claim, id;
    struct msg_pool_choose chooser;
    struct msg_pool_chosen chosen;
    struct msg_number_assign ask;
    struct msg_number_assigned got;
    struct msg_ride_record ride;
    struct ride_read found;
    struct ride_read *searched; /* one a partition */
    struct str notices[4];      /* reference and sealed text, twice */
    struct hold_sync sync;
    enum problem_code refusal; /* for good; PROBLEM_internal: none */
    unsigned partition, tries;
    int64_t now_ms;
    bool known; /* the request was seen before */
    bool committed_now;
};

/* ---- the request ---- */

static bool request_valid(struct task *t, const struct msg_ride_create *m)
{
    return key_valid(t, m->key) &&
           words_valid(t, m->start, PLACE_MOST, "start") &&
           words_valid(t, m->destination, PLACE_MOST, "destination") &&
           words_valid(t, m->datetime, DATETIME_MOST, "datetime");
}

static void name_request(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    const struct vault *v = service_of(t)->vault;
    c->claim = vault_hash(v, t->arena, "claim", m->key);
    c->request_key = arena_printf(t->arena, "request:%.*s", STR_ARG(c->claim));
    struct str content = arena_printf(
        t->arena, "%lld\n%lld\n%.*s\n%.*s\n%.*s\n%lld", (long long)m->customer,
        (long long)m->driver, STR_ARG(m->start), STR_ARG(m->destination),
        STR_ARG(m->datetime), (long long)m->ends);
    c->content = vault_hash(v, t->arena, "content", content);
}

static void read_all(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    struct service *s = service_of(t);
    person_fetch(s, t, "customer", m->customer, &c->customer);
    person_fetch(s, t, "driver", m->driver, &c->driver);
    REDIS_DO(s->redis, t, c->request_key, &c->stored, STR("GET"),
             c->request_key);
    REDIS_DO(s->redis, t, c->request_key, &c->time, STR("TIME"));
}

/* "<content> <pool>"; false where the key stands for other content. */
static bool take_stored(struct create *c, const struct value *stored)
{
    struct str pool = value_str(stored);
    struct str content = str_cut(&pool, ' ');
    c->known = true;
    c->pool = pool;
    return str_eq(content, c->content);
}

/* While it was asked again and again, perhaps. */
static bool end_has_passed(const struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    return m->ends != 0 && m->ends <= c->now_ms;
}

/* Who rides with whom, and until when; rejects the task where that can't be. */
static bool read_well(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    struct service *s = service_of(t);
    c->now_ms = redis_time_ms(&c->time);
    if (c->stored.kind == VALUE_STR && !take_stored(c, &c->stored))
        task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
    else if (!person_decode(s, t, "customer", m->customer, &c->customer))
        task_reject(t, PROBLEM_unknown_person, STR("customer"));
    else if (!person_decode(s, t, "driver", m->driver, &c->driver))
        task_reject(t, PROBLEM_unknown_person, STR("driver"));
    else if (str_eq(c->customer.key, c->driver.key))
        task_reject(t, PROBLEM_same_phone, STR("driver"));
    else if (!c->known && end_has_passed(c))
        task_reject(t, PROBLEM_in_the_past, STR("ends_at"));
    else if (m->ends > c->now_ms + MOST_AHEAD_MS)
        task_reject(t, PROBLEM_invalid, STR("ends_at"));
    return t->outcome == DONE;
}

/* ---- a repeat whose people have gone, or changed, since ---- */

static bool repeats_without_pair(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    struct service *s = service_of(t);
    if (c->stored.kind != VALUE_STR)
        return false;
    c->now_ms = redis_time_ms(&c->time);
    return !person_decode(s, t, "customer", m->customer, &c->customer) ||
           !person_decode(s, t, "driver", m->driver, &c->driver) ||
           str_eq(c->customer.key, c->driver.key);
}

/* Their number, which names the ride's partition, is not known without them.
 * Nothing where they are there. */
static void search_ride(struct task *t, struct create *c)
{
    if (!repeats_without_pair(t, c))
        return;
    c->searched = arena_alloc(t->arena, PARTITIONS * sizeof(*c->searched));
    for (unsigned p = 0; p < PARTITIONS; p++)
        ride_fetch_packed(service_of(t), t, ride_id(t->arena, p, c->claim),
                          &c->searched[p]);
}

static bool search_found(struct task *t, struct create *c)
{
    for (unsigned p = 0; c->searched != NULL && p < PARTITIONS; p++) {
        c->searched[p].now_ms = c->now_ms;
        if (!ride_decode(t, &c->searched[p]))
            continue;
        c->found = c->searched[p];
        c->id = ride_id(t->arena, p, c->claim);
        return true;
    }
    return false;
}

/* Both do nothing where the request was seen before. */
static void choose_pool(struct task *t, struct create *c)
{
    if (c->known)
        return;
    c->chooser.phone = c->customer.digits;
    bus_ask(service_of(t)->client, t, "pool-svc", &type_pool_choose,
            &c->chooser, &c->chosen);
}

static void store_request(struct task *t, struct create *c)
{
    if (c->known)
        return;
    struct str value = arena_printf(t->arena, "%.*s %.*s", STR_ARG(c->content),
                                    STR_ARG(c->chosen.pool));
    c->pool = c->chosen.pool;
    REDIS_DO(service_of(t)->redis, t, c->request_key, &c->stored, STR("SET"),
             c->request_key, value, STR("NX"), STR("GET"), STR("EX"),
             STR("172800"));
}

/* Another copy may have stored it in the meantime. */
static bool request_stands(struct task *t, struct create *c)
{
    if (t->outcome == DONE && !c->known && c->stored.kind == VALUE_STR &&
        !take_stored(c, &c->stored))
        task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
    return t->outcome == DONE;
}

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
                                        .lasts = settings->ride_ms};
    if (m->ends != 0 || !time_parse(m->datetime, &pickup))
        return;
    /* One whose ride would be over, or in a far future, is but a word in the
     * notice. */
    if (pickup + settings->ride_ms > c->now_ms &&
        pickup < c->now_ms + MOST_AHEAD_MS)
        c->ask.ends = pickup + settings->ride_ms;
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
    return claim_is_old(c) || end_has_passed(c);
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

static void fill_ride(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    const struct vault *v = service_of(t)->vault;
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
        .revision = 1};
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
    const struct settings *settings = &service_of(t)->settings;
    if (!fill_notice(t, c, 0, settings->customer_notice) ||
        !fill_notice(t, c, 2, settings->driver_notice))
        c->refusal = PROBLEM_sms_too_long;
    if (end_has_passed(c))
        c->refusal = PROBLEM_in_the_past;
}

static void send_commit(struct task *t, struct create *c)
{
    struct arena *a = t->arena;
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
                         key_of_partition(a, "waiting", p)};
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
                         arena_number(a, OUTBOX_MOST)};
    redis_script(service_of(t)->redis, t, partition_tag(p), &ride_commit, keys,
                 9, args, 11, &c->committed);
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
    if (ride->customer == m->customer && ride->driver == m->driver &&
        str_eq(ride->start, m->start) &&
        str_eq(ride->destination, m->destination) &&
        str_eq(ride->datetime, m->datetime))
        return true;
    task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
    return false;
}

static bool ride_stands(struct task *t, struct create *c)
{
    return t->outcome == DONE && c->refusal == PROBLEM_internal &&
           committed(t, c);
}

/* The ride of a repeat whose people have gone. */
static bool search_answered(struct task *t, struct create *c)
{
    if (t->outcome != DONE || !search_found(t, c))
        return false;
    if (is_asked_for(t, c))
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
    if (!request_valid(t, c->call.request))
        TASK_FAIL(t);
    name_request(t, c);
    AWAIT(t, read_all(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, search_ride(t, c));
    if (search_answered(t, c) || t->outcome != DONE || !read_well(t, c))
        TASK_FAIL(t);
    AWAIT(t, choose_pool(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, store_request(t, c));
    if (!request_stands(t, c))
        TASK_FAIL(t);
    FAULT("create.asked");
    fill_ask(t, c);
    while (c->tries++ < MOST_TRIES) {
        AWAIT(t, bus_ask(s->client, t, "pool-svc", &type_number_assign, &c->ask,
                         &c->got));
        if (t->outcome != DONE)
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
        AWAIT(t, person_rides_add(s, t, c->id, &c->ride, &c->kept));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        AWAIT(t, write_ride(t, c));
        if (ride_stands(t, c) || t->outcome != DONE)
            break;
        AWAIT(t, drop_claim(t, c));
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
        if (t->outcome == DONE)
            AWAIT(t, hold_settled(s, t, c->id, &c->found.ride, &c->sync));
    }
    TASK_END(t);
}

const struct bus_route route_ride_create = {&type_ride_create,
                                            sizeof(struct create), create_run};
