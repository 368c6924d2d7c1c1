/* A proxy number that the provider does not take as a sender, again and again:
 * new rides are to go elsewhere. */
#ifndef BIRDCAR_ORIGINATOR_H
#define BIRDCAR_ORIGINATOR_H

#include "shared/service.h"

/* Tells pool-svc each third time in a row; nobody waits for it. Should it get
 * lost, the next three tell again. `in_a_row` may be 0. */
void originator_refused(struct service *s, struct str proxy, unsigned in_a_row);

#endif
