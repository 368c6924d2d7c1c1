/* The names of all keys of a partition: what is said through a proxy number.
 * ride-svc owns most of them, voice-svc and notifier share some; so the names
 * stand here, once. `<phone>` is always a keyed hash. */
#ifndef BIRDCAR_KEYS_H
#define BIRDCAR_KEYS_H

#include "shared/arena.h"

/* A ride's id is its partition and the claim of its number: "17-<claim>". */
enum { RIDE_ID_CHARS = 25, CLAIM_CHARS = 22 };

/* `request:<key>`: of the hash of a create's content 96 bits, since each ride
 * has one for two days. */
enum { CONTENT_CHARS = 16 };

/* `waiting:{17}`: texts of one partition that may wait to be sent. */
enum { OUTBOX_MOST = 100000 };

struct str ride_id(struct arena *arena, unsigned partition, struct str claim);
/* False where it is no such id; `claim` may be NULL. */
bool ride_id_parse(struct str id, unsigned *partition, struct str *claim);

/* "<what>:{17}:<proxy>:<phone>": route, told */
struct str key_of_line(struct arena *arena, const char *what, struct str proxy,
                       struct str phone);
struct str key_route(struct arena *arena, struct str proxy, struct str phone);
struct str key_ride(struct arena *arena, unsigned partition, struct str ride);
struct str key_timeline(struct arena *arena, unsigned partition,
                        struct str ride);
/* "<what>:{17}": rides, outbox, duties, unrouted, lease, epoch, sending,
 * parked, dead, waiting, undelivered */
struct str key_of_partition(struct arena *arena, const char *what,
                            unsigned partition);
/* "<what>:{17}:<which>": seen, jti, status, parked, pace, letter, told, once */
struct str key_in_partition(struct arena *arena, const char *what,
                            unsigned partition, struct str which);

/* `{texts}:today`, a hash: the day (UTC, since 1970), and how many parts of
 * texts are used of TEXTS_PER_DAY. */
extern const char texts_tag[];
struct str key_texts_today(struct arena *arena);

/* What a sealed value is bound to: of a party of a ride, of a text, of a
 * person, of an account. Where each stands in Redis, deploy/rekey/sealed.c has
 * to know. */
struct str meaning_phone(struct arena *arena, struct str ride, struct str role);
struct str meaning_text(struct arena *arena, struct str reference);
struct str meaning_person(struct arena *arena, const char *role, int64_t id);
struct str meaning_totp(struct arena *arena, struct str account);

/* A text's reference at the provider: "17-<id>", 4 to 40 characters. */
bool reference_parse(struct str reference, unsigned *partition);

#endif
