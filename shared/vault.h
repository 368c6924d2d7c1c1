/* Secrets: keyed hashes for look-ups, sealed values, MACs (libsodium).
 * Reads its keys from a file; never writes one, and keys never leave it. */
#ifndef BIRDCAR_VAULT_H
#define BIRDCAR_VAULT_H

#include "shared/arena.h"

struct vault;

/* 128 bits, base64url without padding; of a phone 120, with which the name of a
 * route takes 48 bytes of Redis, not 64. */
enum { VAULT_HASH_CHARS = 22, VAULT_PHONE_CHARS = 20 };

/* The key file: lines `lookup <64 hex>`, `seal <id 1..255> <64 hex>` (the last
 * one seals, all of them open), `mac <64 hex>`. NULL: `why` (of `room` bytes)
 * says what is wrong, without a key in it. */
struct vault *vault_new(const char *path, char *why, size_t room);
void vault_destroy(struct vault **vault);

/* The look-up key of a phone: the same for the same digits, tells nothing. */
struct str vault_phone(const struct vault *vault, struct arena *arena,
                       struct str digits);
/* The keyed hash of other bytes, apart for each `purpose`. */
struct str vault_hash(const struct vault *vault, struct arena *arena,
                      const char *purpose, struct str bytes);

/* Seals `plain` (XChaCha20-Poly1305, key id first, 41 bytes longer), bound to
 * `meaning`: it opens with the same meaning only. */
struct str vault_seal(const struct vault *vault, struct arena *arena,
                      struct str plain, struct str meaning);
/* False where it was not sealed by us for that meaning; `*plain` is untouched.
 */
bool vault_unseal(const struct vault *vault, struct arena *arena,
                  struct str sealed, struct str meaning, struct str *plain);

/* A MAC for what leaves the house and comes back (22 characters). */
struct str vault_mac(const struct vault *vault, struct arena *arena,
                     const char *purpose, struct str bytes);
/* In constant time. */
bool vault_mac_holds(const struct vault *vault, const char *purpose,
                     struct str bytes, struct str mac);

/* `bytes` of the OS's randomness, base64url: 16 give 22 characters. */
struct str vault_random(struct arena *arena, size_t bytes);

#endif
