/* Secrets: keyed hashes for look-ups, sealed values, MACs (libsodium).
 * Reads its keys from a file; never writes one, and keys never leave it. */
#ifndef BIRDCAR_VAULT_H
#define BIRDCAR_VAULT_H

#include "shared/arena.h"

struct vault;

/* 128 bits, base64url without padding; of a phone 120, with which the name of a
 * route takes 48 bytes of Redis, not 64. */
enum { VAULT_HASH_CHARS = 22, VAULT_PHONE_CHARS = 20 };

/* The key file: lines `lookup <64 hex>` (one a layer, in order), `seal <id
 * 1..255> <64 hex>` (the last one seals, all of them open), `next <id> <64
 * hex>` (opens, and seals nothing yet), `mac <64 hex>`. NULL: `why` (of `room`
 * bytes) says what is wrong, without a key in it. */
struct vault *vault_new(const char *path, char *why, size_t room);
void vault_destroy(struct vault **vault);

/* Does it stand in memory that is never written to a swap disk? */
bool vault_is_locked(const struct vault *vault);
/* Of all its keys, and of what each does; tells nothing of them. */
struct str vault_fingerprint(const struct vault *vault, struct arena *arena);
/* Have both the same look-up keys and MAC key? What is under way, and what
 * stands in Redis, needs these to stay. */
bool vault_finds_the_same(const struct vault *a, const struct vault *b);

/* ---- look-ups ----
 *
 * With several look-up keys a hash has as many layers: the second key hashes
 * the first one's hash, and so on. So a new key needs no phone: it is laid over
 * the hashes that stand in Redis, and whoever has the keys before it finds
 * nobody any more. A layer past the first says in its first character whether
 * it is an even one (`.`) or an odd one (`~`). */

/* The look-up key of a phone: the same for the same digits, tells nothing. */
struct str vault_phone(const struct vault *vault, struct arena *arena,
                       struct str digits);
/* The same of other bytes, of which a phone is part, apart for each `purpose`:
 * deploy/rekey has to know where they stand. */
struct str vault_phone_hash(const struct vault *vault, struct arena *arena,
                            const char *purpose, struct str bytes);
/* The keyed hash of bytes that are nobody's phone: of the first look-up key
 * alone, so that it stays when that is changed (a ride's id holds one). */
struct str vault_hash(const struct vault *vault, struct arena *arena,
                      const char *purpose, struct str bytes);

/* How many look-up keys there are. */
unsigned vault_layers(const struct vault *vault);
/* What stands in Redis's `keys` for a store of so many layers. */
struct str vault_mark(const struct vault *vault, struct arena *arena,
                      unsigned layers);
/* Has the hash that many layers (or two fewer, or two more)? */
bool vault_has_layers(struct str hash, unsigned layers);
/* The hash of `layer` - 1 layers, with that one over it; as long as it was. */
struct str vault_add_layer(const struct vault *vault, struct arena *arena,
                           unsigned layer, const char *purpose,
                           struct str hash);

/* ---- seals ---- */

/* Seals `plain` (XChaCha20-Poly1305, key id first, 41 bytes longer), bound to
 * `meaning`: it opens with the same meaning only. */
struct str vault_seal(const struct vault *vault, struct arena *arena,
                      struct str plain, struct str meaning);
/* False where it was not sealed by us for that meaning; `*plain` is untouched.
 */
bool vault_unseal(const struct vault *vault, struct arena *arena,
                  struct str sealed, struct str meaning, struct str *plain);

/* The key that sealed it. */
unsigned vault_sealed_by(struct str sealed);
/* The key that seals. */
unsigned vault_seals_with(const struct vault *vault);
/* The same, sealed with the key that seals now; as long as it was, and the same
 * each time: its nonce stays, by which two copies of it are known as such.
 * False as vault_unseal(). */
bool vault_reseal(const struct vault *vault, struct arena *arena,
                  struct str sealed, struct str meaning, struct str *out);

/* ---- MACs and chance ---- */

/* A MAC for what leaves the house and comes back (22 characters). */
struct str vault_mac(const struct vault *vault, struct arena *arena,
                     const char *purpose, struct str bytes);
/* In constant time. */
bool vault_mac_holds(const struct vault *vault, const char *purpose,
                     struct str bytes, struct str mac);

/* `bytes` of the OS's randomness, base64url: 16 give 22 characters. */
struct str vault_random(struct arena *arena, size_t bytes);

#endif
