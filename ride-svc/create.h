/* A ride is made: request key, number, commit, confirm. */
#ifndef BIRDCAR_CREATE_H
#define BIRDCAR_CREATE_H

#include "shared/service.h"

enum { PLACE_MOST = 200, DATETIME_MOST = 100 };

extern const struct bus_route route_ride_create;

#endif
