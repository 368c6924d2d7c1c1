/* Passwords as argon2id (libsodium), on one thread of its own with a bounded
 * queue: so that log-ins exhaust neither the loop nor memory. */
#ifndef BIRDCAR_GATEWAY_HASHER_H
#define BIRDCAR_GATEWAY_HASHER_H

#include "shared/loop.h"
#include "shared/task.h"

enum {
    HASHER_PASSES = 2,               /* t */
    HASHER_BYTES = 19 * 1024 * 1024, /* m; one thread, so that much at a time */
    HASHER_MOST_WAITING = 32,
    PASSWORD_LEAST = 12, /* characters; OWASP's least is 8 */
    PASSWORD_MOST = 256  /* bytes */
};

struct hasher;

struct hasher *hasher_new(struct loop *loop);
/* Waits for the one under way; what waits behind it never ends. */
void hasher_destroy(struct hasher **hasher);

/* `*holds`: `stored` was made of `password`. An empty `stored` costs the same
 * time and does not hold. RETRY busy: too many wait. */
void hasher_check(struct hasher *hasher, struct task *t, struct str stored,
                  struct str password, bool *holds);

/* `*stored`, in the task's arena. RETRY busy. REJECT password_common, with the
 * field `password`: cracklib knows it, or what it is made of. */
void hasher_make(struct hasher *hasher, struct task *t, struct str password,
                 struct str *stored);
/* The same of random characters of our own, which chance may have made look
 * systematic: cracklib is not asked. */
void hasher_make_random(struct hasher *hasher, struct task *t,
                        struct str password, struct str *stored);

#endif
