#include "gateway/http_response.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

static bool has(const struct http_answer *answer, const char *name)
{
    for (size_t i = 0; i < MOST_ANSWER_HEADERS; i++)
        if (str_same_word(answer->headers[i].name, str_of(name)))
            return true;
    return false;
}

enum bears { EVERY_ANSWER, PAGES, BY_TLS };

/* What every answer bears, unless it says otherwise itself. `same-origin`: with
 * `no-referrer` a browser's form would say that it comes from "null". */
static const struct {
    const char *name, *value;
    enum bears bears;
} common[] = {
    {"X-Content-Type-Options", "nosniff", EVERY_ANSWER},
    {"Cache-Control", "no-store", EVERY_ANSWER},
    {"Referrer-Policy", "same-origin", EVERY_ANSWER},
    {"Cross-Origin-Resource-Policy", "same-origin", EVERY_ANSWER},
    {"Content-Security-Policy",
     "default-src 'none'; form-action 'none'; frame-ancestors 'none'; "
     "base-uri 'none'",
     EVERY_ANSWER},
    {"Cross-Origin-Opener-Policy", "same-origin", PAGES},
    {"Permissions-Policy",
     "camera=(), geolocation=(), microphone=(), payment=(), usb=()", PAGES},
    {"Strict-Transport-Security", "max-age=31536000", BY_TLS},
};

/* The next one that this answer bears, from `*at` on; NULL behind the last. */
static const char *next_common(const struct http_answer *answer, bool https,
                               size_t *at, const char **value)
{
    bool page = str_starts(answer->content_type, STR("text/html"));
    while (*at < sizeof(common) / sizeof(common[0])) {
        size_t i = (*at)++;
        if ((common[i].bears == PAGES && !page) ||
            (common[i].bears == BY_TLS && !https) ||
            has(answer, common[i].name))
            continue;
        *value = common[i].value;
        return common[i].name;
    }
    return NULL;
}

struct MHD_Response *http_response_new(const struct http_answer *answer,
                                       bool https, bool close)
{
    /* The library copies the body; its own signature lacks the const. */
    union {
        const char *in;
        void *out;
    } body = {.in = answer->body.len > 0 ? answer->body.ptr : ""};
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.len, body.out, MHD_RESPMEM_MUST_COPY);
    const char *name = NULL, *value = NULL;
    size_t at = 0;
    if (response == NULL)
        abort(); /* out of memory ends the process, here as elsewhere */
    while ((name = next_common(answer, https, &at, &value)) != NULL)
        (void)MHD_add_response_header(response, name, value);
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

void http_response_write(const struct http_answer *answer, bool https,
                         struct buffer *out)
{
    char date[64];
    struct tm utc;
    time_t now = time(NULL);
    const char *name = NULL, *value = NULL;
    size_t at = 0;
    buffer_printf(out, "HTTP/1.1 %d %s\r\n", answer->status,
                  MHD_get_reason_phrase_for((unsigned)answer->status));
    if (gmtime_r(&now, &utc) != NULL &&
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc) > 0)
        buffer_printf(out, "Date: %s\r\n", date);
    while ((name = next_common(answer, https, &at, &value)) != NULL)
        buffer_printf(out, "%s: %s\r\n", name, value);
    buffer_printf(out,
                  "Content-Type: %.*s\r\nContent-Length: %zu\r\n"
                  "Connection: close\r\n\r\n",
                  STR_ARG(answer->content_type), answer->body.len);
    buffer_str(out, answer->body);
}
