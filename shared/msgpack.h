/* Reading msgpack by hand: bounded, without allocation, errors latch.
 * Only what our messages use; everything else can be skipped. */
#ifndef BIRDCAR_MSGPACK_H
#define BIRDCAR_MSGPACK_H

#include "shared/str.h"

struct reader {
    const unsigned char *at, *end;
    bool failed; /* short, mistyped or out of range; stays set */
};

struct reader reader_new(struct str bytes);
/* True when nothing failed and nothing is left. */
bool reader_done(const struct reader *r);

/* The number of pairs or items; 0 after a fault or past `most`. */
size_t read_map(struct reader *r, size_t most);
size_t read_array(struct reader *r, size_t most);
/* str or bin; borrowed. */
struct str read_str(struct reader *r);
int64_t read_num(struct reader *r);
bool read_flag(struct reader *r);
/* Steps over one value of any type, nested at most `depth` deep. */
void read_skip(struct reader *r, int depth);

#endif
