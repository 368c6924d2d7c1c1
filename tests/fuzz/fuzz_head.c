/* A request's head: a line of method, target and version, then its headers. */
#include "tests/fuzz/fuzz.h"

#include "gateway/http.h"
#include "gateway/http_guard.h"

FUZZ(arena, input)
{
    struct http_header *headers =
        arena_alloc(arena, HTTP_MOST_HEADERS * sizeof(*headers));
    struct str line = str_cut(&input, '\n');
    struct http_head head = {.method = str_cut(&line, ' '),
                             .target = str_cut(&line, ' '),
                             .version = line,
                             .headers = headers};
    while (input.len > 0 && head.nheaders < HTTP_MOST_HEADERS) {
        struct str value = str_cut(&input, '\n');
        struct str name = str_cut(&value, ':');
        headers[head.nheaders++] = (struct http_header){name, value};
    }
    head.headers_left_out = input.len > 0;
    struct http_verdict verdict = http_guard(&head);
    if (verdict.status == 0)
        HOLDS(!verdict.close && !head.headers_left_out &&
              verdict.length <= HTTP_MOST_BODY &&
              verdict.path_and_query.len > 0 &&
              verdict.path_and_query.ptr[0] == '/');
}
