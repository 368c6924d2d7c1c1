/* Writing a person: one atomic step each, refused where somebody else changed
 * them since they were read. Internal to the handlers of people. */
#ifndef BIRDCAR_PERSON_WRITE_H
#define BIRDCAR_PERSON_WRITE_H

#include "ride-svc/person.h"

/* THERE: the same request did it before. CHANGED: read again. */
enum written { WRITTEN, WRITTEN_THERE, WRITTEN_CHANGED, WRITTEN_NONE };

/* How a person uses a phone, for the phonebook: "customer:7", with a mark that
 * each change of phone makes anew, so that letting go of the old one never
 * touches the new one. Borrows nothing. */
struct str person_member(struct arena *arena, const char *role, int64_t id,
                         struct str mark);

/* The id in such a name; false: it is not one of that role. */
bool person_of_member(struct str member, const char *role, int64_t *id);

/* Each is awaited; `out` is for person_written(). `request` is the hash of the
 * request that makes them, or removes them. An edit leaves as they were an
 * empty name, and with empty digits the phone. */
void person_write_new(struct service *s, struct task *t, const char *role,
                      int64_t id, const struct person *person,
                      struct str request, struct value *out);
void person_write_edit(struct service *s, struct task *t, const char *role,
                       int64_t id, struct str read_mark,
                       const struct person *person, struct value *out);
void person_write_gone(struct service *s, struct task *t, const char *role,
                       int64_t id, struct str read_mark, struct str request,
                       struct value *out);
enum written person_written(const struct value *out);

#endif
