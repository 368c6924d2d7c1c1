/* A ride goes on with another customer or driver. */
#ifndef BIRDCAR_PARTY_H
#define BIRDCAR_PARTY_H

#include "shared/service.h"

extern const struct bus_route route_ride_party;

#endif
