/* An erasure in the making. Internal to PERSON_ERASE. */
#ifndef BIRDCAR_ERASE_PARTS_H
#define BIRDCAR_ERASE_PARTS_H

#include "ride-svc/duties.h"
#include "ride-svc/whose.h"

/* What is counted, by kind. */
enum erase_count {
    ERASE_PEOPLE,
    ERASE_RIDES,
    ERASE_ENDED,
    ERASE_ROUTES,
    ERASE_TEXTS,
    ERASE_LETTERS,
    ERASE_UNROUTED,
    ERASE_HOLDS,
    ERASE_KEPT,
    ERASE_COUNTS
};

enum { ERASE_SLICE = 40 /* rides, all of one partition */ };

struct erase_ride {
    struct str id, phone; /* the hash under which they are in it */
    struct ride_read read;
    struct value done;
};

struct erasure {
    struct call call; /* of one that goes on by itself: no request */
    bool is_asked;
    struct str id;
    struct whose whose;
    struct value stored, time, removed[WHOSE_PEOPLE];
    int64_t counts[ERASE_COUNTS]; /* not written down yet */
    int64_t kept_until;
    /* A slice of the rides, and which of them. */
    size_t from, count, at;
    struct erase_ride rides[ERASE_SLICE];
    size_t phone; /* which of their phones, or of the records */
    struct value texts, changed, kept, unrouted[64], users;
    struct str after;
    struct hold_sync sync;
    struct msg_person_holds ask;
    struct msg_holds holds;
    unsigned tries, passes;
    bool has_erased; /* in this pass over the rides */
    bool is_sweep;   /* a look, later, at what was being made then */
    bool has_found;
};

/* Writes down how far it is: "begin", "go_on" or "done". Awaited. */
void erase_write(struct task *t, struct erasure *e, const char *act,
                 const struct str *fields, size_t count);
/* The body for the rest of it, once `whose` is known. */
void erase_body(struct task *t);
/* Fills the reply from the record. */
void erase_answer(struct erasure *e);

/* Their rides in slices. False: there is none behind the last one. */
bool erase_next_slice(struct erasure *e);
void erase_read_slice(struct task *t, struct erasure *e);
/* Leaves those that are theirs. */
void erase_keep_theirs(struct task *t, struct erasure *e);
bool erase_connects(const struct erase_ride *ride);
/* It was over, or changed, not long ago: holds and texts may stand open. */
bool erase_is_fresh(const struct erase_ride *ride);
void erase_cancel(struct task *t, struct erasure *e);
/* True: it changed meanwhile, and is to be cancelled again. */
bool erase_cancel_again(struct task *t, struct erasure *e);
/* The texts on the slice's rides that are of one phone; false: there are no
 * such rides. Then: true: there may be more. */
bool erase_texts(struct task *t, struct erasure *e);
bool erase_more_texts(struct erasure *e);
void erase_slice(struct task *t, struct erasure *e);
void erase_count_slice(struct task *t, struct erasure *e);
void erase_unlist_slice(struct task *t, struct erasure *e);

#endif
