/* Words that people type, as they may be kept. */
#ifndef BIRDCAR_WORDS_H
#define BIRDCAR_WORDS_H

#include "shared/task.h"

/* Clean text of 1 to `most` characters? If not, the task is rejected with
 * `field`. */
bool words_valid(struct task *t, struct str words, size_t most,
                 const char *field);

enum { LANGUAGE_MOST = 16 };

/* The tag of a language, by its shape: `nl`, `nl-NL`, `cmn-Hans-CN`. */
bool language_valid(struct str tag);

#endif
