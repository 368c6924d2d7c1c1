/* Keeps a process's vault as its key file is: looks at the file once a second,
 * and reads it anew where it has changed. So keys are changed under running
 * daemons, on every machine that gets the new file; STATS tells who has it. */
#ifndef BIRDCAR_KEYS_WATCH_H
#define BIRDCAR_KEYS_WATCH_H

#include "shared/vault.h"

struct keys_watch;
struct loop;

enum { KEYS_LOOK_MS = 1000 };

/* From now on `*vault`, which was read from `path`, is exchanged for a newer
 * one; between two turns of tasks, so that nobody keeps a pointer to it over an
 * AWAIT. A file that is no good, or has other look-up keys or another MAC key,
 * is logged, and what is there stays. Both outlive the watch. */
struct keys_watch *keys_watch_new(struct loop *loop, const char *path,
                                  struct vault **vault);
void keys_watch_destroy(struct keys_watch **watch);

#endif
