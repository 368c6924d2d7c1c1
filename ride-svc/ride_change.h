/* A ride as it was read is ended, cancelled, replaced, extended or reopened:
 * one atomic step, ride_change.lua. Decides nothing about when. */
#ifndef BIRDCAR_RIDE_CHANGE_H
#define BIRDCAR_RIDE_CHANGE_H

#include "ride-svc/ride.h"

/* Who is told something at last: cancel, replace. An empty reference: nobody.
 */
struct told {
    struct str role, phone /* sealed */, reference, text /* sealed */;
};

struct ride_change {
    const char *act;  /* end, cancel, replace, extend or reopen */
    int64_t ends;     /* extend, reopen: the new end */
    int64_t revision; /* extend, reopen: that its mark made, 0: this is the
                         mark; replace: nothing is done to any other */
    struct str next;  /* replace: by this ride */
    struct told told[2];
};

/* Awaited. `*out` is what the script returns. */
void ride_change_send(struct task *t, struct str id,
                      const struct msg_ride_record *ride,
                      const struct ride_change *how, struct value *out);

#endif
