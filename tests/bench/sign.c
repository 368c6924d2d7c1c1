#include "tests/bench/sign.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <time.h>

enum { DAY_S = 86400, VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

static struct str base64(struct arena *arena, const void *bytes, size_t len)
{
    size_t room = sodium_base64_encoded_len(len, VARIANT);
    char *out = arena_alloc(arena, room);
    (void)sodium_bin2base64(out, room, bytes, len, VARIANT);
    return str_of(out);
}

static struct str hash(struct arena *arena, struct str bytes)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char *out = arena_alloc(arena, 2 * sizeof(digest) + 1);
    (void)SHA256((const unsigned char *)bytes.ptr, bytes.len, digest);
    (void)sodium_bin2hex(out, 2 * sizeof(digest) + 1, digest, sizeof(digest));
    return str_of(out);
}

struct str sign(struct arena *arena, struct str key, struct str url,
                struct str body, struct str jti)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    struct str body_hash = STR_NONE;
    if (body.len > 0)
        body_hash = arena_printf(arena, ",\"payload_hash\":\"%.*s\"",
                                 STR_ARG(hash(arena, body)));
    long long now = (long long)time(NULL);
    struct str claims = arena_printf(
        arena,
        "{\"iss\":\"MessageBird\",\"nbf\":%lld,\"exp\":%lld,\"jti\":\"%.*s\","
        "\"url_hash\":\"%.*s\"%.*s}",
        now, now + DAY_S, STR_ARG(jti), STR_ARG(hash(arena, url)),
        STR_ARG(body_hash));
    struct str covered = arena_printf(
        arena, "%.*s.%.*s", STR_ARG(base64(arena, header, sizeof(header) - 1)),
        STR_ARG(base64(arena, claims.ptr, claims.len)));
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    (void)HMAC(EVP_sha256(), key.ptr, (int)key.len,
               (const unsigned char *)covered.ptr, covered.len, mac, &len);
    return arena_printf(arena, "%.*s.%.*s", STR_ARG(covered),
                        STR_ARG(base64(arena, mac, len)));
}
