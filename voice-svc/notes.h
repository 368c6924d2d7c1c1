/* What happened to calls, for the rides' timelines: it follows the answers,
 * batched, best effort. Never makes a caller wait. */
#ifndef BIRDCAR_NOTES_H
#define BIRDCAR_NOTES_H

#include "shared/service.h"
#include "voice-svc/call_flow.h"

/* A note of one call; it leaves within 50 ms, with others. `route` is borrowed
 * for this call only. */
void notes_add(struct service *s, const struct msg_route *route,
               enum call_fate fate, int64_t now_ms);

/* For service_spec: they own s->context. */
bool notes_start(struct service *s);
void notes_leave(struct service *s);
void notes_stop(struct service *s);

#endif
