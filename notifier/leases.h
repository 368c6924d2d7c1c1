/* Leases: which partitions this notifier sends for, and until when.
 * Knows nothing of texts. A lease has an epoch, which no two owners share, and
 * lives in Redis for a short time only; we trust it for half of that time on
 * our own clock. Partitions spread evenly over the notifiers that live. */
#ifndef BIRDCAR_NOTIFIER_LEASES_H
#define BIRDCAR_NOTIFIER_LEASES_H

#include "shared/partition.h"
#include "shared/service.h"

struct leases;

enum { LEASE_MS = 2500, LEASE_TRUST_MS = LEASE_MS / 2 };

struct lease_events {
    void (*taken)(void *arg, unsigned partition);
    void (*lost)(void *arg, unsigned partition); /* given back, too */
};

/* `events` and `arg` outlive it. */
struct leases *leases_new(struct service *s, const struct lease_events *events,
                          void *arg);
void leases_destroy(struct leases **leases);

/* Begins to take and to renew. */
void leases_start(struct leases *leases);
/* Gives all back at once and takes none any more. */
void leases_leave(struct leases *leases);
/* After leases_leave(): nothing is left to give back. */
bool leases_left(const struct leases *leases);

/* 0: not ours. The same number means that nobody else was in between. */
int64_t leases_epoch(const struct leases *leases, unsigned partition);
/* Ours, and renewed so lately that nobody else can have it. */
bool leases_hold(const struct leases *leases, unsigned partition);
/* The lease's value in Redis as long as it is ours. */
struct str leases_mark(const struct leases *leases, struct arena *arena,
                       unsigned partition);

/* ---- which to take, and which to give back ---- */

enum lease_act {
    LEASE_NOTHING,
    LEASE_LOOK,
    LEASE_KEEP,
    LEASE_TAKE,
    LEASE_RESCUE,
    LEASE_OFFER,
    LEASE_FREE
};

enum lease_seen { SEEN_NEVER, SEEN_FREE, SEEN_OFFERED, SEEN_OTHER, SEEN_MINE };

struct lease_view {
    enum lease_seen seen;
    bool orphan; /* free, and nobody short of a share came for it */
};

/* The fair share of the notifier at `place` among `brothers`. */
unsigned lease_share(unsigned brothers, unsigned place);

/* Plans a round: keeps what is ours, takes up to a fair share, rescues orphans
 * beyond it, and offers what is above it if `may_offer`. Brothers begin their
 * search at different partitions. */
void lease_plan(const struct lease_view views[PARTITIONS], unsigned brothers,
                unsigned place, bool may_offer,
                enum lease_act acts[PARTITIONS]);

#endif
