/* The bytes of one connection, checked before libmicrohttpd sees them: what a
 * front proxy may read otherwise than we do goes no further. Pure; knows no
 * socket, and keeps nothing of what it saw but where it stands.
 *
 * Stricter than RFC 9112 asks of a server: no bare CR or LF, no folded line, no
 * blank beside a length or coding, no chunk extension, one Host, one length. */
#ifndef BIRDCAR_GATEWAY_HTTP_WIRE_H
#define BIRDCAR_GATEWAY_HTTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_wire_part { WIRE_BETWEEN, WIRE_HEAD, WIRE_BODY };

enum {
    WIRE_WORD = 20,
    WIRE_MOST_METHOD = 32,
    /* Bytes of a head, with what the library notes down of each header and
     * cookie: so much has room in its memory, the answer's head too. */
    WIRE_MOST_WEIGHT = 13 * 1024
};

/* `{0}` is a new connection's. */
struct http_wire {
    uint8_t state;
    uint8_t kind;  /* of the header under way */
    uint8_t hosts; /* and lengths, codings: of this request, 0 or 1 */
    uint8_t lengths, codings;
    bool blank; /* an empty line came before it */
    bool http_1_1;
    bool trailing; /* behind a chunked body */
    uint16_t headers;
    int refused;   /* the status, where it is: nothing is taken any more */
    uint32_t size; /* of the element under way */
    uint32_t weight;
    uint32_t begun, heads, ended; /* requests, up to their first byte, their
                                     body, and their end */
    uint64_t left;                /* of the body, or of its chunk */
    char word[WIRE_WORD];         /* the header's name, in small letters */
};

/* How many of the bytes are sound; where that is not all of them, `refused`
 * says with which status: 400, 414 or 431. */
size_t http_wire_take(struct http_wire *wire, const char *bytes, size_t len);

enum http_wire_part http_wire_part(const struct http_wire *wire);

#endif
