/* The names of pool-svc's keys; nobody else builds them. */
#ifndef BIRDCAR_POOL_KEYS_H
#define BIRDCAR_POOL_KEYS_H

#include "shared/arena.h"

/* "{NL}" */
struct str pool_tag(struct arena *arena, struct str pool);
/* pool:{NL}:numbers: those that take new rides -> when last assigned (us) */
struct str pool_key_numbers(struct arena *arena, struct str pool);
/* pool:{NL}:index: all of them in the order of their digits, for lists */
struct str pool_key_index(struct arena *arena, struct str pool);
/* pool:{NL}:about, a hash: number -> state, capabilities, label */
struct str pool_key_about(struct arena *arena, struct str pool);
/* pool:{NL}:settings, a hash: capabilities, low_water, … */
struct str pool_key_settings(struct arena *arena, struct str pool);
/* pool:{NL}:closing: it is being removed */
struct str pool_key_closing(struct arena *arena, struct str pool);
/* pool:{NL}:held:<phone>: number -> held for this person until (ms) */
struct str pool_key_held(struct arena *arena, struct str pool,
                         struct str phone);
/* pool:{NL}:uses:<number>: claim -> held until (ms) */
struct str pool_key_uses(struct arena *arena, struct str pool,
                         struct str number);
/* pool:{NL}:claim:<key>: what this request was given */
struct str pool_key_claim(struct arena *arena, struct str pool,
                          struct str claim);
/* pool:{NL}:need: day (since 1970, UTC) -> what assigning saw of it */
struct str pool_key_need(struct arena *arena, struct str pool);
/* pool:{NL}:busy: number -> used until (ms), by whichever ride is the last */
struct str pool_key_busy(struct arena *arena, struct str pool);
/* pool:{NL}:low: since when it has been low (ms); not there: it is not */
struct str pool_key_low(struct arena *arena, struct str pool);
/* pool:{NL}:alerts: of POOL_ALERT, what is to be told, oldest first */
struct str pool_key_alerts(struct arena *arena, struct str pool);
/* number:{17}:<number>, a hash: its one pool; on its way to another one: that,
 * and what it takes along */
struct str number_key(struct arena *arena, struct str number);

#endif
