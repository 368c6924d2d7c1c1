/* What a request's head must be before anybody believes it: the rules against
 * request smuggling, and the limits. Pure; knows no socket and no library. */
#ifndef BIRDCAR_GATEWAY_HTTP_GUARD_H
#define BIRDCAR_GATEWAY_HTTP_GUARD_H

#include "gateway/http.h"

enum {
    HTTP_MOST_TARGET = 8 * 1024,
    HTTP_MOST_HEADERS = 64,
    HTTP_MOST_HEADER_BYTES = 8 * 1024
};

/* The head as it was sent. `headers_left_out`: there were more than fit. */
struct http_head {
    struct str version; /* "HTTP/1.1" */
    struct str method;
    struct str target;
    const struct http_header *headers;
    size_t nheaders;
    bool headers_left_out;
};

struct http_verdict {
    int status;      /* 0: serve it; else refuse it with this */
    bool close;      /* its framing is in doubt: read no further */
    bool waits;      /* the client sends its body only after our word */
    uint64_t length; /* of the body, as announced; 0 where it is not */
    struct str path_and_query; /* the target without scheme and host */
};

/* 400 for doubtful framing, then 431, 414, 405, 417, 400 for an odd target,
 * 413. */
struct http_verdict http_guard(const struct http_head *head);

#endif
