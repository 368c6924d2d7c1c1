/* The way out: reads the outboxes of the partitions that are ours and keeps
 * attempts going, in order within a conversation, side by side otherwise.
 * Knows no provider's format and no script of an attempt. */
#ifndef BIRDCAR_NOTIFIER_OUTBOX_H
#define BIRDCAR_NOTIFIER_OUTBOX_H

#include "notifier/provider.h"
#include "shared/service.h"

struct outbox;

struct outbox *outbox_new(struct service *s, const struct provider *provider);
void outbox_destroy(struct outbox **outbox);

/* Begins to take partitions and to send. */
void outbox_start(struct outbox *outbox);
/* Begins no more attempts and gives the partitions back. */
void outbox_leave(struct outbox *outbox);
/* After outbox_leave(): nothing is under way. */
bool outbox_idle(const struct outbox *outbox);

/* POKE; the daemon's context is the outbox. */
extern const struct bus_route route_poke;

#endif
