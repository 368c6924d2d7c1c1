/* A ride as it stands in Redis, and what others may see of it.
 * Asks nothing over the bus. */
#ifndef BIRDCAR_RIDE_H
#define BIRDCAR_RIDE_H

#include "shared/keys.h"
#include "shared/service.h"

enum { HOLD_SLACK_MS = 60000 /* a route ends this long before its hold */ };

static const int64_t DAY_MS = 24LL * 3600 * 1000;
/* No ride ends later than this from now, unless it has no end: NO_END_MS. */
static const int64_t MOST_AHEAD_MS = 3660LL * 24 * 3600 * 1000;

/* One ride, read together with Redis's time. */
struct ride_read {
    struct value packed, time;
    struct msg_ride_record ride;
    int64_t now_ms;
};

/* Begins to read; call ride_decode() when it is DONE. For a list read the time
 * once, with ride_fetch_packed() for each ride. */
void ride_fetch(struct service *s, struct task *t, struct str id,
                struct ride_read *out);
void ride_fetch_packed(struct service *s, struct task *t, struct str id,
                       struct ride_read *out);
/* False where there is no such ride. */
bool ride_decode(struct task *t, struct ride_read *read);

/* What others may see: phones masked, the state at `now_ms`. */
void ride_describe(const struct service *s, struct task *t, struct str id,
                   const struct msg_ride_record *ride, int64_t now_ms,
                   struct msg_ride *out);

/* Is that an end that a ride may have? */
bool ride_end_valid(int64_t ends, int64_t now_ms);

/* Its end, and what follows from it: connected until, its number kept until. */
void ride_set_end(struct msg_ride_record *ride, const struct settings *settings,
                  int64_t ends);

/* The hold that the ride wants of pool-svc now. */
/* False: its number is for calls alone, and nothing is ever sent from it. */
bool ride_can_text(const struct msg_ride_record *ride);

struct msg_hold_set ride_hold(struct str id, const struct msg_ride_record *ride,
                              int64_t now_ms);

/* A request needs a key that is its own; if not, the task is rejected. */
bool key_valid(struct task *t, struct str key);

/* Tells the notifier that sends for the partition; `lease` is "instance epoch"
 * as the scripts return it, empty where nobody does. */
void poke(struct service *s, const struct value *lease, unsigned partition);

#endif
