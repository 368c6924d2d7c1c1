/* POOL_REPLAY and JOB_GET: plays a pool's rides of the last 30 days again, with
 * another grace and cool-down, a piece of that time after the other, so that
 * nobody waits for it. One at a time a copy; what it has come to stands in
 * Redis for a day. */
#ifndef BIRDCAR_REPLAY_H
#define BIRDCAR_REPLAY_H

#include "shared/service.h"

extern const struct bus_route route_pool_replay, route_job_get;

/* The service ends: so does the replay under way. */
void replay_stop(void);

#endif
