/* The record of each text's way out, in Redis: one atomic step a call.
 * Sends nothing itself. Every call is awaited and safe to repeat. */
#ifndef BIRDCAR_NOTIFIER_SENDING_H
#define BIRDCAR_NOTIFIER_SENDING_H

#include "notifier/leases.h"

enum {
    /* From asking to be allowed until the provider's answer counts no more. */
    ATTEMPT_MS = 10000,
    /* Then no byte of it can leave any more; another owner waits so long. */
    ATTEMPT_OVER_MS = ATTEMPT_MS + 2000,
    TEXT_KEPT_MS = 4 * 3600 * 1000,
    /* Then a dead letter is gone, and its text with it. */
    LETTER_KEPT_MS = 24 * 3600 * 1000
};

/* Which text of which conversation. */
struct sending {
    struct service *service;
    const struct leases *leases;
    unsigned partition;
    struct str ride, role;
    struct str entry;   /* empty until begun: the first that is parked */
    struct str attempt; /* of sending_begin(); empty: none */
    bool day_spent;     /* nothing is left of TEXTS_PER_DAY */
};

/* LOST: the partition is another's. GONE: there is no such text any more.
 * MOVED: it waits behind what is parked. SPENT: not today. WAIT: another's
 * attempt may be under way for `wait_ms`. SEND: the attempt is on record. LOOK:
 * it may have been sent at `doubt_ms`. DEAD: it is never sent, because of
 * `reason`. */
enum may_send {
    MAY_LOST,
    MAY_GONE,
    MAY_MOVED,
    MAY_SPENT,
    MAY_WAIT,
    MAY_SEND,
    MAY_LOOK,
    MAY_DEAD
};

struct begun {
    enum may_send may;
    int64_t wait_ms;
    const char *reason;
    int64_t now_ms, attempts, doubt_ms, absences;
    struct str reference, proxy;
    struct str to, text; /* sealed */
};

/* The reply of sending_begin(), read; fills `entry` and `attempt`, too. */
void sending_begin(struct sending *s, struct task *t, struct value *reply);
void sending_read(struct sending *s, const struct value *reply,
                  struct begun *out);

/* After these, sending_more() tells from the reply whether another text of the
 * conversation is parked, due now. */
void sending_done(const struct sending *s, struct task *t,
                  const struct begun *text, struct value *reply);
void sending_dead(const struct sending *s, struct task *t, const char *reason,
                  struct value *reply);
bool sending_more(const struct value *reply);
/* Of sending_dead(): how often in a row the provider refused the text's proxy
 * number as its sender; 0: that was not why. */
unsigned sending_refused_in_a_row(const struct value *reply);
/* Nothing was written down: the partition is another's, or was for a while. */
bool sending_lost(const struct value *reply);

struct parking {
    int64_t again_ms;
    int64_t attempts;
    int64_t doubt_ms; /* 0: surely not sent */
    int64_t absences;
};
void sending_park(const struct sending *s, struct task *t,
                  const struct parking *how, struct value *reply);

#endif
