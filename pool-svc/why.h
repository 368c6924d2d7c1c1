/* Why this number: what the walk would choose for a pair now, and what it would
 * pass over. Reads only. */
#ifndef BIRDCAR_WHY_H
#define BIRDCAR_WHY_H

#include "shared/service.h"

extern const struct bus_route route_number_why;

#endif
