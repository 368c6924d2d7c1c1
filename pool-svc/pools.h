/* Pools by name, and which pool serves whom. */
#ifndef BIRDCAR_POOLS_H
#define BIRDCAR_POOLS_H

#include "shared/service.h"

enum { POOLS_MOST = 500, POOL_NAME_MOST = 32, POOL_PREFIXES_MOST = 100 };

extern const char pool_default[]; /* the name of the default pool */

bool pool_name_valid(struct str name);

/* The prefixes as typed, joined by commas; false: one of them is none, or they
 * are too many. */
bool pool_join_prefixes(struct task *t, const struct list *prefixes,
                        struct str *joined);

/* The pool that serves the phone: the longest prefix; else the default one,
 * else the first that has no prefixes. `pools` is the hash as HGETALL gives
 * it. Empty: no pool serves it. */
struct str pool_choose(const struct value *pools, struct str phone);

/* It is made, perhaps again: {its capabilities}. Awaited. */
void pool_open_it(struct task *t, struct str pool, struct str capabilities,
                  struct value *out);

/* A POOL, of its prefixes as the hash has them and of its figures. */
struct msg_pool pool_read(struct arena *arena, struct str name,
                          struct str prefixes, const struct value *figures);

/* Handlers, and the sizes of their structs. */
extern const struct bus_route route_pool_add, route_pool_list,
    route_pool_choose, route_pool_stats, route_pool_edit, route_pool_remove;

#endif
