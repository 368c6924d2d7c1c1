/* A number comes to us. Internal to NUMBER_ADD and NUMBER_IMPORT. */
#ifndef BIRDCAR_NUMBER_ADD_H
#define BIRDCAR_NUMBER_ADD_H

#include "pool-svc/spot.h"
#include "shared/phone.h"

/* A task of its own; `call` has request and reply. */
struct number_adding {
    struct call call;
    bool dry;       /* only looks: nothing is written, and there is no reply */
    bool was_there; /* afterwards: in that pool, before */
    struct phone phone;
    struct spot spot;
    struct luggage luggage;
    struct str hash;
    struct value made, pools, needs, marked, written, put, left;
};

void number_add_run(struct task *t);

#endif
