/* Time-based one-time codes (RFC 6238: HMAC-SHA-1, 30 s, six digits), as every
 * authenticator takes them. Keeps nothing. */
#ifndef BIRDCAR_GATEWAY_TOTP_H
#define BIRDCAR_GATEWAY_TOTP_H

#include "shared/arena.h"

enum { TOTP_SECRET_BYTES = 20, TOTP_STEP_S = 30, TOTP_DIGITS = 6 };

/* Fresh random bytes. */
struct str totp_secret_new(struct arena *arena);

/* As people type it into their authenticator (RFC 4648, without padding). */
struct str totp_base32(struct arena *arena, struct str secret);

/* "otpauth://totp/…", which an authenticator opens. */
struct str totp_uri(struct arena *arena, struct str account, struct str secret);

/* The step of which `code` is the code: the one of `now_s`, or one to either
 * side, for clocks that differ; spaces in it are passed over. -1 where it is
 * none, or of a step up to `used`, since a code is good once. */
int64_t totp_step(struct str secret, struct str code, int64_t now_s,
                  int64_t used);

#endif
