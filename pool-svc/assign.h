/* Which number may serve which pair: claims and holds. Knows people by the
 * keyed hash of their phone only. */
#ifndef BIRDCAR_ASSIGN_H
#define BIRDCAR_ASSIGN_H

#include "shared/service.h"

extern const struct bus_route route_number_assign, route_hold_set,
    route_claim_drop;

#endif
