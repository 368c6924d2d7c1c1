/* What was erased stands in Redis's append-only file until that is rewritten:
 * after an erasure it is, once a minute at most, by one of all ride-svc. Where
 * Redis does not let us, its operator does: the log says so. */
#ifndef BIRDCAR_REWRITE_H
#define BIRDCAR_REWRITE_H

#include "shared/rounds.h"

struct rounds *rewrites_new(struct service *s);

#endif
