/* Times as people and providers write them. */
#ifndef BIRDCAR_TIMESTAMP_H
#define BIRDCAR_TIMESTAMP_H

#include "shared/arena.h"

/* The last second of 9999: the end of what lasts until it is ended by hand. A
 * time like any other, so that all that compares times holds for it, too; and
 * what follows it (grace, cool-down) is later still. */
static const int64_t NO_END_MS = 253402300799000;

/* RFC 3339 (`2018-09-24T08:30:59+00:00`, `…Z`, fractions, a space for the `T`
 * or for a `+` that a form decoded) or a form's date and time
 * (`2018-09-24T08:30`, seconds optional; taken as UTC). Real dates only.
 * Milliseconds since 1970. */
bool time_parse(struct str text, int64_t *ms);

/* "2018-09-24T08:30:59Z" */
struct str time_text(struct arena *arena, int64_t ms);

/* The wall clock; for logs and signatures, never for what is stored. */
int64_t time_now_ms(void);

#endif
