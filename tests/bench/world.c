#include "tests/bench/world.h"

#include <stdio.h>
#include <stdlib.h>

static struct str digits(struct arena *arena, const char *prefix, uint64_t n)
{
    return arena_printf(arena, "%s%08llu", prefix, (unsigned long long)n);
}

struct str world_customer(struct arena *arena, uint64_t ride)
{
    return digits(arena, "3161", ride);
}

struct str world_driver(struct arena *arena, uint64_t ride)
{
    return digits(arena, "3162", ride);
}

struct str world_proxy(struct arena *arena, uint64_t ride, uint64_t proxies)
{
    return digits(arena, "3197", ride % proxies);
}

struct world_route world_route(struct arena *arena, uint64_t route,
                               uint64_t proxies)
{
    uint64_t ride = route / 2;
    return (struct world_route){.phone = route % 2 == 0
                                             ? world_customer(arena, ride)
                                             : world_driver(arena, ride),
                                .proxy = world_proxy(arena, ride, proxies)};
}

uint64_t world_count(const char *text)
{
    int64_t n = 0;
    if (str_to_num(str_of(text), &n) && n >= 1)
        return (uint64_t)n;
    (void)fprintf(stderr, "not a whole number of at least 1: %s\n", text);
    exit(2);
}
