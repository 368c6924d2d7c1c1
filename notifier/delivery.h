/* One attempt to send one text: asks the record whether it may, asks the
 * provider, and writes down how it ended. Knows no order: see outbox.h. */
#ifndef BIRDCAR_NOTIFIER_DELIVERY_H
#define BIRDCAR_NOTIFIER_DELIVERY_H

#include "notifier/conversations.h"
#include "notifier/leases.h"
#include "notifier/provider.h"

struct delivery_means {
    struct service *service;
    const struct leases *leases;
    struct http_client *http;
    const struct provider *provider;
};

/* How the conversation goes on: as conversations_ended() takes it. */
struct delivery_result {
    const struct conversation *conversation;
    enum conversation_end end;
    int64_t not_before_ms;
    bool more;
};

/* Tries what `conversation` says. `ended` is called once, from the loop. The
 * means outlive it. */
void delivery_start(
    const struct delivery_means *means, const struct conversation *conversation,
    void (*ended)(void *arg, const struct delivery_result *result), void *arg);

/* Milliseconds until the next attempt, after so many: from 1 s, doubling, to
 * 5 min at most, with jitter, and no less than `least_ms`. */
int64_t delivery_back_off(int64_t attempts, int64_t least_ms);

#endif
