/* A ride is over at once since another goes on in its place. */
#ifndef BIRDCAR_REPLACE_H
#define BIRDCAR_REPLACE_H

#include "ride-svc/ride.h"

/* Who leaves with it, and what they are told; all empty: nobody is. */
struct goodbye {
    struct str role, phone /* sealed */, reference, text /* sealed */;
};

/* Runs ride_change.lua on the ride as it was read: `act` is replace, which does
 * nothing to any but that `revision`, or cancel for one that was made for
 * nothing. Awaited. */
void ride_replace(struct task *t, const char *act, struct str id,
                  const struct msg_ride_record *ride, int64_t revision,
                  struct str next, const struct goodbye *goodbye,
                  struct value *out);

#endif
