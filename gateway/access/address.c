#include "gateway/access/address.h"

#include <arpa/inet.h>

/* An address in 16 bytes; IPv4 as ::ffff:a.b.c.d. */
struct address {
    unsigned char bytes[16];
};

enum { V4_BITS = 96, ADDRESS_BITS = 128 };

static bool parse(struct str text, struct address *out, bool *is_v4)
{
    char z[INET6_ADDRSTRLEN];
    text = str_trim(text);
    if (text.len == 0 || text.len >= sizeof(z) ||
        memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(z, text.ptr, text.len);
    z[text.len] = '\0';
    memset(out->bytes, 0, 10);
    out->bytes[10] = out->bytes[11] = 0xff;
    *is_v4 = inet_pton(AF_INET, z, out->bytes + 12) == 1;
    return *is_v4 || inet_pton(AF_INET6, z, out->bytes) == 1;
}

static bool parse_network(struct str entry, struct address *out, int64_t *bits)
{
    bool is_v4 = false;
    struct str address = str_cut(&entry, '/');
    if (!parse(address, out, &is_v4))
        return false;
    int64_t most = is_v4 ? ADDRESS_BITS - V4_BITS : ADDRESS_BITS;
    *bits = most;
    if (entry.ptr != NULL && entry.len > 0 &&
        (!str_to_num(str_trim(entry), bits) || *bits < 0 || *bits > most))
        return false;
    if (is_v4)
        *bits += V4_BITS;
    return true;
}

static bool is_within(const struct address *a, const struct address *net,
                      int64_t bits)
{
    size_t whole = (size_t)bits / 8;
    int rest = (int)(bits % 8);
    if (memcmp(a->bytes, net->bytes, whole) != 0)
        return false;
    return rest == 0 ||
           (a->bytes[whole] ^ net->bytes[whole]) >> (8 - rest) == 0;
}

static bool is_trusted(const struct address *a, struct str trusted)
{
    while (trusted.len > 0) {
        struct address net;
        int64_t bits = 0;
        struct str entry = str_trim(str_cut(&trusted, ','));
        if (entry.len > 0 && parse_network(entry, &net, &bits) &&
            is_within(a, &net, bits))
            return true;
    }
    return false;
}

bool address_is_in(struct str address, struct str list)
{
    struct address a;
    bool is_v4 = false;
    return list.len > 0 && parse(address, &a, &is_v4) && is_trusted(&a, list);
}

bool address_list_holds(struct str trusted, struct str *fault)
{
    while (trusted.len > 0) {
        struct address net;
        int64_t bits = 0;
        *fault = str_trim(str_cut(&trusted, ','));
        if (fault->len > 0 && !parse_network(*fault, &net, &bits))
            return false;
    }
    return true;
}

struct str address_network(struct arena *arena, struct str address)
{
    struct address a;
    bool is_v4 = false;
    char text[INET6_ADDRSTRLEN];
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!parse(address, &a, &is_v4) || is_v4)
        return address;
    if (memcmp(a.bytes, mapped, sizeof(mapped)) == 0)
        return inet_ntop(AF_INET, a.bytes + 12, text, sizeof(text)) != NULL
                   ? arena_copy(arena, str_of(text))
                   : address;
    memset(a.bytes + 8, 0, 8);
    if (inet_ntop(AF_INET6, a.bytes, text, sizeof(text)) == NULL)
        return address;
    return arena_printf(arena, "%s/64", text);
}

/* What stands behind the last comma; the rest is left. */
static struct str cut_last(struct str *rest)
{
    const char *comma =
        rest->len > 0 ? memrchr(rest->ptr, ',', rest->len) : NULL;
    struct str last = *rest;
    if (comma == NULL) {
        *rest = STR_NONE;
        return str_trim(last);
    }
    size_t at = (size_t)(comma - rest->ptr);
    last = str_from(*rest, at + 1);
    rest->len = at;
    return str_trim(last);
}

struct str address_of(const struct http_request *request, struct str trusted)
{
    struct address a;
    bool is_v4 = false;
    struct str from = request->peer;
    if (trusted.len == 0 || !parse(from, &a, &is_v4) ||
        !is_trusted(&a, trusted))
        return from;
    /* Each proxy adds who came to it, at the end: several lines are one. */
    for (size_t i = request->nheaders; i-- > 0;) {
        struct str rest = request->headers[i].value;
        if (!str_same_word(request->headers[i].name, STR("X-Forwarded-For")))
            continue;
        while (rest.len > 0) {
            struct str hop = cut_last(&rest);
            if (!parse(hop, &a, &is_v4))
                return from;
            from = hop;
            if (!is_trusted(&a, trusted))
                return from;
        }
    }
    return from;
}
