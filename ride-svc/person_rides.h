/* The rides of a person, by phone: person-rides:<phone>, a zset: ride -> when
 * it is closed (ms). An index: an entry whose ride never came is harmless. */
#ifndef BIRDCAR_PERSON_RIDES_H
#define BIRDCAR_PERSON_RIDES_H

#include "ride-svc/ride.h"

enum { MOST_LIVE_RIDES = 200 /* of one phone */ };

struct str key_person_rides(struct arena *arena, struct str phone);

/* Adds the ride, or moves its end, for both parties, and for who left it. `out`
 * is memory until the task goes on. */
void person_rides_add(struct service *s, struct task *t, struct str ride_id,
                      const struct msg_ride_record *ride, struct value *out);

/* The same before the ride is written, and for three days at most: what never
 * came does not stay for long. Who writes the ride adds it once more where it
 * is a long one. */
void person_rides_plan(struct service *s, struct task *t, struct str ride_id,
                       const struct msg_ride_record *ride, int64_t now_ms,
                       struct value *out);
/* It was refused for good: else it counted as live for as long as it was
 * planned to be. */
void person_rides_unplan(struct service *s, struct task *t, struct str ride_id,
                         const struct msg_ride_record *ride);
bool person_rides_is_long(const struct msg_ride_record *ride, int64_t now_ms);

/* How many of this phone are live; those that are just being made may be left
 * out. */
void person_rides_count(struct service *s, struct task *t, struct str phone,
                        int64_t now_ms, struct value *out);

#endif
