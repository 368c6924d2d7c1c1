#include "ride-svc/create.h"

#include "ride-svc/duties.h"
#include "ride-svc/notice.h"
#include "ride-svc/people.h"
#include "ride-svc/ride.h"
#include "shared/fault.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "shared/partition.h"
#include "shared/script.h"
#include "shared/sms.h"
#include "shared/timestamp.h"

SCRIPT(ride_commit);
SCRIPT(person_ride);

enum { MOST_TRIES = 4, MOST_YEARS = 10 };
static const int64_t DAY_MS = 24LL * 3600 * 1000;

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
    struct str notices[4]; /* reference and sealed text, twice */
    struct hold_sync sync;
    unsigned partition, tries;
    int64_t now_ms;
    bool known; /* the request was seen before */
    bool committed_now;
};

/* ---- the request ---- */

static bool request_valid(struct task *t, const struct msg_ride_create *m)
{
    return words_valid(t, m->start, PLACE_MOST, "start") &&
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
    else if (m->ends != 0 && !c->known && m->ends <= c->now_ms)
        task_reject(t, PROBLEM_in_the_past, STR("ends_at"));
    else if (m->ends > c->now_ms + MOST_YEARS * 366 * DAY_MS)
        task_reject(t, PROBLEM_invalid, STR("ends_at"));
    return t->outcome == DONE;
}

static void store_request(struct task *t, struct create *c)
{
    struct str value = arena_printf(t->arena, "%.*s %.*s", STR_ARG(c->content),
                                    STR_ARG(c->chosen.pool));
    c->pool = c->chosen.pool;
    REDIS_DO(service_of(t)->redis, t, c->request_key, &c->stored, STR("SET"),
             c->request_key, value, STR("NX"), STR("GET"), STR("EX"),
             STR("172800"));
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
                                        .lasts = settings->ride_hours};
    if (m->ends != 0 || !time_parse(m->datetime, &pickup))
        return;
    /* A pickup in the past, or in a far future, is but a word in the notice. */
    if (pickup > c->now_ms && pickup < c->now_ms + MOST_YEARS * 366 * DAY_MS)
        c->ask.ends = pickup + settings->ride_hours;
}

static void take_number(struct task *t, struct create *c)
{
    c->partition = partition_of(c->got.number);
    c->id = ride_id(t->arena, c->partition, c->claim);
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

static bool fill_notices(struct task *t, struct create *c)
{
    const struct settings *settings = &service_of(t)->settings;
    if (fill_notice(t, c, 0, settings->customer_notice) &&
        fill_notice(t, c, 2, settings->driver_notice))
        return true;
    task_reject(t, PROBLEM_sms_too_long, STR("datetime"));
    return false;
}

/* Before the commit: an entry for a ride that never came is harmless. */
static void remember_rides(struct task *t, struct create *c)
{
    const struct settings *settings = &service_of(t)->settings;
    int64_t retention = settings->retention_days * DAY_MS;
    int64_t cooldown = settings->cooldown_hours;
    int64_t closed = c->got.ends + settings->grace_hours +
                     (cooldown == -1 ? retention : cooldown);
    struct str args[] = {c->id,
                         arena_printf(t->arena, "%lld", (long long)closed),
                         arena_printf(t->arena, "%lld", (long long)retention)};
    struct str keys[] = {key_person_rides(t->arena, c->customer.key),
                         key_person_rides(t->arena, c->driver.key)};
    for (int i = 0; i < 2; i++)
        redis_script(service_of(t)->redis, t, keys[i], &person_ride, &keys[i],
                     1, args, 3, &c->kept);
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
                         key_of_partition(a, "lease", p)};
    struct str args[] = {
        c->id,
        record_pack(a, &type_ride_record, &c->ride),
        arena_printf(a, "%lld", (long long)c->got.until),
        arena_printf(a, "%lld", (long long)settings->grace_hours),
        arena_printf(a, "%lld", (long long)settings->cooldown_hours),
        arena_printf(a, "%lld", (long long)(settings->retention_days * DAY_MS)),
        c->notices[0],
        c->notices[1],
        c->notices[2],
        c->notices[3],
        arena_printf(a, "%d", OUTBOX_MOST)};
    redis_script(service_of(t)->redis, t, partition_tag(p), &ride_commit, keys,
                 8, args, 11, &c->committed);
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
    c->ask.refused = STR_NONE;
    c->ask.renew = STR_NONE;
    if (str_is(fate, "taken")) {
        metric_add(METRIC_routes_taken_total, 1);
        log_event(LEVEL_WARN, "route.taken", t->trace, "ride=%.*s",
                  STR_ARG(c->id));
        c->ask.refused = c->got.number;
    } else if (str_is(fate, "lapsed")) {
        c->ask.renew = c->got.number;
    }
    return false;
}

static bool outbox_full(const struct create *c)
{
    return str_is(value_str(value_at(&c->committed, 0)), "full");
}

/* A definite refusal: nobody will use this claim. */
static void drop_claim(struct task *t, struct create *c)
{
    static struct msg_ok ok;
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

/* A ride needs a number that neither party holds; the route has the last word,
 * so another is asked for where it refuses. The same request comes to the same
 * claim, and a claim that led to a ride comes to that ride. */
static void create_run(struct task *t)
{
    struct create *c = (struct create *)t;
    const struct msg_ride_create *m = c->call.request;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!request_valid(t, m))
        TASK_FAIL(t);
    name_request(t, c);
    AWAIT(t, read_all(t, c));
    if (t->outcome != DONE || !read_well(t, c))
        TASK_FAIL(t);
    if (!c->known) {
        c->chooser.phone = c->customer.digits;
        AWAIT(t, bus_ask(s->client, t, "pool-svc", &type_pool_choose,
                         &c->chooser, &c->chosen));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        AWAIT(t, store_request(t, c));
        if (t->outcome == DONE && c->stored.kind == VALUE_STR &&
            !take_stored(c, &c->stored))
            task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
        if (t->outcome != DONE)
            TASK_FAIL(t);
    }
    FAULT("create.asked");
    fill_ask(t, c);
    while (c->tries++ < MOST_TRIES) {
        AWAIT(t, bus_ask(s->client, t, "pool-svc", &type_number_assign, &c->ask,
                         &c->got));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        take_number(t, c);
        FAULT("create.claimed");
        if (c->got.lapsed || c->got.until == 0) {
            AWAIT(t, ride_fetch(s, t, c->id, &c->found));
            if (t->outcome != DONE)
                TASK_FAIL(t);
            if (ride_decode(t, &c->found))
                break;
            if (c->got.until == 0) { /* it was there, and its time is over */
                task_reject(t, PROBLEM_ride_over, STR_NONE);
                TASK_FAIL(t);
            }
            c->ask.renew = c->got.number;
            continue;
        }
        fill_ride(t, c);
        if (!fill_notices(t, c)) {
            c->sync.refused = t->problem;
            AWAIT(t, drop_claim(t, c));
            task_reject(t, c->sync.refused.code, c->sync.refused.field);
            TASK_FAIL(t);
        }
        AWAIT(t, remember_rides(t, c));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        AWAIT(t, send_commit(t, c));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        if (committed(t, c))
            break;
        if (outbox_full(c)) {
            AWAIT(t, drop_claim(t, c));
            c->tries = MOST_TRIES;
        }
    }
    if (c->found.ride.revision == 0) {
        task_reject(t, PROBLEM_busy, STR_NONE);
        TASK_FAIL(t);
    }
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
