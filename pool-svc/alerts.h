/* Watches the pools: says in the metrics how each stands, and raises an alert
 * where one is low, or is not any more. What has changed is written down in the
 * step that finds it, so that of many copies one raises it. */
#ifndef BIRDCAR_POOL_ALERTS_H
#define BIRDCAR_POOL_ALERTS_H

#include "shared/rounds.h"

struct rounds *pool_watch_new(struct service *s);

#endif
