/* One attempt to send one text: asks the record whether it may, asks the
 * provider, and writes down how it ended. Knows no order: see outbox.h. */
#ifndef BIRDCAR_NOTIFIER_DELIVERY_H
#define BIRDCAR_NOTIFIER_DELIVERY_H

#include "notifier/allowance.h"
#include "notifier/conversations.h"
#include "notifier/leases.h"
#include "notifier/pace.h"
#include "notifier/provider.h"

struct delivery_means {
    struct service *service;
    const struct leases *leases;
    struct http_client *http;
    const struct provider *provider;
    struct pace *pace;
    struct allowance *allowance;
};

/* How the conversation goes on: as conversations_ended() takes it. */
struct delivery_result {
    const struct conversation *conversation;
    enum turn turn; /* in which it was tried */
    enum conversation_end end;
    int64_t not_before_ms;
    bool more;
    enum turn line;
};

/* Tries what `conversation` says, in the turn that `ticket` stands for. `ended`
 * is called once, from the loop. The means outlive it. */
void delivery_start(
    const struct delivery_means *means, const struct conversation *conversation,
    struct ticket ticket,
    void (*ended)(void *arg, const struct delivery_result *result), void *arg);

#endif
