/* Alerts: what the operator is told by a signed webhook. Any service raises
 * them; the notifier sends them. They stand in Redis, so that none is lost, and
 * hold nothing of a person. */
#ifndef BIRDCAR_ALERTS_H
#define BIRDCAR_ALERTS_H

#include <cjson/cJSON.h>

#include "shared/redis.h"

enum {
    ALERTS_MOST = 1000,      /* that wait; past it the one due first goes */
    ALERT_KEPT_MS = 86400000 /* then it is given up */
};

/* The hash tag of all of them. */
extern const char alerts_tag[];

/* Their keys: id -> when it is due (ms); and "{alerts}:alert:<id>". */
struct str alerts_key_due(struct arena *arena);
struct str alerts_key_alert(struct arena *arena, struct str id);

/* Awaited. Queues an alert, once: a repeat with the same id within 48 h is
 * harmless. `id`: letters, digits, `_` and `-`. `type`: pool.low, pool.enough,
 * number.set_aside, texts.limit_near, texts.limit_reached. `data`, an object,
 * stays the caller's. The body is
 * {"type", "timestamp": of at_ms, "data"}. */
void alert_raise(struct redis *redis, struct task *t, struct str id,
                 const char *type, int64_t at_ms, const cJSON *data);

#endif
