/* HTTP to the provider: the only code that calls libcurl.
 * Knows nothing of texts. Connections are kept and reused; a request that may
 * have reached the other side is never repeated by itself. */
#ifndef BIRDCAR_NOTIFIER_HTTP_CLIENT_H
#define BIRDCAR_NOTIFIER_HTTP_CLIENT_H

#include "shared/task.h"

struct http_client;
struct loop;

enum {
    WEB_MOST_HEADERS = 6,
    WEB_MOST_BODY = 512 * 1024 /* of an answer; the rest is not kept */
};

struct web_request {
    const char *url;
    const char *headers[WEB_MOST_HEADERS]; /* "Name: value" */
    struct str body; /* POST; where its ptr is NULL: GET */
    int64_t within_ms;
    /* On loop_now_ms()'s clock: no byte of the body leaves after that, however
     * long the process was frozen; 0: at any time. */
    int64_t leave_by_ms;
};

/* ANSWERED: there is a status. NOT_SENT: nothing of the body left, so the
 * other side cannot have acted on it. UNKNOWN: it may have. */
enum web_fate { WEB_ANSWERED, WEB_NOT_SENT, WEB_UNKNOWN };

struct web_reply {
    enum web_fate fate;
    int status;
    struct str body;        /* in the task's arena */
    int64_t retry_after_ms; /* -1: not said */
    const char *fault;      /* libcurl's words; NULL where there is none */
};

/* After a pause of the process longer than `most_pause_ms` every request under
 * way is cut before anything else is written. `most` idle connections are
 * kept. */
struct http_client *http_client_new(struct loop *loop, unsigned most,
                                    int64_t most_pause_ms);
void http_client_destroy(struct http_client **client);

/* Awaited; always ends with DONE, `*reply` tells how. */
void http_client_ask(struct http_client *client, struct task *t,
                     const struct web_request *request,
                     struct web_reply *reply);

#endif
