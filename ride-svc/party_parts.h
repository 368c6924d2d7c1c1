/* A change of a party in the making: what is asked, read and told. Internal to
 * RIDE_PARTY. */
#ifndef BIRDCAR_PARTY_PARTS_H
#define BIRDCAR_PARTY_PARTS_H

#include "ride-svc/create.h"
#include "ride-svc/duties.h"
#include "ride-svc/people.h"
#include "shared/loop.h"

enum { CUSTOMER, DRIVER, ROLES };
enum { COMES, STAYS, LEAVES, NOTICES };
struct party {
    struct call call;
    struct ride_read read, other;
    int64_t wanted[ROLES]; /* ids; 0: as it is */
    struct person people[ROLES];
    int role; /* of who changes; ROLES: nobody */
    struct value live, changed, kept;
    struct msg_number_assign ask;
    struct msg_number_assigned got;
    struct msg_ride_record after; /* the ride as it will be */
    struct str notices[NOTICES][2];
    struct hold_sync sync;
    struct msg_ride_create next;
    struct str next_id;
    unsigned tries;
    struct loop_timer *timer;
};

/* "customer", "driver" */
extern const char *const party_roles[ROLES];

/* False: the task is rejected, with the field. */
bool party_valid(struct task *t, struct party *c);
/* The ride's id. */
struct str party_id(const struct party *c);

/* The ride, and who is asked for; awaited. Then who changes, if anybody:
 * `role`. False: the task is rejected, or had no answer. */
void party_read(struct task *t, struct party *c);
bool party_read_well(struct task *t, struct party *c);

/* The ride has another person in that role, or the same with another phone. */
bool party_differs(const struct party *c, int role);
/* Only the person differs. */
bool party_same_phone(const struct party *c);
struct str party_stayers_key(const struct party *c);

/* Fills `after`; then the notices. False: one is too long. */
void party_fill(struct task *t, struct party *c);
bool party_fill_notices(struct task *t, struct party *c);

/* The last script's first word. */
bool party_fate_is(const struct party *c, const char *fate);

/* `read` is the answer, the ride of that id. */
void party_answer(struct task *t, struct party *c, struct str id);

/* Bodies for the rest of it: the number is not free, so another ride is made in
 * its place; one was before. */
void party_replace(struct task *t);
void party_follow(struct task *t);

#endif
