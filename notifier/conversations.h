/* The order of texts within this process: one after the other within a
 * conversation (a ride and a recipient), conversations side by side.
 * Those that want to look something up stand in a line of their own.
 * Pure memory: knows no Redis, no provider; time is an argument. */
#ifndef BIRDCAR_NOTIFIER_CONVERSATIONS_H
#define BIRDCAR_NOTIFIER_CONVERSATIONS_H

#include "notifier/pace.h"
#include "shared/arena.h"

struct conversations;

/* Read only. A conversation lives as long as something waits in it or is being
 * tried. */
struct conversation {
    unsigned partition;
    struct str ride, role;
    /* While it is being tried: the entry, or empty for what is parked. Copy it
     * at once: a drop frees it. */
    struct str entry;
};

struct conversations *conversations_new(void);
void conversations_destroy(struct conversations **all);

/* A new entry, behind those that the conversation has. */
void conversations_add(struct conversations *all, unsigned partition,
                       struct str ride, struct str role, struct str entry);
/* What is parked of this conversation is due; its first text wants that. */
void conversations_due(struct conversations *all, unsigned partition,
                       struct str ride, struct str role, enum turn line);

/* The next one to try of that line, the longest ready first; it stays out of
 * turn until conversations_ended(). NULL: none is ready. */
const struct conversation *conversations_next(struct conversations *all,
                                              enum turn line, int64_t now_ms);

/* Is there one? */
bool conversations_ready(const struct conversations *all, enum turn line,
                         int64_t now_ms);

/* GONE_BY: what was tried waits no more. AGAIN: it waits still, until then. */
enum conversation_end { GONE_BY, AGAIN };

/* `more`: something is parked and due now. `line`: where it waits for what it
 * tries next. `c` is not valid any more. */
void conversations_ended(struct conversations *all,
                         const struct conversation *c,
                         enum conversation_end how, int64_t not_before_ms,
                         bool more, enum turn line);

/* Forgets all that waits in that partition. */
void conversations_drop(struct conversations *all, unsigned partition);

/* Entries that wait in that partition, those being tried included. */
unsigned conversations_waiting(const struct conversations *all,
                               unsigned partition);

#endif
