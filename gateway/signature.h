/* MessageBird's request signature: a JWT over URL and body.
 * Pure: the clock and the keys are arguments; stores nothing. */
#ifndef BIRDCAR_GATEWAY_SIGNATURE_H
#define BIRDCAR_GATEWAY_SIGNATURE_H

#include "shared/arena.h"

enum signature_fault {
    SIGNATURE_OK,
    SIGNATURE_MALFORMED, /* not three base64url parts of JSON */
    SIGNATURE_ALGORITHM, /* not HS256, HS384 or HS512 */
    SIGNATURE_MISMATCH,  /* the HMAC does not match */
    SIGNATURE_ISSUER,
    SIGNATURE_CLAIMS, /* a claim is missing or mistyped */
    SIGNATURE_EARLY,
    SIGNATURE_EXPIRED,
    SIGNATURE_URL,
    SIGNATURE_BODY
};

struct signature_claims {
    struct str jti; /* in the arena */
    int64_t expires_s;
};

/* `token`: the header's value; `url`: the exact public URL; `now_ms`: the wall
 * clock. 1 s leeway. The HMAC is compared in constant time, before any claim is
 * believed. `claims` is filled where the answer is SIGNATURE_OK. */
enum signature_fault signature_check(struct arena *arena, struct str token,
                                     struct str key, struct str url,
                                     struct str body, int64_t now_ms,
                                     struct signature_claims *claims);

/* "expired", for the log. */
const char *signature_fault_name(enum signature_fault fault);

#endif
