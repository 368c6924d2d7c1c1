/* What a caller gets, decided from the route that was found.
 * Pure: knows no Redis and no wire. */
#ifndef BIRDCAR_CALL_FLOW_H
#define BIRDCAR_CALL_FLOW_H

#include "shared/message.h"

enum call_fate { CALL_CONNECTED, CALL_UNKNOWN, CALL_CLOSED, CALL_TEXTS_ONLY };

/* The fate of a call at `now_ms`; `route` is NULL where there is none. */
enum call_fate call_fate(const struct msg_route *route, int64_t now_ms);

#endif
