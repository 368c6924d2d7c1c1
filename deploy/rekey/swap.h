/* Values in Redis, changed where they stand, and only as they were read.
 * Knows nothing of keys. */
#ifndef BIRDCAR_REKEY_SWAP_H
#define BIRDCAR_REKEY_SWAP_H

#include "deploy/rekey/app.h"

/* One value: as it was read, and as it is to be. What is changed in it is as
 * long as it was, so all else in it stays, byte by byte. */
struct edit {
    struct str was;
    char *now; /* NULL: nothing to change */
    unsigned changed;
};

/* `part` of e->was becomes `with`, which is as long. */
void edit_part(struct arena *arena, struct edit *e, struct str part,
               struct str with);

enum place { PLACE_STRING, PLACE_FIELD, PLACE_ITEM };

/* Begins to read a string, or a field of a hash. */
void place_read(struct task *t, enum place place, struct str key,
                struct str which, struct value *out);
/* Begins to write it; `*out` is 0 where it is not as it was. */
void place_swap(struct task *t, enum place place, struct str key,
                struct str which, const struct edit *e, struct value *out);

/* The part of a key's name that its place depends on: what is between braces,
 * else all of it. */
struct str tag_of(struct str key);
/* What stands behind the last colon; the rest in `*before`, with the colon. */
struct str last_part(struct str key, struct str *before);

#endif
