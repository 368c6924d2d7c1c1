#include "gateway/health.h"

#include <sys/statvfs.h>

#include "shared/keys.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"

enum {
    WITHIN_MS = 500,
    HIGH_PERCENT = 80, /* of the memory, used */
    LOW_PERCENT = 10,  /* of the disk, free */
    THOUSAND = 1000,
    WATCH_EVERY_MS = 5000,
    WATCH_WITHIN_MS = 1000
};

static const int64_t least_free = 1LL << 30;
static const int64_t day_ms = 24LL * 3600 * 1000;

/* ---- what is left ---- */

/* The number behind `name:` at the start of a line; 0 where there is none. */
static int64_t info_number(struct str info, const char *name)
{
    int64_t number = 0;
    while (info.len > 0) {
        struct str value = str_trim(str_cut(&info, '\n'));
        struct str field = str_cut(&value, ':');
        if (str_is(field, name) && str_to_num(value, &number))
            return number;
    }
    return 0;
}

struct room room_of_memory(struct str info)
{
    struct room r = {.used = info_number(info, "used_memory") -
                             info_number(info, "mem_not_counted_for_evict"),
                     .limit = info_number(info, "maxmemory")};
    if (r.used <= 0)
        return (struct room){.state = ROOM_UNKNOWN};
    if (r.limit <= 0 || r.used < r.limit / 100 * HIGH_PERCENT)
        r.state = ROOM_OK;
    else
        r.state = r.used < r.limit ? ROOM_LOW : ROOM_FULL;
    return r;
}

struct room room_of_disk(int64_t size, int64_t free_bytes)
{
    struct room r = {.used = size - free_bytes, .limit = size};
    if (free_bytes <= 0)
        r.state = ROOM_FULL;
    else if (free_bytes < size / 100 * LOW_PERCENT || free_bytes < least_free)
        r.state = ROOM_LOW;
    else
        r.state = ROOM_OK;
    return r;
}

/* Of what is not root's alone. */
static struct room look_at_disk(const char *folder)
{
    struct statvfs disk;
    if (folder[0] == '\0' || statvfs(folder, &disk) != 0 || disk.f_blocks == 0)
        return (struct room){.state = ROOM_UNKNOWN};
    int64_t block = (int64_t)disk.f_frsize;
    return room_of_disk((int64_t)disk.f_blocks * block,
                        (int64_t)disk.f_bavail * block);
}

/* ---- who is told ---- */

static int64_t thousandths(int64_t part, int64_t whole)
{
    return (int64_t)((double)part * THOUSAND / (double)whole);
}

/* Once a change; where it comes and goes, not more often than once a second. */
static void tell(const char *low, const char *enough, const struct room *r,
                 enum room_state *before)
{
    enum room_state last = *before;
    if (r->state == ROOM_UNKNOWN || r->state == last)
        return;
    *before = r->state;
    if (r->state > ROOM_OK)
        log_sparse(LEVEL_WARN, low, "left=%s used=%lld of=%lld",
                   r->state == ROOM_FULL ? "nothing" : "little",
                   (long long)r->used, (long long)r->limit);
    else if (last > ROOM_OK)
        log_sparse(LEVEL_INFO, enough, "used=%lld of=%lld", (long long)r->used,
                   (long long)r->limit);
}

void health_ask(struct task *t, struct health *health)
{
    struct redis *redis = service_of(t)->redis;
    int64_t deadline_ms = t->deadline_ms, soon_ms = loop_now_ms() + WITHIN_MS;
    if (!redis_connected(redis))
        return;
    if (soon_ms < deadline_ms)
        t->deadline_ms = soon_ms;
    REDIS_DO(redis, t, STR("health"), &health->info, STR("INFO"),
             STR("memory"));
    if (service_of(t)->settings.texts_per_day > 0) {
        struct str key = key_texts_today(t->arena);
        REDIS_DO(redis, t, key, &health->today, STR("HMGET"), key, STR("day"),
                 STR("used"));
        REDIS_DO(redis, t, key, &health->time, STR("TIME"));
    }
    t->deadline_ms = deadline_ms;
}

/* What is left of another day is nothing of this one. */
static struct texts_today read_today(const struct service *s,
                                     const struct health *health)
{
    struct texts_today today = {.limit = s->settings.texts_per_day};
    int64_t day = redis_time_ms(&health->time) / day_ms;
    if (value_num(value_at(&health->today, 0), -1) == day)
        today.used = value_num(value_at(&health->today, 1), 0);
    return today;
}

void health_see(const struct service *s, struct health *health)
{
    static enum room_state memory_before, disk_before;
    const struct room *memory = &health->memory, *disk = &health->disk;
    health->memory = room_of_memory(value_str(&health->info));
    health->disk = look_at_disk(s->settings.data_dir);
    health->texts = read_today(s, health);
    if (memory->limit > 0)
        metric_set(METRIC_redis_memory_ratio,
                   thousandths(memory->used, memory->limit));
    if (disk->limit > 0)
        metric_set(METRIC_disk_free_ratio,
                   thousandths(disk->limit - disk->used, disk->limit));
    tell("memory.low", "memory.enough", memory, &memory_before);
    tell("disk.low", "disk.enough", disk, &disk_before);
}

struct watch {
    struct round_task round;
    struct health health;
};

static void watch_run(struct task *t)
{
    struct watch *w = (struct watch *)t;
    TASK_BEGIN(t);
    AWAIT(t, health_ask(t, &w->health));
    health_see(service_of(t), &w->health);
    TASK_END(t);
}

struct rounds *health_watch(struct service *s)
{
    return rounds_new(s, WATCH_EVERY_MS, sizeof(struct watch), watch_run,
                      WATCH_WITHIN_MS);
}

/* ---- JSON ---- */

static cJSON *room_json(const char *first, int64_t bytes, const char *second,
                        int64_t limit, const char *state)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, first, (double)bytes);
    cJSON_AddNumberToObject(json, second, (double)limit);
    cJSON_AddStringToObject(json, "state", state);
    return json;
}

cJSON *health_memory_json(const struct health *health)
{
    static const char *const words[] = {[ROOM_UNKNOWN] = "unknown",
                                        [ROOM_OK] = "ok",
                                        [ROOM_LOW] = "high",
                                        [ROOM_FULL] = "full"};
    const struct room *r = &health->memory;
    return room_json("used", r->used, "limit", r->limit, words[r->state]);
}

cJSON *health_disk_json(const struct health *health)
{
    static const char *const words[] = {[ROOM_UNKNOWN] = "unknown",
                                        [ROOM_OK] = "ok",
                                        [ROOM_LOW] = "low",
                                        [ROOM_FULL] = "full"};
    const struct room *r = &health->disk;
    return room_json("free", r->limit - r->used, "size", r->limit,
                     words[r->state]);
}

cJSON *health_texts_json(const struct health *health)
{
    const struct texts_today *x = &health->texts;
    const char *state = "ok";
    if (x->used >= x->limit)
        state = "reached";
    else if (x->used * 100 >= x->limit * HIGH_PERCENT)
        state = "near";
    return room_json("used", x->used, "limit", x->limit, state);
}
