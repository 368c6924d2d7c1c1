/* Between person.c and people.c: keys, meanings, roles. */
#ifndef BIRDCAR_PERSON_H
#define BIRDCAR_PERSON_H

#include "ride-svc/people.h"
#include "shared/keys.h"

/* customer:<id>, driver:<id>: a hash with name, phone (sealed), key,
 * mark, and the keys before this one: their rides are found by them */
struct str key_person(struct arena *arena, const char *role, int64_t id);
/* customers, drivers: zsets of ids */
struct str key_people(struct arena *arena, const char *role);

/* {customers}:request:<hash>: which person a request made, for its repeats */
struct str key_person_request(struct arena *arena, const char *role,
                              struct str request);

/* "customer" or "driver", static; NULL and the task rejected for any other. */
const char *role_of(struct task *t, struct str role);

void person_describe(struct task *t, const char *role, int64_t id,
                     const struct person *person, struct msg_person *out);

#endif
