/* What is asked for: a create's request key, its people and its pool, before
 * any number is. Internal to RIDE_CREATE. */
#ifndef BIRDCAR_CREATE_REQUEST_H
#define BIRDCAR_CREATE_REQUEST_H

#include "ride-svc/create.h"
#include "ride-svc/duties.h"
#include "ride-svc/people.h"
#include "shared/phone.h"

struct create {
    struct call call;
    struct person customer, driver;
    struct value stored, time, committed, kept;
    struct value made_before; /* there: a ride was made with this key */
    struct phone proxy;       /* that is asked for; no digits: any */
    struct value live[2];     /* rides of the customer, of the driver */
    struct str request_key, content, pool, claim, id;
    struct str replaces; /* the ride in whose place it goes on; or empty */
    int64_t replaces_revision;
    struct msg_pool_choose chooser;
    struct msg_pool_chosen chosen;
    struct msg_number_get number;
    struct msg_number has;
    struct msg_number_assign ask;
    struct msg_number_assigned got;
    struct msg_ride_record ride;
    struct ride_read found;
    struct ride_read *searched; /* one a partition */
    struct str notices[4];      /* reference and sealed text, twice */
    struct hold_sync sync;
    enum problem_code refusal; /* for good; PROBLEM_internal: none */
    unsigned partition, tries;
    int64_t now_ms;
    bool known; /* the request was seen before */
    bool committed_now;
};

/* False: the task is rejected, with the field. */
bool request_valid(struct task *t, struct create *c);
/* The only channel asked for: sms or voice; empty: both. */
struct str request_channel(const struct msg_ride_create *m);
/* The names that the request has by its key: its claim, its place in Redis. */
void request_name(struct task *t, struct create *c);

/* Reads people and what is known of the request; awaited. */
void request_read(struct task *t, struct create *c);
/* Who rides with whom, and until when; false: the task is rejected. */
bool request_read_well(struct task *t, struct create *c);
/* The end that is asked for has passed, while it was asked again and again. */
bool request_end_passed(const struct create *c);

/* For a repeat whose people have gone, or changed, since: looks for its ride;
 * nothing where they are there. Awaited; then, true: `found` and `id` are set.
 */
void request_search(struct task *t, struct create *c);
bool request_search_found(struct task *t, struct create *c);

/* `once:{17}:<ride>`: a ride was made with this key, whose name holds for good.
 */
struct str key_once(struct arena *arena, unsigned partition, struct str id);
/* It was: `found` is to be the answer, unless the ride is gone, too, or the
 * request is another one; then the task is rejected. */
bool request_was_made(struct task *t, struct create *c);

/* Both are awaited, and do nothing where the request was seen before. The pool
 * is the one of the number that is asked for, else the customer's; the
 * rides of both are counted. */
void request_choose_pool(struct task *t, struct create *c);
bool request_pool_chosen(struct task *t, struct create *c);
/* False: one of them has as many live rides as one may have, or there was no
 * answer. A repeat of what had room before has room. */
bool request_has_room(struct task *t, const struct create *c);
void request_store(struct task *t, struct create *c);
/* Another copy may have stored it in the meantime; false: the task is rejected,
 * or had no answer. */
bool request_stands(struct task *t, struct create *c);

#endif
