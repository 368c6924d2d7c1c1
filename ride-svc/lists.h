/* Rides read: one, a page of them, and what happened on one. */
#ifndef BIRDCAR_LISTS_H
#define BIRDCAR_LISTS_H

#include "shared/service.h"

extern const struct bus_route route_ride_get, route_ride_list,
    route_ride_timeline;

#endif
