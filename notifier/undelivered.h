/* Who wrote a text that did not arrive is told so. Reads what is owed to
 * senders, and puts the answers into the outbox; sends nothing itself. */
#ifndef BIRDCAR_NOTIFIER_UNDELIVERED_H
#define BIRDCAR_NOTIFIER_UNDELIVERED_H

#include "shared/rounds.h"

/* Looks once a second, until it is destroyed. Any number of notifiers may. */
struct rounds *undelivered_new(struct service *s);

#endif
