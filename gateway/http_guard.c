#include "gateway/http_guard.h"

/* The fields that decide where a request ends, counted. */
struct framing {
    unsigned hosts, lengths, codings;
    struct str length, coding;
    bool waits, expects_more;
};

/* RFC 9110's token. Anything else in a name, a space before the colon above
 * all, is read differently by different servers. */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!char_is_digit(s.ptr[i]) && !char_is_letter(s.ptr[i]) &&
            (s.ptr[i] == '\0' || strchr("!#$%&'*+-.^_`|~", s.ptr[i]) == NULL))
            return false;
    return s.len > 0;
}

/* A tab is the one control byte that a value may hold. */
static bool is_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t') ||
            s.ptr[i] == 0x7f)
            return false;
    return true;
}

static bool is_target(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
            return false;
    return s.len > 0;
}

/* Digits and nothing else: no sign, no list, and short of any overflow. */
static bool parse_length(struct str s, uint64_t *out)
{
    uint64_t n = 0;
    if (s.len == 0 || s.len > 18)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!char_is_digit(s.ptr[i]))
            return false;
        n = n * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    *out = n;
    return true;
}

static bool count_header(struct framing *f, const struct http_header *h)
{
    if (!is_token(h->name) || !is_value(h->value))
        return false;
    if (str_same_word(h->name, STR("host"))) {
        f->hosts++;
    } else if (str_same_word(h->name, STR("content-length"))) {
        f->lengths++;
        f->length = h->value;
    } else if (str_same_word(h->name, STR("transfer-encoding"))) {
        f->codings++;
        f->coding = h->value;
    } else if (str_same_word(h->name, STR("expect"))) {
        f->waits = true;
        f->expects_more = !str_same_word(h->value, STR("100-continue"));
    }
    return true;
}

static bool framing_is_sound(const struct framing *f, bool http_1_1,
                             uint64_t *length)
{
    if (f->hosts > 1 || (http_1_1 && f->hosts == 0))
        return false;
    if (f->lengths + f->codings > 1)
        return false;
    if (f->codings == 1 &&
        (!http_1_1 || !str_same_word(f->coding, STR("chunked"))))
        return false;
    return f->lengths == 0 || parse_length(f->length, length);
}

static bool method_is_served(struct str method)
{
    static const char *const served[] = {"GET", "HEAD",  "POST",
                                         "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++)
        if (str_is(method, served[i]))
            return true;
    return false;
}

/* A target may be a whole URL, though only proxies are sent such ones; the
 * signatures and routes want what stands behind its host. */
static struct str path_and_query(struct str target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (target.len < len ||
            !str_same_word((struct str){target.ptr, len}, str_of(schemes[i])))
            continue;
        struct str rest = str_from(target, len);
        size_t host = 0;
        while (host < rest.len && strchr("/?", rest.ptr[host]) == NULL)
            host++;
        return host == rest.len ? STR("/") : str_from(rest, host);
    }
    return target;
}

static int limits_kept(const struct http_head *head, const struct framing *f,
                       struct http_verdict *v)
{
    size_t bytes = 0;
    for (size_t i = 0; i < head->nheaders; i++)
        bytes += head->headers[i].name.len + head->headers[i].value.len;
    if (bytes > HTTP_MOST_HEADER_BYTES)
        return 431;
    if (head->target.len > HTTP_MOST_TARGET)
        return 414;
    if (!method_is_served(head->method))
        return 405;
    if (f->expects_more)
        return 417;
    v->path_and_query = path_and_query(head->target);
    if (v->path_and_query.ptr[0] != '/')
        return 400;
    v->waits = f->waits;
    return v->length > HTTP_MOST_BODY ? 413 : 0;
}

struct http_verdict http_guard(const struct http_head *head)
{
    struct http_verdict v = {0};
    struct framing f = {0};
    /* Those that were not seen may be the ones that matter. */
    if (head->headers_left_out)
        return (struct http_verdict){.status = 431, .close = true};
    bool http_1_1 = str_is(head->version, "HTTP/1.1");
    bool sound = (http_1_1 || str_is(head->version, "HTTP/1.0")) &&
                 is_target(head->target);
    for (size_t i = 0; i < head->nheaders && sound; i++)
        sound = count_header(&f, &head->headers[i]);
    if (!sound || !framing_is_sound(&f, http_1_1, &v.length))
        return (struct http_verdict){.status = 400, .close = true};
    v.status = limits_kept(head, &f, &v);
    v.waits = f.waits;
    return v;
}
