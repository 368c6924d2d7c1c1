#include "gateway/signature.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdlib.h>

enum {
    TOKEN_MOST = 8192,
    LEEWAY_MS = 1000,
    HASH_CHARS = SHA256_DIGEST_LENGTH * 2
};

/* Past any real date, and exact in milliseconds, too. */
static const double seconds_most = 1e12;

struct token {
    struct str header, payload, mac; /* as they came: base64url */
    struct str covered;              /* header.payload */
};

static bool token_split(struct str text, struct token *token)
{
    if (text.len > TOKEN_MOST)
        return false;
    struct str rest = text;
    token->header = str_cut(&rest, '.');
    token->payload = str_cut(&rest, '.');
    token->mac = rest;
    if (token->header.len == 0 || token->payload.len == 0 ||
        token->mac.len == 0)
        return false;
    token->covered =
        (struct str){text.ptr, token->header.len + 1 + token->payload.len};
    return true;
}

/* Strict: no padding, no white space, no bits left over. A NUL follows. */
static bool decode(struct arena *arena, struct str coded, struct str *bytes)
{
    size_t len = 0;
    unsigned char *out = arena_alloc(arena, coded.len + 1);
    if (!str_is_ascii(coded) ||
        sodium_base642bin(out, coded.len, coded.ptr, coded.len, NULL, &len,
                          NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return false;
    *bytes = (struct str){(const char *)out, len};
    return true;
}

/* The JSON object in a part of the token, for the caller to delete; NULL where
 * it is anything else. */
static cJSON *decode_object(struct arena *arena, struct str coded)
{
    struct str text = STR_NONE;
    /* cJSON takes the NUL for the end, so that none may stand inside, nor be
     * written as an escape. */
    if (!decode(arena, coded, &text) || !str_is_utf8(text) ||
        memmem(text.ptr, text.len, "\\u0000", 6) != NULL)
        return NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(text.ptr, text.len + 1, NULL, true);
    if (cJSON_IsObject(json))
        return json;
    cJSON_Delete(json);
    return NULL;
}

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static enum signature_fault
find_algorithm(struct arena *arena, struct str header, const EVP_MD **algorithm)
{
    cJSON *json = decode_object(arena, header);
    if (json == NULL)
        return SIGNATURE_MALFORMED;
    struct str name = str_of(text_of(json, "alg"));
    *algorithm = str_is(name, "HS256")   ? EVP_sha256()
                 : str_is(name, "HS384") ? EVP_sha384()
                 : str_is(name, "HS512") ? EVP_sha512()
                                         : NULL;
    cJSON_Delete(json);
    return *algorithm != NULL ? SIGNATURE_OK : SIGNATURE_ALGORITHM;
}

static enum signature_fault check_mac(struct arena *arena,
                                      const struct token *token,
                                      const EVP_MD *algorithm, struct str key)
{
    unsigned char ours[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct str theirs = STR_NONE;
    if (!decode(arena, token->mac, &theirs))
        return SIGNATURE_MALFORMED;
    /* Without a key anybody could sign. */
    if (key.len == 0)
        return SIGNATURE_MISMATCH;
    /* Out of memory, as elsewhere, ends the process: to whoever signed well the
     * answer 401 would be final, and the text lost. */
    if (HMAC(algorithm, key.ptr, (int)key.len,
             (const unsigned char *)token->covered.ptr, token->covered.len,
             ours, &len) == NULL)
        abort();
    if (theirs.len != len || sodium_memcmp(theirs.ptr, ours, len) != 0)
        return SIGNATURE_MISMATCH;
    return SIGNATURE_OK;
}

static bool is_hash_of(const char *hex, struct str bytes)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char ours[HASH_CHARS + 1];
    if (SHA256((const unsigned char *)bytes.ptr, bytes.len, hash) == NULL)
        abort();
    sodium_bin2hex(ours, sizeof(ours), hash, sizeof(hash));
    return strlen(hex) == HASH_CHARS &&
           sodium_memcmp(hex, ours, HASH_CHARS) == 0;
}

static bool read_time(const cJSON *object, const char *name, double *seconds)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) ||
        item->valuedouble > seconds_most)
        return false;
    *seconds = item->valuedouble;
    return true;
}

static enum signature_fault check_payload_hash(const cJSON *object,
                                               struct str body)
{
    const cJSON *item =
        cJSON_GetObjectItemCaseSensitive(object, "payload_hash");
    if (item != NULL && !cJSON_IsString(item))
        return SIGNATURE_CLAIMS;
    if (body.len == 0)
        return item == NULL ? SIGNATURE_OK : SIGNATURE_BODY;
    return item != NULL && is_hash_of(item->valuestring, body) ? SIGNATURE_OK
                                                               : SIGNATURE_BODY;
}

static enum signature_fault check_claims(const cJSON *object, struct str url,
                                         struct str body, int64_t now_ms,
                                         double *expires)
{
    double begins = 0;
    const char *issuer = text_of(object, "iss");
    const char *jti = text_of(object, "jti");
    const char *url_hash = text_of(object, "url_hash");
    if (issuer == NULL || jti == NULL || jti[0] == '\0' || url_hash == NULL ||
        !read_time(object, "nbf", &begins) ||
        !read_time(object, "exp", expires))
        return SIGNATURE_CLAIMS;
    if (!str_is(STR("MessageBird"), issuer))
        return SIGNATURE_ISSUER;
    if (now_ms < (int64_t)(begins * 1000) - LEEWAY_MS)
        return SIGNATURE_EARLY;
    if (now_ms > (int64_t)(*expires * 1000) + LEEWAY_MS)
        return SIGNATURE_EXPIRED;
    if (!is_hash_of(url_hash, url))
        return SIGNATURE_URL;
    return check_payload_hash(object, body);
}

enum signature_fault signature_check(struct arena *arena, struct str token,
                                     struct str key, struct str url,
                                     struct str body, int64_t now_ms,
                                     struct signature_claims *claims)
{
    struct token parts;
    const EVP_MD *algorithm = NULL;
    double expires = 0;
    if (!token_split(token, &parts))
        return SIGNATURE_MALFORMED;
    enum signature_fault fault =
        find_algorithm(arena, parts.header, &algorithm);
    if (fault == SIGNATURE_OK)
        fault = check_mac(arena, &parts, algorithm, key);
    if (fault != SIGNATURE_OK)
        return fault;
    cJSON *object = decode_object(arena, parts.payload);
    if (object == NULL)
        return SIGNATURE_MALFORMED;
    fault = check_claims(object, url, body, now_ms, &expires);
    if (fault == SIGNATURE_OK)
        *claims = (struct signature_claims){
            .jti = arena_copy(arena, str_of(text_of(object, "jti"))),
            .expires_s = (int64_t)expires,
        };
    cJSON_Delete(object);
    return fault;
}

const char *signature_fault_name(enum signature_fault fault)
{
    static const char *const names[] = {
        [SIGNATURE_OK] = "ok",
        [SIGNATURE_MALFORMED] = "malformed",
        [SIGNATURE_ALGORITHM] = "algorithm",
        [SIGNATURE_MISMATCH] = "mismatch",
        [SIGNATURE_ISSUER] = "issuer",
        [SIGNATURE_CLAIMS] = "claims",
        [SIGNATURE_EARLY] = "early",
        [SIGNATURE_EXPIRED] = "expired",
        [SIGNATURE_URL] = "url",
        [SIGNATURE_BODY] = "body",
    };
    assert(fault < sizeof(names) / sizeof(names[0]));
    return names[fault];
}
