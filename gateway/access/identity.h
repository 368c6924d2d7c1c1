/* Who asks, and what they may do. Knows neither passwords nor routes. */
#ifndef BIRDCAR_GATEWAY_IDENTITY_H
#define BIRDCAR_GATEWAY_IDENTITY_H

#include "shared/arena.h"

enum may {
    MAY_READ = 1,    /* everything but phone numbers */
    MAY_PHONES = 2,  /* masked ones of people, and proxy numbers */
    MAY_RIDES = 4,   /* people, rides, messages */
    MAY_POOL = 8,    /* numbers and pools */
    MAY_REVEAL = 16, /* a person's phone, with a reason */
    MAY_ADMIN = 32   /* accounts, tokens, the audit log, erasing */
};

enum identity_kind { IDENTITY_NONE, IDENTITY_TOKEN, IDENTITY_SESSION };

struct identity {
    enum identity_kind kind;
    struct str name; /* of the account, or of the token */
    struct str id;   /* of the session, or of the token; "" for the first one */
    unsigned may;
};

/* viewer, operator, admin; 0: there is no such role. */
unsigned role_may(struct str role);

/* read, rides, pool, admin: each adds what it needs to read; 0: there is no
 * such scope. */
unsigned scope_may(struct str scope);

/* 1 to 64 of a-z 0-9 . _ @ -, the first a letter or digit, less than seven of
 * them digits; capitals become small. False: it is no such name. */
bool account_name_parse(struct arena *arena, struct str typed,
                        struct str *name);

#endif
