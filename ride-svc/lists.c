#include "ride-svc/lists.h"

#include <stdlib.h>

#include "ride-svc/ride.h"
#include "shared/partition.h"

enum { PAGE_MOST = 200, SAME_MS_MOST = 16 };

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

struct entry {
    struct str id;
    int64_t created;
};

struct list_rides {
    struct call call;
    struct value pages[PARTITIONS];
    struct entry before; /* the cursor: "<created>.<id>" */
    struct entry *entries;
    struct ride_read *read;
    struct value time;
    size_t count;
};

/* Newest first; of one millisecond by id. */
static int newer_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->created != y->created)
        return x->created > y->created ? -1 : 1;
    size_t least = x->id.len < y->id.len ? x->id.len : y->id.len;
    int order = memcmp(x->id.ptr, y->id.ptr, least);
    return order != 0 ? order
                      : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

static bool list_valid(struct task *t, struct list_rides *c)
{
    const struct msg_ride_list *m = c->call.request;
    struct str rest = m->before;
    struct str created = str_cut(&rest, '.');
    unsigned partition = 0;
    c->before.id = rest;
    if (m->limit < 1 || m->limit > PAGE_MOST) {
        task_reject(t, PROBLEM_invalid, STR("limit"));
    } else if (m->before.len > 0 && (!str_to_num(created, &c->before.created) ||
                                     !ride_id_parse(rest, &partition, NULL))) {
        task_reject(t, PROBLEM_invalid, STR("cursor"));
    }
    return t->outcome == DONE;
}

static void ask_pages(struct task *t, struct list_rides *c)
{
    const struct msg_ride_list *m = c->call.request;
    struct str from = m->before.len > 0
                          ? arena_number(t->arena, c->before.created)
                          : STR("+inf");
    struct str limit = arena_number(t->arena, m->limit + SAME_MS_MOST);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        struct str key = key_of_partition(t->arena, "rides", p);
        REDIS_DO(service_of(t)->redis, t, partition_tag(p), &c->pages[p],
                 STR("ZRANGE"), key, from, STR("-inf"), STR("BYSCORE"),
                 STR("REV"), STR("LIMIT"), STR("0"), limit, STR("WITHSCORES"));
    }
}

static void merge_pages(struct task *t, struct list_rides *c)
{
    const struct msg_ride_list *m = c->call.request;
    size_t room = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        room += c->pages[p].count / 2;
    c->entries = arena_alloc(t->arena, room * sizeof(*c->entries) + 1);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        for (size_t i = 0; i + 1 < c->pages[p].count; i += 2) {
            struct entry e = {value_str(value_at(&c->pages[p], i)),
                              value_num(value_at(&c->pages[p], i + 1), 0)};
            if (c->before.id.len == 0 || newer_first(&c->before, &e) < 0)
                c->entries[c->count++] = e;
        }
    }
    qsort(c->entries, c->count, sizeof(*c->entries), newer_first);
    if (c->count > (size_t)m->limit)
        c->count = (size_t)m->limit;
}

static void read_rides(struct task *t, struct list_rides *c)
{
    c->read = arena_alloc(t->arena, c->count * sizeof(*c->read) + 1);
    for (size_t i = 0; i < c->count; i++)
        ride_fetch_packed(service_of(t), t, c->entries[i].id, &c->read[i]);
    REDIS_DO(service_of(t)->redis, t, STR("rides"), &c->time, STR("TIME"));
}

static void fill_rides(struct task *t, struct list_rides *c)
{
    const struct msg_ride_list *m = c->call.request;
    struct msg_rides *reply = c->call.reply;
    reply->rides.items =
        arena_alloc(t->arena, c->count * sizeof(struct str) + 1);
    for (size_t i = 0; i < c->count; i++) {
        struct msg_ride ride;
        if (!ride_decode(t, &c->read[i]))
            continue; /* past its retention; the list forgets it later */
        ride_describe(service_of(t), t, c->entries[i].id, &c->read[i].ride,
                      redis_time_ms(&c->time), &ride);
        reply->rides.items[reply->rides.count++] =
            message_pack(t->arena, &type_ride, &ride);
    }
    if (c->count == (size_t)m->limit) {
        const struct entry *last = &c->entries[c->count - 1];
        reply->next = arena_printf(t->arena, "%lld.%.*s",
                                   (long long)last->created, STR_ARG(last->id));
    }
}

static void list_run(struct task *t)
{
    struct list_rides *c = (struct list_rides *)t;
    TASK_BEGIN(t);
    if (!list_valid(t, c))
        TASK_FAIL(t);
    /* A page asks much of Redis; texts and calls come first. */
    if (redis_crowded(service_of(t)->redis)) {
        task_reject(t, PROBLEM_busy, STR_NONE);
        TASK_FAIL(t);
    }
    AWAIT(t, ask_pages(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    merge_pages(t, c);
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

static void fill_timeline(struct task *t, struct timeline *c)
{
    struct msg_timeline *reply = c->call.reply;
    reply->events.items =
        arena_alloc(t->arena, c->events.count * sizeof(struct str) + 1);
    for (size_t i = 0; i < c->events.count; i++) {
        struct msg_event event;
        if (record_decode(&type_event, value_str(value_at(&c->events, i)),
                          t->arena, &event))
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
    fill_timeline(t, c);
    TASK_END(t);
}

const struct bus_route route_ride_timeline = {
    &type_ride_timeline, sizeof(struct timeline), timeline_run};
