/* Who lives where: heartbeats of this copy, and the copies of its peers, by
 * way of `service:<name>` in Redis. It only discovers: while Redis is away
 * nobody is forgotten. */
#ifndef BIRDCAR_REGISTRY_H
#define BIRDCAR_REGISTRY_H

#include "shared/bus.h"
#include "shared/redis.h"

struct registry;

enum { REGISTRY_BEAT_MS = 1000, REGISTRY_LIVES_MS = 3000 };

/* Begins to announce `instance` at `endpoint` once a second, and to tell
 * `client` of the copies of `peers` (ends at NULL; with their own heartbeats).
 * All strings outlive it. */
struct registry *registry_new(struct loop *loop, struct tasks *tasks,
                              struct redis *redis, struct bus_client *client,
                              const char *service, const char *instance,
                              const char *endpoint, const char *const *peers);
void registry_destroy(struct registry **registry);

/* Announces at once that this copy takes no new requests. */
void registry_leave(struct registry *registry);

/* Copies of this very service that live, this one included; 1 at least. */
unsigned registry_brothers(const struct registry *registry);
/* This copy's place among them, in the order of their names: 0 is the first. */
unsigned registry_place(const struct registry *registry);

#endif
