#include "gateway/http_response.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/log.h"

enum { MOST_ANSWER_HEADERS = 6, MOST_NAME = 64 };

static bool is_one_line(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0')
            return false;
    return s.len > 0;
}

static void add(struct MHD_Response *response, struct str name,
                struct str value)
{
    char line[1024];
    char *copy = line;
    if (!is_one_line(name) || !is_one_line(value) || name.len >= MOST_NAME) {
        log_sparse(LEVEL_ERROR, "http.header_dropped", "name_bytes=%zu",
                   name.len);
        return;
    }
    size_t room = name.len + value.len + 2;
    if (room > sizeof(line))
        copy = xmalloc(room);
    (void)snprintf(copy, room, "%.*s", STR_ARG(name));
    (void)snprintf(copy + name.len + 1, value.len + 1, "%.*s", STR_ARG(value));
    if (MHD_add_response_header(response, copy, copy + name.len + 1) != MHD_YES)
        log_sparse(LEVEL_ERROR, "http.header_dropped", "name_bytes=%zu",
                   name.len);
    if (copy != line)
        free(copy);
}

static void add_common(struct MHD_Response *response)
{
    static const char *const common[][2] = {
        {"X-Content-Type-Options", "nosniff"},
        {"Cache-Control", "no-store"},
        {"Referrer-Policy", "no-referrer"},
    };
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        (void)MHD_add_response_header(response, common[i][0], common[i][1]);
}

struct MHD_Response *http_response_new(const struct http_answer *answer,
                                       bool close)
{
    /* The library copies the body; its own signature lacks the const. */
    union {
        const char *in;
        void *out;
    } body = {.in = answer->body.len > 0 ? answer->body.ptr : ""};
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.len, body.out, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        abort(); /* out of memory ends the process, here as elsewhere */
    add_common(response);
    if (answer->content_type.len > 0)
        add(response, STR("Content-Type"), answer->content_type);
    for (size_t i = 0; i < MOST_ANSWER_HEADERS; i++) {
        if (answer->headers[i].name.len == 0)
            break;
        add(response, answer->headers[i].name, answer->headers[i].value);
    }
    if (close)
        (void)MHD_add_response_header(response, "Connection", "close");
    return response;
}
