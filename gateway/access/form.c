#include "gateway/access/form.h"

#include <inttypes.h>

/* A browser adds its cookies by itself, whoever made it send the request; so
 * its own word on that counts: Sec-Fetch-Site, or Origin in older ones. */
bool form_is_foreign(const struct http_request *request)
{
    struct str site = http_header(request, "Sec-Fetch-Site");
    if (site.len > 0)
        return !str_is(site, "same-origin") && !str_is(site, "none");
    struct str origin = http_header(request, "Origin");
    if (origin.len == 0)
        return false;
    const char *at = memmem(origin.ptr, origin.len, "://", 3);
    if (at == NULL)
        return true; /* "null" */
    struct str host = str_from(origin, (size_t)(at - origin.ptr) + 3);
    return !str_same_word(host, http_header(request, "Host"));
}

enum { NONCE_BYTES = 16 };

/* What the MAC is over: the session is part of it, and not of the token. */
static struct str bound(struct arena *arena, struct str said,
                        struct str session)
{
    return arena_printf(arena, "%.*s %.*s", STR_ARG(said), STR_ARG(session));
}

struct str form_token_new(const struct vault *vault, struct arena *arena,
                          struct str session, int64_t now_s)
{
    struct str nonce = vault_random(arena, NONCE_BYTES);
    struct str said = arena_printf(arena, "%.*s.%" PRId64, STR_ARG(nonce),
                                   now_s + FORM_TOKEN_LIVES_S);
    struct str mac =
        vault_mac(vault, arena, "form", bound(arena, said, session));
    return arena_printf(arena, "%.*s.%.*s", STR_ARG(said), STR_ARG(mac));
}

bool form_token_holds(const struct vault *vault, struct arena *arena,
                      struct str token, struct str session, int64_t now_s,
                      struct str *nonce)
{
    struct str rest = token;
    struct str name = str_cut(&rest, '.');
    struct str expiry = str_cut(&rest, '.');
    int64_t expires_s = 0;
    if (!str_to_num(expiry, &expires_s) || expires_s <= now_s)
        return false;
    struct str said = {token.ptr, name.len + 1 + expiry.len};
    if (!vault_mac_holds(vault, "form", bound(arena, said, session), rest))
        return false;
    *nonce = name;
    return true;
}
