/* When a text is tried again, after an attempt or a look-up that did not end
 * well. Pure: writes nothing down. */
#ifndef BIRDCAR_NOTIFIER_RETRY_H
#define BIRDCAR_NOTIFIER_RETRY_H

#include "notifier/provider.h"
#include "notifier/sending.h"

/* Milliseconds until the next attempt, after so many: from 1 s, doubling, to
 * `most_ms`, with jitter. */
int64_t retry_back_off(int64_t attempts, int64_t most_ms);

/* After an attempt that ended as `*v`, NOT_SENT_RETRY or IN_DOUBT. */
struct parking retry_after_send(const struct begun *begun,
                                const struct verdict *v);

/* After the provider was asked whether it knows the text; fills `*v`, which
 * says why where it FAILED. */
struct parking retry_after_look(const struct begun *begun, enum look look,
                                struct verdict *v);

#endif
