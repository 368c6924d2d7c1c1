/* A task of the service's own that comes again and again: a round, a pause, the
 * next round, until the service leaves. Knows not what it is for. */
#ifndef BIRDCAR_ROUNDS_H
#define BIRDCAR_ROUNDS_H

#include "shared/service.h"

struct rounds;

/* Each round is a task of `size` bytes, zeroed, with that deadline (ms); the
 * first comes after a pause, too. A round that fails is followed by another. */
struct rounds *rounds_new(struct service *s, int64_t pause_ms, size_t size,
                          void (*run)(struct task *), int64_t deadline_in_ms);
void rounds_destroy(struct rounds **rounds);
/* From now on each round begins with that `arg`. */
void rounds_pass(struct rounds *rounds, void *arg);

/* What each round's struct begins with. */
struct round_task {
    struct task task;
    struct rounds *rounds;
    void *arg; /* NULL where none was passed */
};

#endif
