/* A ride after its making: ended, cancelled, extended, reopened. */
#ifndef BIRDCAR_LIFE_H
#define BIRDCAR_LIFE_H

#include "shared/service.h"

extern const struct bus_route route_ride_end, route_ride_cancel,
    route_ride_extend, route_ride_reopen;

#endif
