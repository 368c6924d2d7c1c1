/* Requests a second, by token, account or address, shared by all gateways: each
 * takes a share of the second in advance from one count in Redis, so that most
 * requests cost no question. */
#ifndef BIRDCAR_GATEWAY_LIMITER_H
#define BIRDCAR_GATEWAY_LIMITER_H

#include "shared/service.h"

struct limiter;

struct limiter *limiter_new(struct service *s);
void limiter_destroy(struct limiter **limiter);

/* One request of `who`, of that kind. RETRY too_many_requests where this second
 * has had `most` already; 0: no limit. Where Redis does not answer it may go
 * on: then there is nothing to be protected. */
void limiter_take(struct limiter *limiter, struct task *t, const char *kind,
                  struct str who, int64_t most);

#endif
