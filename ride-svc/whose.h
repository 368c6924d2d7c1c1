/* About whom: a person by role and id, or all that has to do with one phone.
 * Finds their records, the hashes of their phones and their rides. Awaited in
 * three steps, each read before the next. Internal to PERSON_EXPORT and
 * PERSON_ERASE. */
#ifndef BIRDCAR_WHOSE_H
#define BIRDCAR_WHOSE_H

#include "ride-svc/people.h"
#include "shared/phone.h"

enum {
    WHOSE_PHONES = 65,
    WHOSE_PEOPLE = 100,
    WHOSE_RIDES = 5000 /* of a phone */
};

struct whose_record {
    const char *role;
    int64_t id;
    struct person person;
};

struct whose {
    struct str typed;
    struct phone phone; /* no digits: by role and id */
    const char *role;
    int64_t id;
    struct str phones[WHOSE_PHONES]; /* hashes; the first is today's */
    size_t phone_count;
    struct value users;
    struct whose_record records[WHOSE_PEOPLE]; /* by id: the first alone */
    size_t record_count;
    struct whose_record others[WHOSE_PEOPLE]; /* with the same phone */
    size_t other_count;
    struct value found[WHOSE_PHONES];
    struct str *rides; /* in their order, each once */
    size_t ride_count;
};

/* False: the task is rejected, with the field. */
bool whose_valid(struct task *t, struct whose *w, struct str role, int64_t id,
                 struct str phone);
/* 1: by id, the record. False: there is none. */
void whose_ask_record(struct task *t, struct whose *w);
bool whose_read_record(struct task *t, struct whose *w);
/* The phones of that record, too: today's and those before. */
void whose_add_phones(struct whose *w, const struct person *person);
/* 2: who else has the phone; then each of them. */
void whose_ask_users(struct task *t, struct whose *w);
void whose_ask_others(struct task *t, struct whose *w);
void whose_read_others(struct task *t, struct whose *w);
/* 3: the rides of all their phones. */
void whose_ask_rides(struct task *t, struct whose *w);
void whose_read_rides(struct task *t, struct whose *w);

/* Is their place in that ride that of the one who is asked about? By id another
 * person may have had the same phone. */
bool whose_ride(const struct whose *w, const struct msg_ride_record *ride);
/* Was it made for one of these records? Their ids are nobody else's, ever; the
 * phone may be somebody's by now. */
bool whose_made(const struct whose *w, const struct msg_ride_record *ride);
/* Under which of their phones they are, or were, in the ride. */
struct str whose_phone_in(const struct whose *w,
                          const struct msg_ride_record *ride);

/* The others with the phone, as words: "driver 9". */
struct list whose_also(struct arena *arena, const struct whose *w);

#endif
