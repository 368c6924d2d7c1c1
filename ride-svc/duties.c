#include "ride-svc/duties.h"

#include "ride-svc/person_rides.h"
#include "ride-svc/ride_change.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(duties_take);
SCRIPT(duty_done);

enum { LOOK_EVERY_MS = 1000, MOST_A_LOOK = 20, DEADLINE_MS = 5000 };

void hold_ask(struct service *s, struct task *t, struct str id,
              const struct msg_ride_record *ride, int64_t now_ms,
              struct hold_sync *sync)
{
    /* Who was erased holds nothing, and the other one as it was. */
    if (ride->customer_key.len == 0 || ride->driver_key.len == 0)
        return;
    sync->hold = ride_hold(id, ride, now_ms);
    sync->hold.takes_over = sync->takes_over;
    bus_ask(s->client, t, "pool-svc", &type_hold_set, &sync->hold, &sync->ok);
    if (person_rides_is_long(ride, now_ms))
        person_rides_add(s, t, id, ride, &sync->kept);
}

void hold_settled(struct service *s, struct task *t, struct str id,
                  const struct msg_ride_record *ride, struct hold_sync *sync)
{
    unsigned partition = 0;
    (void)ride_id_parse(id, &partition, NULL);
    struct str keys[] = {key_of_partition(t->arena, "duties", partition),
                         key_ride(t->arena, partition, id)};
    struct str args[] = {id, arena_number(t->arena, ride->revision)};
    redis_script(s->redis, t, partition_tag(partition), &duty_done, keys, 2,
                 args, 2, &sync->done);
}

/* ---- one duty ---- */

struct duty {
    struct task task;
    struct str id;
    struct ride_read read, old;
    struct value replaced;
    struct hold_sync sync;
};

/* Goes on in place of another ride, which a crash left as it was? */
static bool replaces_another(const struct duty *d)
{
    return d->read.ride.replaces.len > 0 && d->read.now_ms < d->read.ride.grace;
}

static void end_other(struct task *t, struct duty *d)
{
    const struct msg_ride_record *ride = &d->read.ride;
    const struct ride_change how = {
        .act = "replace", .revision = ride->replaces_revision, .next = d->id};
    if (t->outcome == DONE && ride_decode(t, &d->old) &&
        d->old.ride.next.len == 0)
        ride_change_send(t, ride->replaces, &d->old.ride, &how, &d->replaced);
}

static void look_again(struct task *t, struct duty *d)
{
    ride_fetch(service_of(t), t, d->read.ride.replaces, &d->old);
}

/* The other one was ended, changed or replaced otherwise since: then this one
 * was made for nothing, and is over, too. One that is forgotten by now was
 * replaced long ago. */
static bool is_for_nothing(struct task *t, struct duty *d)
{
    return t->outcome == DONE && ride_decode(t, &d->old) &&
           !str_eq(d->old.ride.next, d->id);
}

static void take_back(struct task *t, struct duty *d)
{
    static const struct ride_change how = {.act = "cancel"};
    ride_change_send(t, d->id, &d->read.ride, &how, &d->replaced);
}

/* As it stands after that. */
static void read_again(struct task *t, struct duty *d)
{
    ride_fetch(service_of(t), t, d->id, &d->read);
}

static void duty_run(struct task *t)
{
    struct duty *d = (struct duty *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    AWAIT(t, ride_fetch(s, t, d->id, &d->read));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    /* A ride that is gone has let go of its number long ago. */
    if (ride_decode(t, &d->read)) {
        if (replaces_another(d)) {
            AWAIT(t, ride_fetch(s, t, d->read.ride.replaces, &d->old));
            AWAIT(t, end_other(t, d));
            if (t->outcome == DONE)
                AWAIT(t, look_again(t, d));
            if (is_for_nothing(t, d)) {
                AWAIT(t, take_back(t, d));
                if (t->outcome == DONE)
                    AWAIT(t, read_again(t, d));
                if (t->outcome == DONE)
                    (void)ride_decode(t, &d->read);
            }
            if (t->outcome != DONE)
                TASK_FAIL(t);
        }
        AWAIT(t,
              hold_ask(s, t, d->id, &d->read.ride, d->read.now_ms, &d->sync));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        AWAIT(t, person_rides_add(s, t, d->id, &d->read.ride, &d->sync.kept));
        if (t->outcome != DONE)
            TASK_FAIL(t);
    }
    AWAIT(t, hold_settled(s, t, d->id, &d->read.ride, &d->sync));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    metric_add(METRIC_duties_done_total, 1);
    log_event(LEVEL_INFO, "duty.done", STR_NONE, "ride=%.*s", STR_ARG(d->id));
    TASK_END(t);
}

/* ---- looking for due ones ---- */

struct look {
    struct round_task round;
    struct value due[PARTITIONS];
};

static void ask_due(struct task *t, struct look *l)
{
    struct str args[] = {arena_number(t->arena, MOST_A_LOOK),
                         arena_number(t->arena, 2 * (int64_t)DEADLINE_MS)};
    for (unsigned p = 0; p < PARTITIONS; p++) {
        struct str key = key_of_partition(t->arena, "duties", p);
        redis_script(service_of(t)->redis, t, partition_tag(p), &duties_take,
                     &key, 1, args, 2, &l->due[p]);
    }
}

static void begin_duties(struct service *s, const struct value *due)
{
    for (size_t i = 0; i < due->count; i++) {
        struct str id = value_str(value_at(due, i));
        unsigned partition = 0;
        if (!ride_id_parse(id, &partition, NULL))
            continue;
        struct duty *d = service_task(s, sizeof(*d), duty_run, DEADLINE_MS);
        d->id = arena_copy(d->task.arena, id);
        task_start(&d->task);
    }
}

static void look_run(struct task *t)
{
    struct look *l = (struct look *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask_due(t, l));
    for (unsigned p = 0; p < PARTITIONS; p++)
        begin_duties(service_of(t), &l->due[p]);
    TASK_END(t);
}

struct rounds *duties_new(struct service *s)
{
    return rounds_new(s, LOOK_EVERY_MS, sizeof(struct look), look_run,
                      DEADLINE_MS);
}
