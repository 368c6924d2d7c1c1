/* The rides of a person, by phone: person-rides:<phone>, a zset: ride -> when
 * it is closed (ms). An index: an entry whose ride never came is harmless. */
#ifndef BIRDCAR_PERSON_RIDES_H
#define BIRDCAR_PERSON_RIDES_H

#include "ride-svc/ride.h"

struct str key_person_rides(struct arena *arena, struct str phone);

/* Adds the ride, or moves its end, for both parties. Of the ride only `ends`
 * and the keys are read. `out` is memory until the task goes on. */
void person_rides_add(struct service *s, struct task *t, struct str ride_id,
                      const struct msg_ride_record *ride, struct value *out);

#endif
