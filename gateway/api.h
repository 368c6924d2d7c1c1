/* The JSON API, /api/v1: every route is an act, read from JSON and answered
 * in JSON. */
#ifndef BIRDCAR_GATEWAY_API_H
#define BIRDCAR_GATEWAY_API_H

#include "gateway/acts.h"

/* Milliseconds for an answer; for thousands of lines. */
enum {
    API_WITHIN_MS = 5000,
    IMPORT_WITHIN_MS = 20000,
    ERASE_WITHIN_MS = 20000,
    API_KEY_MOST = 255
};

/* Of a struct errand. */
void api_run(struct task *t);

/* A POST's request key: Idempotency-Key, or a fresh one where there is none.
 * False: it is no such key, and the task has its problem. */
bool api_key(struct errand *e);

#endif
