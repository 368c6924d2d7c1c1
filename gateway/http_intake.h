/* One request while it comes in: its head checked and kept, its body gathered.
 * Private to the HTTP server; answers nothing itself. */
#ifndef BIRDCAR_GATEWAY_HTTP_INTAKE_H
#define BIRDCAR_GATEWAY_HTTP_INTAKE_H

#include <microhttpd.h>

#include "gateway/http.h"

struct intake {
    struct arena *arena;
    struct http_request *request; /* in the arena */
    const char *uri_end; /* in the library's buffer; only ever compared */
    char *body;
    size_t body_len, body_room;
    uint64_t announced, swallowed;
    int refused; /* the status, where it is */
};

/* The target, as sent, in the library's own buffer: its query is taken away
 * from the library, see the source. */
void intake_begin(struct intake *in, const char *uri);

/* The headers, when they are whole. False: `refused` must be answered at once
 * and the connection closed. */
bool intake_head(struct intake *in, struct MHD_Connection *connection,
                 const char *method, const char *version);

/* A piece of the body. False: too much, nothing can be answered any more. */
bool intake_body(struct intake *in, const char *bytes, size_t len);

/* The request, whole, which takes the arena over. */
struct http_request *intake_end(struct intake *in);

#endif
