/* An answer in the library's form, with the headers that every answer bears.
 * Private to the HTTP server. */
#ifndef BIRDCAR_GATEWAY_HTTP_RESPONSE_H
#define BIRDCAR_GATEWAY_HTTP_RESPONSE_H

#include <microhttpd.h>

#include "gateway/http.h"

/* A new response, the caller's to destroy; `answer` is copied. A header that
 * could break out of its line is left out and logged. `https`: clients shall
 * come by TLS only. `close`: the connection ends behind it. */
struct MHD_Response *http_response_new(const struct http_answer *answer,
                                       bool https, bool close);

/* The same as bytes, where the library cannot be asked to send it; the
 * connection ends behind it. */
void http_response_write(const struct http_answer *answer, bool https,
                         struct buffer *out);

#endif
