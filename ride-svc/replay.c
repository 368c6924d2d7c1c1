#include "ride-svc/replay.h"

#include <sodium.h>
#include <stdlib.h>

#include "ride-svc/replay_sim.h"
#include "ride-svc/ride.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/partition.h"

enum {
    DAYS = 30,
    PIECE_MS = 6 * 3600000, /* of the time that is played again */
    PIECE_LEAST_MS = 1,
    PIECE_MOST = 100, /* rides, a partition: else it is taken in halves */
    PIECE_DEADLINE_MS = 10000,
    PAUSE_MS = 5,
    AGAIN_MS = 1000,
    TRIES = 20,        /* in a row */
    SILENT_MS = 60000, /* then nobody works at it any more */
    HOURS_MOST = 8784,
    POOL_ROOM = 33
};

/* The one under way in this process. */
struct replay {
    struct service *service;
    struct loop_timer *timer;
    struct replay_sim *asked, *as_was;
    char id[VAULT_HASH_CHARS + 1], pool[POOL_ROOM];
    int64_t from_ms, to_ms, at_ms, piece_ms;
    int64_t grace_ms, cooldown_ms; /* -1: for good */
    int64_t rides, shown;          /* percent */
    unsigned failed;
    bool too_many;
};

static struct replay *under_way;

/* The whole of it is its hash tag. */
static struct str job_key(struct arena *arena, struct str id)
{
    return arena_printf(arena, "job:%.*s", STR_ARG(id));
}

/* ---- the job, as others see it ---- */

static int64_t percent_of(const struct replay *r)
{
    return (r->at_ms - r->from_ms) * 100 / (r->to_ms - r->from_ms);
}

static struct msg_job describe(const struct replay *r, int64_t now_ms)
{
    bool over = r->at_ms >= r->to_ms;
    struct msg_job job = {.id = str_of(r->id),
                          .state = over ? STR("done") : STR("running"),
                          .percent = percent_of(r),
                          .beat = now_ms,
                          .pool = str_of(r->pool),
                          .grace = r->grace_ms,
                          .cooldown = r->cooldown_ms,
                          .rides = r->rides,
                          .numbers = replay_sim_need(r->asked),
                          .as_was = replay_sim_need(r->as_was),
                          .busiest = replay_sim_busiest(r->asked)};
    if (r->too_many || r->failed >= TRIES)
        job.state = STR("failed");
    return job;
}

static void write_job(struct task *t, const struct replay *r, int64_t now_ms)
{
    struct msg_job job = describe(r, now_ms);
    REDIS_DO(r->service->redis, t, job_key(t->arena, job.id), NULL, STR("SET"),
             job_key(t->arena, job.id), record_pack(t->arena, &type_job, &job),
             STR("EX"), STR("86400"));
}

/* ---- a piece of the time ---- */

struct piece {
    struct task task;
    struct replay *replay;
    int64_t until_ms;
    struct value time, ids[PARTITIONS];
    struct ride_read *reads;
    size_t count;
    bool is_full;
};

static int by_creation(const void *a, const void *b)
{
    int64_t x = ((const struct ride_read *)a)->ride.created;
    int64_t y = ((const struct ride_read *)b)->ride.created;
    return (x > y) - (x < y);
}

static void ask_ids(struct task *t, struct piece *x)
{
    const struct replay *r = x->replay;
    struct arena *a = t->arena;
    struct str from = arena_number(a, r->at_ms);
    struct str until = arena_printf(a, "(%lld", (long long)x->until_ms);
    for (unsigned p = 0; p < PARTITIONS; p++)
        REDIS_DO(r->service->redis, t, partition_tag(p), &x->ids[p],
                 STR("ZRANGE"), key_of_partition(a, "rides", p), from, until,
                 STR("BYSCORE"), STR("LIMIT"), STR("0"),
                 arena_number(a, PIECE_MOST));
    REDIS_DO(r->service->redis, t, STR("rides"), &x->time, STR("TIME"));
}

static void read_rides(struct task *t, struct piece *x)
{
    size_t all = 0, at = 0;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        all += x->ids[p].count;
        x->is_full = x->is_full || x->ids[p].count == PIECE_MOST;
    }
    if (x->is_full && x->replay->piece_ms > PIECE_LEAST_MS)
        return;
    x->reads = arena_alloc(t->arena, all * sizeof(*x->reads) + 1);
    for (unsigned p = 0; p < PARTITIONS; p++)
        for (size_t i = 0; i < x->ids[p].count; i++)
            ride_fetch_packed(x->replay->service, t,
                              value_str(value_at(&x->ids[p], i)),
                              &x->reads[at++]);
    x->count = all;
}

static uint64_t hash_of(struct str key)
{
    static const unsigned char none[crypto_shorthash_KEYBYTES];
    unsigned char bytes[crypto_shorthash_BYTES];
    uint64_t hash = 0;
    (void)crypto_shorthash(bytes, (const unsigned char *)key.ptr, key.len,
                           none);
    memcpy(&hash, bytes, sizeof(hash));
    return hash;
}

/* Who was erased is somebody else in each ride. */
static uint64_t person_of(struct str key, int64_t created, unsigned seat)
{
    return key.len > 0 ? hash_of(key) : (uint64_t)created * 2 + seat;
}

static int64_t until_with(const struct msg_ride_record *ride, int64_t grace_ms,
                          int64_t cooldown_ms)
{
    return cooldown_ms < 0 ? INT64_MAX : ride->ends + grace_ms + cooldown_ms;
}

/* Those of the pool, in their order. */
static void play(struct task *t, struct piece *x)
{
    struct replay *r = x->replay;
    size_t count = 0;
    for (size_t i = 0; i < x->count; i++)
        if (ride_decode(t, &x->reads[i]) &&
            str_is(x->reads[i].ride.pool, r->pool))
            x->reads[count++] = x->reads[i];
    if (count > 0)
        qsort(x->reads, count, sizeof(*x->reads), by_creation);
    for (size_t i = 0; i < count && !r->too_many; i++) {
        const struct msg_ride_record *ride = &x->reads[i].ride;
        uint64_t a = person_of(ride->customer_key, ride->created, 0);
        uint64_t b = person_of(ride->driver_key, ride->created, 1);
        int64_t was = ride->closed < 0 ? INT64_MAX : ride->closed;
        r->rides++;
        r->too_many =
            !replay_sim_add(r->asked, a, b, ride->created,
                            until_with(ride, r->grace_ms, r->cooldown_ms)) ||
            !replay_sim_add(r->as_was, a, b, ride->created, was);
    }
}

static void piece_run(struct task *t)
{
    struct piece *x = (struct piece *)t;
    struct replay *r = x->replay;
    TASK_BEGIN(t);
    AWAIT(t, ask_ids(t, x));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, read_rides(t, x));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    r->failed = 0;
    if (x->is_full && r->piece_ms > PIECE_LEAST_MS) {
        r->piece_ms /= 2;
    } else {
        /* What even a moment holds too much of is not played in part. */
        r->too_many = r->too_many || x->is_full;
        play(t, x);
        r->at_ms = x->until_ms;
        r->piece_ms = r->piece_ms < PIECE_MS / 2 ? r->piece_ms * 2 : PIECE_MS;
    }
    if (percent_of(r) != r->shown || r->too_many) {
        r->shown = percent_of(r);
        AWAIT(t, write_job(t, r, redis_time_ms(&x->time)));
        if (t->outcome != DONE)
            r->shown = -1;
    }
    TASK_END(t);
}

static void end_replay(struct replay *r, const char *how)
{
    log_event(LEVEL_INFO, "replay.over", STR_NONE, "id=%s pool=%s how=%s",
              r->id, r->pool, how);
    loop_timer_destroy(&r->timer);
    replay_sim_destroy(&r->asked);
    replay_sim_destroy(&r->as_was);
    free(r);
    under_way = NULL;
}

static void piece_ended(struct task *t)
{
    struct replay *r = ((struct piece *)t)->replay;
    if (t->outcome != DONE)
        r->failed++;
    if (r->service->left_ms != 0)
        end_replay(r, "left");
    else if (r->failed >= TRIES)
        end_replay(r, "failed"); /* it falls silent */
    else if (r->too_many && r->shown >= 0)
        end_replay(r, "too_many");
    else if (r->at_ms >= r->to_ms && r->shown >= 0)
        end_replay(r, "done");
    else
        loop_timer_set(r->timer, t->outcome == DONE ? PAUSE_MS : AGAIN_MS);
}

static void next_piece(void *arg)
{
    struct replay *r = arg;
    if (r->service->left_ms != 0) {
        end_replay(r, "left");
        return;
    }
    if (redis_crowded(r->service->redis)) {
        loop_timer_set(r->timer, AGAIN_MS);
        return;
    }
    struct piece *x =
        service_task(r->service, sizeof(*x), piece_run, PIECE_DEADLINE_MS);
    x->replay = r;
    x->until_ms = r->at_ms + r->piece_ms;
    if (x->until_ms > r->to_ms)
        x->until_ms = r->to_ms;
    x->task.finish = piece_ended;
    task_start(&x->task);
}

/* Between two pieces; within one, the tasks end before the service does. */
void replay_stop(void)
{
    if (under_way != NULL)
        end_replay(under_way, "left");
}

/* ---- POOL_REPLAY ---- */

struct begin {
    struct call call;
    struct str id;
    struct msg_pool_stats ask;
    struct msg_pool_figures pool;
    struct value time, before;
    int64_t grace_ms, cooldown_ms;
};

static bool begin_valid(struct task *t, struct begin *c)
{
    const struct msg_pool_replay *m = c->call.request;
    const struct settings *settings = &service_of(t)->settings;
    const int64_t most = (int64_t)HOURS_MOST * 3600000;
    c->grace_ms = m->grace == -2 ? settings->grace_ms : m->grace;
    c->cooldown_ms = m->cooldown == -2 ? settings->cooldown_ms : m->cooldown;
    if (c->grace_ms < 0 || c->grace_ms > most)
        task_reject(t, PROBLEM_invalid, STR("grace_hours"));
    else if (c->cooldown_ms < -1 || c->cooldown_ms > most)
        task_reject(t, PROBLEM_invalid, STR("cooldown_hours"));
    return t->outcome == DONE && key_valid(t, m->key);
}

static void ask_pool(struct task *t, struct begin *c)
{
    const struct msg_pool_replay *m = c->call.request;
    c->ask.name = m->pool;
    bus_ask(service_of(t)->client, t, "pool-svc", &type_pool_stats, &c->ask,
            &c->pool);
    REDIS_DO(service_of(t)->redis, t, job_key(t->arena, c->id), &c->time,
             STR("TIME"));
}

static struct replay *replay_new(struct service *s, const struct begin *c)
{
    const struct msg_pool_replay *m = c->call.request;
    struct replay *r = xcalloc(1, sizeof(*r));
    r->service = s;
    r->timer = loop_timer_new(s->loop, next_piece, r);
    r->asked = replay_sim_new();
    r->as_was = replay_sim_new();
    (void)snprintf(r->id, sizeof(r->id), "%.*s", STR_ARG(c->id));
    (void)snprintf(r->pool, sizeof(r->pool), "%.*s", STR_ARG(m->pool));
    r->to_ms = redis_time_ms(&c->time);
    r->from_ms = r->to_ms - DAYS * DAY_MS;
    r->at_ms = r->from_ms;
    r->piece_ms = PIECE_MS;
    r->grace_ms = c->grace_ms;
    r->cooldown_ms = c->cooldown_ms;
    return r;
}

/* Once a key; the first write says whose it is. */
static void write_first(struct task *t, struct begin *c)
{
    struct arena *a = t->arena;
    struct msg_job *job = c->call.reply;
    const struct msg_pool_replay *m = c->call.request;
    *job = (struct msg_job){.id = c->id,
                            .state = STR("running"),
                            .beat = redis_time_ms(&c->time),
                            .pool = m->pool,
                            .grace = c->grace_ms,
                            .cooldown = c->cooldown_ms};
    REDIS_DO(service_of(t)->redis, t, job_key(a, c->id), &c->before, STR("SET"),
             job_key(a, c->id), record_pack(a, &type_job, job), STR("NX"),
             STR("GET"), STR("EX"), STR("86400"));
}

static bool job_read(struct task *t, const struct value *packed, int64_t now_ms,
                     struct msg_job *job)
{
    if (!record_decode(&type_job, value_str(packed), t->arena, job))
        return false;
    if (str_is(job->state, "running") && now_ms - job->beat > SILENT_MS)
        job->state = STR("failed");
    return true;
}

static void answer_again(struct task *t, struct begin *c)
{
    struct msg_job *job = c->call.reply;
    const struct msg_pool_replay *m = c->call.request;
    if (!job_read(t, &c->before, redis_time_ms(&c->time), job))
        task_reject(t, PROBLEM_internal, STR_NONE);
    else if (!str_eq(job->pool, m->pool) || job->grace != c->grace_ms ||
             job->cooldown != c->cooldown_ms)
        task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
}

static void begin_run(struct task *t)
{
    struct begin *c = (struct begin *)t;
    const struct msg_pool_replay *m = c->call.request;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!begin_valid(t, c))
        TASK_FAIL(t);
    c->id = vault_hash(s->vault, t->arena, "job", m->key);
    AWAIT(t, ask_pool(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, REDIS_DO(s->redis, t, job_key(t->arena, c->id), &c->before,
                      STR("GET"), job_key(t->arena, c->id)));
    if (t->outcome == DONE && c->before.kind == VALUE_NIL) {
        if (under_way != NULL) {
            task_reject(t, PROBLEM_busy, STR_NONE);
            TASK_FAIL(t);
        }
        /* No other may begin before this one is on record. */
        under_way = replay_new(s, c);
        AWAIT(t, write_first(t, c));
        if (t->outcome != DONE || c->before.kind != VALUE_NIL)
            end_replay(under_way, "not_begun");
        else
            loop_timer_set(under_way->timer, PAUSE_MS);
    }
    if (t->outcome == DONE && c->before.kind != VALUE_NIL)
        answer_again(t, c);
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_pool_replay = {&type_pool_replay,
                                            sizeof(struct begin), begin_run};

/* ---- JOB_GET ---- */

struct get_job {
    struct call call;
    struct value packed, time;
};

static void ask_job(struct task *t, struct get_job *c)
{
    const struct msg_job_get *m = c->call.request;
    struct str tag = job_key(t->arena, m->id);
    struct redis *redis = service_of(t)->redis;
    REDIS_DO(redis, t, tag, &c->packed, STR("GET"), job_key(t->arena, m->id));
    REDIS_DO(redis, t, tag, &c->time, STR("TIME"));
}

static bool id_valid(struct str id)
{
    bool valid = id.len == VAULT_HASH_CHARS;
    for (size_t i = 0; valid && i < id.len; i++) {
        char x = id.ptr[i];
        valid = (x >= '0' && x <= '9') || (x >= 'A' && x <= 'Z') ||
                (x >= 'a' && x <= 'z') || x == '-' || x == '_';
    }
    return valid;
}

static void get_run(struct task *t)
{
    struct get_job *c = (struct get_job *)t;
    const struct msg_job_get *m = c->call.request;
    TASK_BEGIN(t);
    if (!id_valid(m->id)) {
        task_reject(t, PROBLEM_not_found, STR("id"));
        TASK_FAIL(t);
    }
    AWAIT(t, ask_job(t, c));
    if (t->outcome == DONE &&
        !job_read(t, &c->packed, redis_time_ms(&c->time), c->call.reply))
        task_reject(t, PROBLEM_not_found, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_job_get = {&type_job_get, sizeof(struct get_job),
                                        get_run};
