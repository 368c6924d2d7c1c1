/* MessageBird's older request signature, which it deprecates: an HMAC over
 * timestamp, query and body, but not over the path.
 * Pure: the clock and the keys are arguments; stores nothing. */
#ifndef BIRDCAR_GATEWAY_SIGNATURE_OLD_H
#define BIRDCAR_GATEWAY_SIGNATURE_OLD_H

#include "gateway/signature.h"

enum { SIGNATURE_OLD_WINDOW_S = 300 }; /* of its timestamp, both ways */

/* `signature` and `timestamp`: the headers' values; `query`: raw. The HMAC is
 * compared in constant time, before the timestamp is believed. */
enum signature_fault signature_old_check(struct arena *arena,
                                         struct str signature,
                                         struct str timestamp, struct str key,
                                         struct str query, struct str body,
                                         int64_t now_ms);

#endif
