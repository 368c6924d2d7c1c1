/* Whose phone is this? A proxy number is nobody's phone, and the reverse: one
 * key a phone, `phone:<hash>`, on which both sides meet, so no race decides.
 * Used by pool-svc for proxy numbers and by ride-svc for people. */
#ifndef BIRDCAR_PHONEBOOK_H
#define BIRDCAR_PHONEBOOK_H

#include "shared/redis.h"

/* Marks the phone of that hash as used by `member`: "number", or a person like
 * "customer:7.<mark>". The mark lapses in two minutes unless phonebook_keep()
 * makes it last: so a crash between the two leaves nothing. REJECT phone_in_use
 * where it is the other kind's. `out` is for the two below. */
void phonebook_claim(struct redis *redis, struct task *t, struct str hash,
                     struct str member, struct value *out);
void phonebook_keep(struct redis *redis, struct task *t, struct str hash,
                    struct str member, struct value *out);
/* Only asks whether it would be refused. */
void phonebook_look(struct redis *redis, struct task *t, struct str hash,
                    struct str member, struct value *out);
/* The mark ends at `until_ms` (0: now). */
void phonebook_release(struct redis *redis, struct task *t, struct str hash,
                       struct str member, int64_t until_ms);

/* All who use it, or did not long ago: a list of members. */
void phonebook_users(struct redis *redis, struct task *t, struct str hash,
                     struct value *out);

/* How many use it for good. */
void phonebook_count(struct redis *redis, struct task *t, struct str hash,
                     struct value *out);
/* Nobody did: not even what was once is kept. */
void phonebook_forget(struct redis *redis, struct task *t, struct str hash);

/* Was it refused? To be asked where the outcome is DONE. */
bool phonebook_refused(const struct value *out);
/* Who used the phone before, `nth` from 0 on; empty: no more are named. */
struct str phonebook_user(const struct value *out, size_t nth);

#endif
