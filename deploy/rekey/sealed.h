/* Where sealed values stand in Redis, and what each is bound to: the one list
 * of them. Seals them anew, with the key that seals now. */
#ifndef BIRDCAR_REKEY_SEALED_H
#define BIRDCAR_REKEY_SEALED_H

#include "deploy/rekey/app.h"

enum { ODD_KEYS = 5, ODD_ROOM = 96 };

struct sealed_tally {
    int64_t values;     /* sealed values seen */
    int64_t changed;    /* sealed anew */
    int64_t missed;     /* changed or gone while we looked */
    int64_t waiting;    /* texts in an outbox with another key: they leave */
    int64_t unreadable; /* that do not open */
    char odd[ODD_KEYS][ODD_ROOM]; /* where: a few keys */
};

/* One pass over the keys of that pattern (NULL: all). */
enum end sealed_pass(struct app *a, const char *match,
                     struct sealed_tally *tally);

#endif
