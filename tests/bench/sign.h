/* Signs requests as the provider does (a JWT, HS256). */
#ifndef BIRDCAR_BENCH_SIGN_H
#define BIRDCAR_BENCH_SIGN_H

#include "shared/arena.h"

/* The header's value; valid from now on for a day. An empty body has no hash.
 */
struct str sign(struct arena *arena, struct str key, struct str url,
                struct str body, struct str jti);

#endif
