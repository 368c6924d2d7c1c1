/* A ride after its making: ended, cancelled, extended, reopened. */
#ifndef BIRDCAR_LIFE_H
#define BIRDCAR_LIFE_H

#include "ride-svc/ride_change.h"

/* What both hear of a cancelled ride. */
void cancel_notices(struct task *t, struct str id,
                    const struct msg_ride_record *ride, struct told told[2]);

extern const struct bus_route route_ride_end, route_ride_cancel,
    route_ride_extend, route_ride_reopen;

#endif
