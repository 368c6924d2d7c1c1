/* A ride is made: request key, number, commit, confirm. */
#ifndef BIRDCAR_CREATE_H
#define BIRDCAR_CREATE_H

#include "shared/service.h"

enum { PLACE_MOST = 200, DATETIME_MOST = 100 };

extern const struct bus_route route_ride_create;

/* The same for a task that waits for it: `*id` is the ride's, in its arena,
 * when it is DONE. `request` must stand until then. It goes on in place of the
 * ride `replaces`, which its duty ends unless the task did. */
void create_begin(struct service *s, struct task *t,
                  const struct msg_ride_create *request, struct str replaces,
                  int64_t replaces_revision, struct str *id);

#endif
