/* A page of what stands by its time in a sorted set a partition ("rides:{17}"),
 * merged over all 64, newest first. Knows not what the ids stand for. */
#ifndef BIRDCAR_RECENT_H
#define BIRDCAR_RECENT_H

#include "shared/partition.h"
#include "shared/redis.h"

enum { RECENT_MOST = 200 /* a page */ };

struct recent_entry {
    struct str id;
    int64_t at_ms;
};

struct recent {
    int64_t limit;
    struct recent_entry before; /* the cursor; no id: from the newest on */
    struct value older[PARTITIONS], same_ms[PARTITIONS];
    struct recent_entry *entries; /* the page, after recent_merge() */
    size_t count;
};

/* `cursor` is "<ms>.<id>" as recent_next() made it, or empty. False: the task
 * is rejected with `cursor` or `limit`. */
bool recent_begin(struct recent *r, struct task *t, struct str cursor,
                  int64_t limit, bool (*is_id)(struct str id));

/* Asks the set `what` of every partition, for nothing older than `since_ms`. */
void recent_ask(struct recent *r, struct redis *redis, struct task *t,
                const char *what, int64_t since_ms);

/* When all of that is DONE: fills `entries`. */
void recent_merge(struct recent *r, struct arena *arena);

/* The cursor of the page behind this one; empty where there is none. */
struct str recent_next(const struct recent *r, struct arena *arena);

#endif
