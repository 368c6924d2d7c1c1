/* Customers and drivers: added, edited, removed, listed.
 * Their phones never leave here unmasked. */
#ifndef BIRDCAR_PEOPLE_H
#define BIRDCAR_PEOPLE_H

#include "shared/service.h"

enum { NAME_MOST = 100 };

/* One person, as a ride needs them. */
struct person {
    struct value fields;
    struct str name, digits, key; /* `key`: hash of the phone */
    struct str before; /* hashes of the phones before it, blanks between */
    struct str mark;   /* under which the phone is marked; empty: the first */
};

/* Begins to read "customer" or "driver" `id`; person_decode() when DONE. */
void person_fetch(struct service *s, struct task *t, const char *role,
                  int64_t id, struct person *out);
/* False where there is no such person. */
bool person_decode(struct service *s, struct task *t, const char *role,
                   int64_t id, struct person *person);

extern const struct bus_route route_person_add, route_person_edit,
    route_person_get, route_person_reveal, route_person_remove,
    route_person_list;

#endif
