/* POST /signin: from a name and a password to a session. Each way to fail takes
 * the same time and reads the same, so that nobody learns who has an account.
 */
#ifndef BIRDCAR_GATEWAY_SIGNIN_H
#define BIRDCAR_GATEWAY_SIGNIN_H

#include "gateway/params.h"
#include "gateway/router.h"

enum { SIGNIN_WITHIN_MS = 8000, NEXT_MOST = 512 };

struct signin {
    struct exchange x;
    struct params params;
    struct str name, password, code, next, address, network, device;
    struct str stored, made; /* hashes of the password */
    struct str step;         /* of the one-time code, or "" */
    struct value tries, account, got;
    struct str cookie, key;
    bool holds;
    bool needs_code; /* all but that was right */
};

void signin_run(struct task *t);

/* Where to go behind the sign-in: a path of ours, or "/". */
struct str signin_next(struct str given);

/* "Set-Cookie" of a session that is over. */
struct str signin_cookie_gone(const struct settings *settings,
                              struct arena *arena);

#endif
