/* What one person holds and remembers: shown, or forgotten. */
#ifndef BIRDCAR_HOLDS_H
#define BIRDCAR_HOLDS_H

#include "shared/service.h"

extern const struct bus_route route_person_holds;

#endif
