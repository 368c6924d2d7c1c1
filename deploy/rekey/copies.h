/* The daemons that live: found by their sockets and the registry, asked over
 * the bus which keys they have. Changes nothing. */
#ifndef BIRDCAR_REKEY_COPIES_H
#define BIRDCAR_REKEY_COPIES_H

#include "deploy/rekey/app.h"

/* Waits until every copy that lives has the key file as it is now. */
enum end copies_wait(struct app *a);

/* How many are alive; each is named. -1: Redis did not answer. */
int copies_alive(struct app *a);

/* Prints which copies have the key file as it is now. */
enum end copies_tell(struct app *a);

#endif
