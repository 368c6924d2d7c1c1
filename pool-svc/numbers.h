/* Proxy numbers: added to a pool, listed with their use. */
#ifndef BIRDCAR_NUMBERS_H
#define BIRDCAR_NUMBERS_H

#include "shared/service.h"

extern const struct bus_route route_number_add, route_number_list;

#endif
