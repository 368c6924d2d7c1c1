/* A signature that is made up; and one that is right, over claims that are made
 * up. */
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include "gateway/signature.h"

static struct str base64url(struct arena *arena, struct str bytes)
{
    const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    size_t room = sodium_base64_encoded_len(bytes.len, variant);
    char *text = arena_alloc(arena, room);
    sodium_bin2base64(text, room, (const unsigned char *)bytes.ptr, bytes.len,
                      variant);
    return str_of(text);
}

static struct str sign(struct arena *arena, struct str claims)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct str said =
        arena_printf(arena, "eyJhbGciOiJIUzI1NiJ9.%.*s", /* {"alg":"HS256"} */
                     STR_ARG(base64url(arena, claims)));
    HOLDS(HMAC(EVP_sha256(), "key", 3, (const unsigned char *)said.ptr,
               said.len, mac, &len) != NULL);
    return arena_printf(
        arena, "%.*s.%.*s", STR_ARG(said),
        STR_ARG(base64url(arena, (struct str){(const char *)mac, len})));
}

static enum signature_fault check(struct arena *arena, struct str token)
{
    struct signature_claims claims = {STR_NONE, 0};
    enum signature_fault fault =
        signature_check(arena, token, STR("key"), STR("https://x.example/a"),
                        STR_NONE, 1625479230000, &claims);
    HOLDS(fault != SIGNATURE_OK || claims.jti.len > 0);
    return fault;
}

FUZZ(arena, input)
{
    HOLDS(sodium_init() >= 0);
    HOLDS(check(arena, input) != SIGNATURE_OK);
    if (input.len < 4096)
        (void)check(arena, sign(arena, input));
}
