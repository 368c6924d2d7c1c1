#include "ride-svc/create_request.h"

#include "ride-svc/person_rides.h"
#include "shared/partition.h"
#include "shared/words.h"

static bool proxy_valid(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    enum problem_code why = PROBLEM_missing;
    if (m->proxy.len > 0 ? phone_parse(m->proxy, &c->proxy, &why) : !m->once)
        return true;
    task_reject(t, why, STR("proxy"));
    return false;
}

/* sms, voice, or both: which is said by neither. */
static bool channels_valid(struct task *t, const struct list *channels)
{
    for (size_t i = 0; i < channels->count; i++) {
        if (str_is(channels->items[i], "sms") ||
            str_is(channels->items[i], "voice"))
            continue;
        task_reject(t, PROBLEM_invalid, STR("channels"));
        return false;
    }
    return true;
}

struct str request_channel(const struct msg_ride_create *m)
{
    for (size_t i = 1; i < m->channels.count; i++)
        if (!str_eq(m->channels.items[i], m->channels.items[0]))
            return STR_NONE;
    return m->channels.count > 0 ? m->channels.items[0] : STR_NONE;
}

bool request_valid(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    return channels_valid(t, &m->channels) && key_valid(t, m->key) &&
           words_valid(t, m->start, PLACE_MOST, "start") &&
           words_valid(t, m->destination, PLACE_MOST, "destination") &&
           words_valid(t, m->datetime, DATETIME_MOST, "datetime") &&
           proxy_valid(t, c);
}

void request_name(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    const struct vault *v = service_of(t)->vault;
    c->claim = vault_hash(v, t->arena, "claim", m->key);
    c->request_key = arena_printf(t->arena, "request:%.*s", STR_ARG(c->claim));
    struct str content = arena_printf(
        t->arena, "%lld\n%lld\n%.*s\n%.*s\n%.*s\n%lld", (long long)m->customer,
        (long long)m->driver, STR_ARG(m->start), STR_ARG(m->destination),
        STR_ARG(m->datetime), (long long)m->ends);
    /* Without them the same as ever: a request may have been sent before. */
    if (c->proxy.len > 0 || m->quiet || m->once)
        content =
            arena_printf(t->arena, "%.*s\n%.*s\n%d\n%d", STR_ARG(content),
                         STR_ARG(phone_str(&c->proxy)), m->quiet, m->once);
    if (m->pool.len > 0)
        content = arena_printf(t->arena, "%.*s\npool %.*s", STR_ARG(content),
                               STR_ARG(m->pool));
    struct str channel = request_channel(m);
    if (channel.len > 0)
        content = arena_printf(t->arena, "%.*s\nonly %.*s", STR_ARG(content),
                               STR_ARG(channel));
    c->content = vault_hash(v, t->arena, "content", content);
    c->content.len = CONTENT_CHARS;
}

struct str key_once(struct arena *arena, unsigned partition, struct str id)
{
    return key_in_partition(arena, "once", partition, id);
}

/* Which partition the ride is in the number tells that is asked for. */
static void read_made(struct task *t, struct create *c)
{
    struct service *s = service_of(t);
    unsigned p = partition_of(phone_str(&c->proxy));
    c->id = ride_id(t->arena, p, c->claim);
    struct str key = key_once(t->arena, p, c->id);
    REDIS_DO(s->redis, t, key, &c->made_before, STR("GET"), key);
    ride_fetch(s, t, c->id, &c->found);
}

void request_read(struct task *t, struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    struct service *s = service_of(t);
    person_fetch(s, t, "customer", m->customer, &c->customer);
    person_fetch(s, t, "driver", m->driver, &c->driver);
    REDIS_DO(s->redis, t, c->request_key, &c->stored, STR("GET"),
             c->request_key);
    REDIS_DO(s->redis, t, c->request_key, &c->time, STR("TIME"));
    if (m->once)
        read_made(t, c);
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

bool request_end_passed(const struct create *c)
{
    const struct msg_ride_create *m = c->call.request;
    return m->ends != 0 && m->ends <= c->now_ms;
}

bool request_read_well(struct task *t, struct create *c)
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
    else if (!c->known && request_end_passed(c))
        task_reject(t, PROBLEM_in_the_past, STR("ends_at"));
    else if (!ride_end_valid(m->ends, c->now_ms))
        task_reject(t, PROBLEM_invalid, STR("ends_at"));
    return t->outcome == DONE;
}

bool request_was_made(struct task *t, struct create *c)
{
    bool there = ride_decode(t, &c->found);
    if (c->made_before.kind != VALUE_STR)
        return false;
    if (c->stored.kind == VALUE_STR && !take_stored(c, &c->stored))
        task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
    else if (!there)
        task_reject(t, PROBLEM_ride_over, STR_NONE);
    return true;
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

/* Their number, which names the ride's partition, is not known without
 * them. */
void request_search(struct task *t, struct create *c)
{
    if (!repeats_without_pair(t, c))
        return;
    c->searched = arena_alloc(t->arena, PARTITIONS * sizeof(*c->searched));
    for (unsigned p = 0; p < PARTITIONS; p++)
        ride_fetch_packed(service_of(t), t, ride_id(t->arena, p, c->claim),
                          &c->searched[p]);
}

bool request_search_found(struct task *t, struct create *c)
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

void request_choose_pool(struct task *t, struct create *c)
{
    struct service *s = service_of(t);
    if (c->known)
        return;
    const struct msg_ride_create *m = c->call.request;
    c->chooser.phone = c->customer.digits;
    c->chooser.name = m->pool;
    c->number.phone = phone_str(&c->proxy);
    if (c->proxy.len > 0)
        bus_ask(s->client, t, "pool-svc", &type_number_get, &c->number,
                &c->has);
    else
        bus_ask(s->client, t, "pool-svc", &type_pool_choose, &c->chooser,
                &c->chosen);
    person_rides_count(s, t, c->customer.key, c->now_ms, &c->live[0]);
    person_rides_count(s, t, c->driver.key, c->now_ms, &c->live[1]);
}

bool request_pool_chosen(struct task *t, struct create *c)
{
    if (c->proxy.len > 0 && t->outcome == REJECT)
        task_reject(t, PROBLEM_unknown_number, STR("proxy"));
    if (c->proxy.len > 0)
        c->chosen.pool = c->has.pool;
    const struct msg_ride_create *m = c->call.request;
    if (t->outcome == DONE && !c->known && m->pool.len > 0 &&
        !str_eq(m->pool, c->chosen.pool))
        task_reject(t, PROBLEM_number_elsewhere, STR("proxy"));
    return t->outcome == DONE;
}

bool request_has_room(struct task *t, const struct create *c)
{
    static const char *const roles[] = {"customer", "driver"};
    for (int i = 0; i < 2 && t->outcome == DONE && !c->known; i++)
        if (value_num(&c->live[i], 0) >= MOST_LIVE_RIDES)
            task_reject(t, PROBLEM_too_many_rides, str_of(roles[i]));
    return t->outcome == DONE;
}

void request_store(struct task *t, struct create *c)
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

bool request_stands(struct task *t, struct create *c)
{
    if (t->outcome == DONE && !c->known && c->stored.kind == VALUE_STR &&
        !take_stored(c, &c->stored))
        task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
    return t->outcome == DONE;
}
