/* Calls: a route in, a call flow out. Reads one key, writes nothing that the
 * answer waits for. */
#ifndef BIRDCAR_CALLS_H
#define BIRDCAR_CALLS_H

#include "shared/service.h"

extern const struct bus_route route_call_received;

#endif
