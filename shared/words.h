/* Words that people type, as they may be kept. */
#ifndef BIRDCAR_WORDS_H
#define BIRDCAR_WORDS_H

#include "shared/task.h"

/* Clean text of 1 to `most` characters? If not, the task is rejected with
 * `field`. */
bool words_valid(struct task *t, struct str words, size_t most,
                 const char *field);

#endif
