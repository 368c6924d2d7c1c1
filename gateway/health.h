/* How much room the store has left: Redis's memory, and the disk on which its
 * data lies. Says so before it hurts; refuses nothing itself. */
#ifndef BIRDCAR_GATEWAY_HEALTH_H
#define BIRDCAR_GATEWAY_HEALTH_H

#include <cjson/cJSON.h>

#include "shared/rounds.h"
#include "shared/service.h"

/* UNKNOWN: Redis did not say, or no folder was named. LOW: little is left,
 * four fifths of the memory or nine tenths of the disk are used. */
enum room_state { ROOM_UNKNOWN, ROOM_OK, ROOM_LOW, ROOM_FULL };

/* In bytes. `limit` of 0: none. */
struct room {
    enum room_state state;
    int64_t used, limit;
};

/* Of the answer to INFO memory; what counts towards maxmemory. */
struct room room_of_memory(struct str info);
/* Of the disk that has so many bytes, of which so many are free. */
struct room room_of_disk(int64_t size, int64_t free_bytes);

/* Of TEXTS_PER_DAY, in parts; limit of 0: there is none. */
struct texts_today {
    int64_t used, limit;
};

struct health {
    struct value info, today, time;
    struct room memory, disk;
    struct texts_today texts;
};

/* Asks Redis, where it is connected; awaited, and soon over. Only then: */
void health_ask(struct task *t, struct health *health);
/* Looks at what came and at the disk, sets the metrics, and logs what is new:
 * little room, or enough again. */
void health_see(const struct service *s, struct health *health);

/* Both, every few seconds, so that the log tells of it though nobody asks. */
struct rounds *health_watch(struct service *s);

/* {"used":…, "limit":…, "state":"ok|high|full|unknown"} */
cJSON *health_memory_json(const struct health *health);
/* {"used":…, "limit":…, "state":"ok|near|reached"} */
cJSON *health_texts_json(const struct health *health);
/* {"free":…, "size":…, "state":"ok|low|full|unknown"} */
cJSON *health_disk_json(const struct health *health);

#endif
