/* An answer in the library's form, with the headers that every answer bears.
 * Private to the HTTP server. */
#ifndef BIRDCAR_GATEWAY_HTTP_RESPONSE_H
#define BIRDCAR_GATEWAY_HTTP_RESPONSE_H

#include <microhttpd.h>

#include "gateway/http.h"

/* A new response, the caller's to destroy; `answer` is copied. A header that
 * could break out of its line is left out and logged. `close`: the connection
 * ends behind it. */
struct MHD_Response *http_response_new(const struct http_answer *answer,
                                       bool close);

#endif
