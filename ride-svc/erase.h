/* PERSON_ERASE: all that is kept of one person goes, in pieces that nobody
 * waits for. It is on record before it begins; every ride-svc looks for those
 * whose own has died, and goes on. Each step is safe to repeat. Two minutes
 * later it looks once more: a ride that was being made for them then is found.
 */
#ifndef BIRDCAR_ERASE_H
#define BIRDCAR_ERASE_H

#include "shared/rounds.h"

extern const struct bus_route route_person_erase;

struct rounds *erasures_new(struct service *s);

#endif
