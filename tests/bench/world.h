/* The world that the bench plays in: who rides with whom, through which proxy
 * number. All of it follows from the ride's place in the row, so the programs
 * agree without telling each other. */
#ifndef BIRDCAR_BENCH_WORLD_H
#define BIRDCAR_BENCH_WORLD_H

#include "shared/arena.h"

/* Two routes a ride: the even ones are the customers'. */
struct world_route {
    struct str phone, proxy; /* digits */
};

struct str world_customer(struct arena *arena, uint64_t ride);
struct str world_driver(struct arena *arena, uint64_t ride);
struct str world_proxy(struct arena *arena, uint64_t ride, uint64_t proxies);
struct world_route world_route(struct arena *arena, uint64_t route,
                               uint64_t proxies);

/* A whole number of at least 1; anything else ends the program. */
uint64_t world_count(const char *text);

#endif
