/* A provider of texts: how a text is put to it, and what its answers mean.
 * Pure: builds requests and reads answers, sends nothing. */
#ifndef BIRDCAR_NOTIFIER_PROVIDER_H
#define BIRDCAR_NOTIFIER_PROVIDER_H

#include "notifier/http_client.h"
#include "notifier/pace.h"
#include "shared/settings.h"

/* A text in the clear; it lives as long as its task. */
struct outgoing {
    struct str reference;
    struct str from; /* digits: the proxy number */
    struct str to;   /* digits */
    struct str text;
    struct str report_url;
};

/* What an attempt came to. FINAL: it will never be taken. */
enum attempt_fate { SENT, NOT_SENT_RETRY, IN_DOUBT, FINAL };

struct verdict {
    enum attempt_fate fate;
    const char *reason;   /* a stable word for logs and dead letters */
    int64_t least_ms;     /* to stay away; 0 or less: not said */
    const char *advice;   /* where a person must act, what to do; else NULL */
    enum trouble trouble; /* what it says about the account */
};

/* Does the provider know a text of that reference? MORE: ask for the next
 * page. FAILED: it did not say. */
enum look { LOOK_FOUND, LOOK_ABSENT, LOOK_MORE, LOOK_FAILED };

struct provider {
    const char *name;
    /* Fills all but `within_ms`. */
    void (*ask_send)(const struct settings *settings, struct arena *arena,
                     const struct outgoing *text, struct web_request *out);
    struct verdict (*read_send)(const struct web_reply *reply);
    /* Pages count from 0. */
    void (*ask_look)(const struct settings *settings, struct arena *arena,
                     const struct outgoing *text, unsigned page,
                     struct web_request *out);
    /* `since_ms`: when the attempt that is looked for was made. `*why`: what
     * read_send() would say of such an answer. */
    enum look (*read_look)(const struct web_reply *reply,
                           const struct outgoing *text, int64_t since_ms,
                           struct verdict *why);
};

#endif
