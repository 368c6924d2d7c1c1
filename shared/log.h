/* The log: one event a line on stderr, `time level event key=value …`.
 * Never a phone number, never a text: callers pass ids, codes and counts. */
#ifndef BIRDCAR_LOG_H
#define BIRDCAR_LOG_H

#include "shared/str.h"

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };

/* `instance` is kept, not copied; it stands in every line unless empty. Before
 * this call the level is LEVEL_INFO. */
void log_setup(const char *instance, enum log_level least);

/* `event` is a stable name like `ride.created`; `format` makes key=value pairs
 * separated by spaces (a value that may hold one goes between quotes: `"%s"`).
 * An empty trace is left out. Control characters come out as `?`, and a line
 * is cut at 1 KiB. */
void log_event(enum log_level level, const char *event, struct str trace,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same, at most once a second for each event name (names past the 15th
 * share one turn): for faults that come in floods. The next line says how many
 * were left out. `event` is kept, not copied. */
void log_sparse(enum log_level level, const char *event, const char *format,
                ...) __attribute__((format(printf, 3, 4)));

#endif
