#include "gateway/access.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/secret_file.h"

enum { SECRET_MOST = 255, BASIC_MOST = 512 };

struct secret {
    char bytes[SECRET_MOST + 1];
    size_t len;
};

struct access {
    struct secret token, password;
};

/* ---- the secrets ---- */

static const char *take_secret(struct secret *secret, const char *bytes,
                               size_t len)
{
    struct str line = str_trim((struct str){bytes, len});
    if (line.len == 0)
        return "it is empty";
    if (line.len > SECRET_MOST)
        return "it holds more than 255 characters";
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.ptr[i] < ' ' || line.ptr[i] == 0x7f)
            return "it holds more than one line, or control characters";
    memcpy(secret->bytes, line.ptr, line.len);
    secret->len = line.len;
    return NULL;
}

static bool read_secret(struct secret *secret, const char *path, char *why,
                        size_t room)
{
    char bytes[SECRET_MOST + 16];
    size_t len = 0;
    const char *fault = secret_file_read(path, bytes, sizeof(bytes), &len);
    if (fault == NULL)
        fault = take_secret(secret, bytes, len);
    sodium_memzero(bytes, sizeof(bytes));
    if (fault != NULL)
        (void)snprintf(why, room, "%s: %s", path, fault);
    return fault == NULL;
}

struct access *access_new(const char *token_file, const char *password_file,
                          char *why, size_t room)
{
    struct access *access = xcalloc(1, sizeof(*access));
    if (!read_secret(&access->token, token_file, why, room) ||
        !read_secret(&access->password, password_file, why, room))
        access_destroy(&access);
    return access;
}

void access_destroy(struct access **access)
{
    if (*access == NULL)
        return;
    sodium_memzero(*access, sizeof(**access));
    free(*access);
    *access = NULL;
}

/* ---- who is it? ---- */

static bool is_secret(const struct secret *secret, struct str given)
{
    return given.len == secret->len &&
           sodium_memcmp(given.ptr, secret->bytes, secret->len) == 0;
}

static bool is_admin(const struct access *access, struct str coded)
{
    unsigned char plain[BASIC_MOST];
    size_t len = 0;
    if (sodium_base642bin(plain, sizeof(plain), coded.ptr, coded.len, NULL,
                          &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    struct str password = {(const char *)plain, len};
    struct str user = str_cut(&password, ':');
    bool good = str_is(user, "admin") && is_secret(&access->password, password);
    sodium_memzero(plain, sizeof(plain));
    return good;
}

enum identity access_check(const struct access *access,
                           const struct http_request *request)
{
    struct str given = str_trim(http_header(request, "Authorization"));
    struct str scheme = str_cut(&given, ' ');
    given = str_trim(given);
    if (given.len == 0)
        return IDENTITY_NONE;
    if (str_same_word(scheme, STR("Bearer")) &&
        is_secret(&access->token, given))
        return IDENTITY_BEARER;
    if (str_same_word(scheme, STR("Basic")) && is_admin(access, given))
        return IDENTITY_PASSWORD;
    return IDENTITY_NONE;
}

/* A browser adds the password by itself, whoever made it send the request; so
 * its own word on that counts: Sec-Fetch-Site, or Origin in older ones. */
bool access_is_foreign(const struct http_request *request)
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

/* ---- forms ---- */

enum { NONCE_BYTES = 16 };

struct str form_token_new(const struct vault *vault, struct arena *arena,
                          int64_t now_s)
{
    struct str nonce = vault_random(arena, NONCE_BYTES);
    struct str said = arena_printf(arena, "%.*s.%" PRId64, STR_ARG(nonce),
                                   now_s + FORM_TOKEN_LIVES_S);
    struct str mac = vault_mac(vault, arena, "form", said);
    return arena_printf(arena, "%.*s.%.*s", STR_ARG(said), STR_ARG(mac));
}

bool form_token_holds(const struct vault *vault, struct str token,
                      int64_t now_s, struct str *nonce)
{
    struct str rest = token;
    struct str name = str_cut(&rest, '.');
    struct str expiry = str_cut(&rest, '.');
    int64_t expires_s = 0;
    if (!str_to_num(expiry, &expires_s) || expires_s <= now_s)
        return false;
    struct str said = {token.ptr, name.len + 1 + expiry.len};
    if (!vault_mac_holds(vault, "form", said, rest))
        return false;
    *nonce = name;
    return true;
}
