/* Why this number: people in, keyed hashes out to pool-svc, which knows the
 * rest. Reads only. */
#ifndef BIRDCAR_RIDE_WHY_H
#define BIRDCAR_RIDE_WHY_H

#include "shared/service.h"

extern const struct bus_route route_ride_why;

#endif
