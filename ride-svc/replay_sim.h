/* Plays rides again, in the order in which they were made, to see how many
 * numbers they needed. Pure: knows neither Redis nor pools. */
#ifndef BIRDCAR_REPLAY_SIM_H
#define BIRDCAR_REPLAY_SIM_H

#include <stdbool.h>
#include <stdint.h>

struct replay_sim;

enum { REPLAY_MOST_HELD = 200000 /* holds at a time; 32 bytes each */ };

struct replay_sim *replay_sim_new(void);
void replay_sim_destroy(struct replay_sim **sim);

/* A ride between `a` and `b`, hashes of two people, whose number is held from
 * `from_ms` until `until_ms` (INT64_MAX: for good); never earlier than the one
 * before. False: too many are held at a time, and it counts for nothing. */
bool replay_sim_add(struct replay_sim *sim, uint64_t a, uint64_t b,
                    int64_t from_ms, int64_t until_ms);

/* The most that a ride's two people held, and one more: with so many numbers
 * none would have been refused. 0: there was no ride. */
int64_t replay_sim_need(const struct replay_sim *sim);
/* The most that one person held at a time. */
int64_t replay_sim_busiest(const struct replay_sim *sim);

#endif
