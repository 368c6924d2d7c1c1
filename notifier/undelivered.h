/* Who wrote a text that did not arrive is told so. Reads what is owed to
 * senders, and puts the answers into the outbox; sends nothing itself. */
#ifndef BIRDCAR_NOTIFIER_UNDELIVERED_H
#define BIRDCAR_NOTIFIER_UNDELIVERED_H

#include "shared/service.h"

struct undelivered;

/* Looks once a second, until it is destroyed. Any number of notifiers may. */
struct undelivered *undelivered_new(struct service *s);
void undelivered_destroy(struct undelivered **undelivered);

#endif
