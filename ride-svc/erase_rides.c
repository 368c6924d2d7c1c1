/* An erasure's rides: ended where they connect, their texts taken away, and
 * then they forget. */
#include "ride-svc/erase_parts.h"

#include "ride-svc/life.h"
#include "ride-svc/person_rides.h"
#include "ride-svc/ride_change.h"
#include "shared/log.h"
#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(person_texts);
SCRIPT(erase_ride);

enum {
    MOST_TRIES = 6,
    ENTRIES_AT_ONCE = 500,
    /* A dead letter is kept for a day, and a text waits four hours before. */
    FRESH_MS = 30 * 3600 * 1000
};

static unsigned partition_of_ride(struct str id)
{
    unsigned partition = 0;
    (void)ride_id_parse(id, &partition, NULL);
    return partition;
}

bool erase_next_slice(struct erasure *e)
{
    const struct whose *w = &e->whose;
    e->count = 0;
    while (e->from < w->ride_count && e->count < ERASE_SLICE &&
           (e->count == 0 || partition_of_ride(w->rides[e->from]) ==
                                 partition_of_ride(e->rides[0].id)))
        e->rides[e->count++] = (struct erase_ride){.id = w->rides[e->from++]};
    return e->count > 0;
}

void erase_read_slice(struct task *t, struct erasure *e)
{
    for (size_t i = 0; i < e->count; i++)
        ride_fetch(service_of(t), t, e->rides[i].id, &e->rides[i].read);
}

void erase_keep_theirs(struct task *t, struct erasure *e)
{
    size_t count = e->count;
    e->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct erase_ride *ride = &e->rides[i];
        if (!ride_decode(t, &ride->read) ||
            !whose_ride(&e->whose, &ride->read.ride) ||
            (e->is_sweep && !whose_made(&e->whose, &ride->read.ride)))
            continue;
        ride->phone = whose_phone_in(&e->whose, &ride->read.ride);
        e->rides[e->count++] = *ride;
    }
}

bool erase_connects(const struct erase_ride *ride)
{
    const struct msg_ride_record *r = &ride->read.ride;
    return ride->read.now_ms < r->grace &&
           (str_eq(r->customer_key, ride->phone) ||
            str_eq(r->driver_key, ride->phone));
}

bool erase_is_fresh(const struct erase_ride *ride)
{
    return ride->read.now_ms < ride->read.ride.grace + FRESH_MS;
}

void erase_cancel(struct task *t, struct erasure *e)
{
    struct erase_ride *ride = &e->rides[e->at];
    struct ride_change how = {.act = "cancel"};
    cancel_notices(t, ride->id, &ride->read.ride, how.told);
    ride_change_send(t, ride->id, &ride->read.ride, &how, &e->changed);
}

bool erase_cancel_again(struct task *t, struct erasure *e)
{
    struct erase_ride *ride = &e->rides[e->at];
    if (t->outcome != DONE)
        return false;
    struct str fate = value_str(value_at(&e->changed, 0));
    if (str_is(fate, "done")) {
        e->counts[ERASE_ENDED]++;
        log_event(LEVEL_INFO, "ride.cancelled", t->trace, "ride=%.*s",
                  STR_ARG(ride->id));
    }
    ride->read.packed = *value_at(&e->changed, 1);
    (void)ride_decode(t, &ride->read);
    ride->read.now_ms = value_num(value_at(&e->changed, 2), ride->read.now_ms);
    /* It may go on with somebody else by now. */
    if (!str_is(fate, "changed") || !erase_connects(ride))
        return false;
    if (++e->tries < MOST_TRIES)
        return true;
    task_reject(t, PROBLEM_busy, STR_NONE);
    return false;
}

bool erase_texts(struct task *t, struct erasure *e)
{
    enum { FIXED = 8 };
    struct arena *a = t->arena;
    struct str phone = e->whose.phones[e->phone];
    struct str args[FIXED + ERASE_SLICE] = {STR("erase"), phone, e->after};
    size_t count = FIXED;
    for (size_t i = 0; i < e->count; i++)
        if (erase_is_fresh(&e->rides[i]) && str_eq(e->rides[i].phone, phone))
            args[count++] = e->rides[i].id;
    if (count == FIXED)
        return false;
    unsigned p = partition_of_ride(e->rides[0].id);
    args[3] = arena_number(a, ENTRIES_AT_ONCE);
    args[4] = key_in_partition(a, "letter", p, STR_NONE);
    args[5] = key_ride(a, p, STR_NONE);
    args[6] = key_in_partition(a, "route", p, STR_NONE);
    args[7] = key_in_partition(a, "parked", p, STR_NONE);
    struct str keys[] = {
        key_of_partition(a, "outbox", p), key_of_partition(a, "sending", p),
        key_of_partition(a, "waiting", p), key_of_partition(a, "parked", p),
        key_of_partition(a, "dead", p)};
    redis_script(service_of(t)->redis, t, partition_tag(p), &person_texts, keys,
                 5, args, count, &e->texts);
    return true;
}

bool erase_more_texts(struct erasure *e)
{
    e->after = value_str(value_at(&e->texts, 0));
    e->counts[ERASE_TEXTS] += value_num(value_at(&e->texts, 1), 0);
    e->counts[ERASE_LETTERS] += value_num(value_at(&e->texts, 2), 0);
    return e->after.len > 0;
}

void erase_slice(struct task *t, struct erasure *e)
{
    struct arena *a = t->arena;
    for (size_t i = 0; i < e->count; i++) {
        struct erase_ride *ride = &e->rides[i];
        unsigned p = partition_of_ride(ride->id);
        struct str keys[] = {key_ride(a, p, ride->id),
                             key_timeline(a, p, ride->id)};
        struct str args[] = {ride->id, ride->phone,
                             key_in_partition(a, "route", p, STR_NONE),
                             key_in_partition(a, "told", p, STR_NONE),
                             key_in_partition(a, "pace", p, STR_NONE)};
        redis_script(service_of(t)->redis, t, partition_tag(p), &erase_ride,
                     keys, 2, args, 5, &ride->done);
    }
}

/* One that connects again by now is for the next time. */
void erase_count_slice(struct task *t, struct erasure *e)
{
    for (size_t i = 0; i < e->count && t->outcome == DONE; i++) {
        const struct value *done = &e->rides[i].done;
        struct str fate = value_str(value_at(done, 0));
        int64_t until = value_num(value_at(done, 2), 0);
        if (str_is(fate, "live"))
            task_reject(t, PROBLEM_busy, STR_NONE);
        if (!str_is(fate, "done"))
            continue;
        e->has_erased = e->has_found = true;
        e->counts[ERASE_RIDES]++;
        e->counts[ERASE_ROUTES] += value_num(value_at(done, 1), 0);
        e->counts[ERASE_KEPT] += until > 0;
        if (e->kept_until < until)
            e->kept_until = until;
    }
}

void erase_unlist_slice(struct task *t, struct erasure *e)
{
    for (size_t i = 0; i < e->count; i++) {
        struct str key = key_person_rides(t->arena, e->rides[i].phone);
        REDIS_DO(service_of(t)->redis, t, key, NULL, STR("ZREM"), key,
                 e->rides[i].id);
    }
}
