/* Where keyed hashes of phones stand in Redis, in the names of keys and in
 * values: the one list of them. Lays one more look-up key over each. */
#ifndef BIRDCAR_REKEY_HASHED_H
#define BIRDCAR_REKEY_HASHED_H

#include "deploy/rekey/app.h"

struct hashed_tally {
    int64_t changed; /* hashes in names and values */
    int64_t odd;     /* hashes that are neither of before nor of afterwards */
};

/* One walk over all keys: every hash of `layer` - 1 layers gets that one, those
 * that have it already stay. Nobody else may write meanwhile. */
enum end hashed_pass(struct app *a, unsigned layer, struct hashed_tally *tally);

#endif
