/* Rides read: one, a page of them, and what happened on one. */
#ifndef BIRDCAR_LISTS_H
#define BIRDCAR_LISTS_H

#include "shared/service.h"

/* A reference as it stands in a timeline, whole. */
struct str timeline_reference(struct arena *arena, struct str ride,
                              struct str reference);

extern const struct bus_route route_ride_get, route_ride_list,
    route_ride_timeline;

#endif
