#include "ride-svc/lists.h"

#include "ride-svc/ride.h"
#include "shared/recent.h"

/* ---- RIDE_GET ---- */

struct get {
    struct call call;
    struct ride_read read;
};

static void get_run(struct task *t)
{
    struct get *c = (struct get *)t;
    const struct msg_ride_get *m = c->call.request;
    struct service *s = service_of(t);
    unsigned partition = 0;
    TASK_BEGIN(t);
    if (!ride_id_parse(m->id, &partition, NULL)) {
        task_reject(t, PROBLEM_not_found, STR("id"));
        TASK_FAIL(t);
    }
    AWAIT(t, ride_fetch(s, t, m->id, &c->read));
    if (t->outcome == DONE && !ride_decode(t, &c->read))
        task_reject(t, PROBLEM_not_found, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    ride_describe(s, t, m->id, &c->read.ride, c->read.now_ms, c->call.reply);
    TASK_END(t);
}

const struct bus_route route_ride_get = {&type_ride_get, sizeof(struct get),
                                         get_run};

/* ---- RIDE_LIST: newest first, merged from all partitions ---- */

struct list_rides {
    struct call call;
    struct recent recent;
    struct ride_read *read;
    struct value time;
};

static bool is_ride_id(struct str id)
{
    unsigned partition = 0;
    return ride_id_parse(id, &partition, NULL);
}

static void read_rides(struct task *t, struct list_rides *c)
{
    const struct recent *page = &c->recent;
    c->read = arena_alloc(t->arena, page->count * sizeof(*c->read) + 1);
    for (size_t i = 0; i < page->count; i++)
        ride_fetch_packed(service_of(t), t, page->entries[i].id, &c->read[i]);
    REDIS_DO(service_of(t)->redis, t, STR("rides"), &c->time, STR("TIME"));
}

static void fill_rides(struct task *t, struct list_rides *c)
{
    const struct recent *page = &c->recent;
    struct msg_rides *reply = c->call.reply;
    reply->rides.items =
        arena_alloc(t->arena, page->count * sizeof(struct str) + 1);
    for (size_t i = 0; i < page->count; i++) {
        struct msg_ride ride;
        if (!ride_decode(t, &c->read[i]))
            continue; /* past its retention; the list forgets it later */
        ride_describe(service_of(t), t, page->entries[i].id, &c->read[i].ride,
                      redis_time_ms(&c->time), &ride);
        reply->rides.items[reply->rides.count++] =
            message_pack(t->arena, &type_ride, &ride);
    }
    reply->next = recent_next(page, t->arena);
}

static void list_run(struct task *t)
{
    struct list_rides *c = (struct list_rides *)t;
    const struct msg_ride_list *m = c->call.request;
    struct redis *redis = service_of(t)->redis;
    TASK_BEGIN(t);
    if (!recent_begin(&c->recent, t, m->before, m->limit, is_ride_id))
        TASK_FAIL(t);
    /* A page asks much of Redis; texts and calls come first. */
    if (redis_crowded(redis)) {
        task_reject(t, PROBLEM_busy, STR_NONE);
        TASK_FAIL(t);
    }
    AWAIT(t, recent_ask(&c->recent, redis, t, "rides", 0));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    recent_merge(&c->recent, t->arena);
    AWAIT(t, read_rides(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    fill_rides(t, c);
    TASK_END(t);
}

const struct bus_route route_ride_list = {&type_ride_list,
                                          sizeof(struct list_rides), list_run};

/* ---- RIDE_TIMELINE ---- */

struct timeline {
    struct call call;
    struct value ride, events;
};

static void ask_timeline(struct task *t, struct timeline *c, struct str id)
{
    unsigned partition = 0;
    (void)ride_id_parse(id, &partition, NULL);
    struct str tag = partition_tag(partition);
    REDIS_DO(service_of(t)->redis, t, tag, &c->ride, STR("EXISTS"),
             key_ride(t->arena, partition, id));
    REDIS_DO(service_of(t)->redis, t, tag, &c->events, STR("LRANGE"),
             key_timeline(t->arena, partition, id), STR("0"), STR("-1"));
}

/* A reference that begins with the ride's id stands there without it: see
 * timeline.inc. */
struct str timeline_reference(struct arena *arena, struct str ride,
                              struct str reference)
{
    if (reference.len == 0 || reference.len >= RIDE_ID_CHARS)
        return reference;
    return arena_printf(arena, "%.*s%.*s", STR_ARG(ride), STR_ARG(reference));
}

static void fill_timeline(struct task *t, struct timeline *c, struct str id)
{
    struct msg_timeline *reply = c->call.reply;
    reply->events.items =
        arena_alloc(t->arena, c->events.count * sizeof(struct str) + 1);
    for (size_t i = 0; i < c->events.count; i++) {
        struct msg_event event;
        if (!record_decode(&type_event, value_str(value_at(&c->events, i)),
                           t->arena, &event))
            continue;
        event.reference = timeline_reference(t->arena, id, event.reference);
        reply->events.items[reply->events.count++] =
            message_pack(t->arena, &type_event, &event);
    }
}

static void timeline_run(struct task *t)
{
    struct timeline *c = (struct timeline *)t;
    const struct msg_ride_timeline *m = c->call.request;
    unsigned partition = 0;
    TASK_BEGIN(t);
    if (!ride_id_parse(m->id, &partition, NULL)) {
        task_reject(t, PROBLEM_not_found, STR("id"));
        TASK_FAIL(t);
    }
    AWAIT(t, ask_timeline(t, c, m->id));
    if (t->outcome == DONE && value_num(&c->ride, 0) == 0)
        task_reject(t, PROBLEM_not_found, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    fill_timeline(t, c, m->id);
    TASK_END(t);
}

const struct bus_route route_ride_timeline = {
    &type_ride_timeline, sizeof(struct timeline), timeline_run};
