#include "gateway/signature_old.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdlib.h>

#include "gateway/params.h"

/* By name; those of one name stay in their order. */
static void sort(struct params *params)
{
    for (size_t i = 1; i < params->count; i++) {
        struct param moved = params->items[i];
        size_t at = i;
        for (;
             at > 0 && str_compare(params->items[at - 1].name, moved.name) > 0;
             at--)
            params->items[at] = params->items[at - 1];
        params->items[at] = moved;
    }
}

/* False where the query cannot be read. */
static bool add_query(struct arena *arena, struct buffer *out, struct str query)
{
    struct params *params = arena_alloc(arena, sizeof(*params));
    struct str fault;
    if (!params_parse_form(params, arena, query, &fault))
        return false;
    sort(params);
    for (size_t i = 0; i < params->count; i++) {
        buffer_add(out, "&", i > 0 ? 1 : 0);
        params_add_encoded(out, params->items[i].name);
        buffer_add(out, "=", 1);
        params_add_encoded(out, params->items[i].value);
    }
    return true;
}

static bool mac_holds(struct str signature, struct str key, struct str covered)
{
    unsigned char theirs[SHA256_DIGEST_LENGTH], ours[EVP_MAX_MD_SIZE];
    size_t len = 0;
    if (!str_is_ascii(signature) ||
        sodium_base642bin(theirs, sizeof(theirs), signature.ptr, signature.len,
                          NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len != sizeof(theirs))
        return false;
    if (HMAC(EVP_sha256(), key.ptr, (int)key.len,
             (const unsigned char *)covered.ptr, covered.len, ours,
             NULL) == NULL)
        abort();
    return sodium_memcmp(theirs, ours, sizeof(theirs)) == 0;
}

enum signature_fault signature_old_check(struct arena *arena,
                                         struct str signature,
                                         struct str timestamp, struct str key,
                                         struct str query, struct str body,
                                         int64_t now_ms)
{
    const int64_t second_ms = 1000, far_s = INT64_C(1) << 40;
    int64_t sent_s = 0, window_ms = SIGNATURE_OLD_WINDOW_S * second_ms;
    unsigned char hash[SHA256_DIGEST_LENGTH];
    struct buffer covered = {0};
    if (!str_to_num(timestamp, &sent_s) || sent_s < 0 || sent_s > far_s)
        return SIGNATURE_MALFORMED;
    if (SHA256((const unsigned char *)body.ptr, body.len, hash) == NULL)
        abort();
    buffer_str(&covered, timestamp);
    buffer_add(&covered, "\n", 1);
    bool readable = add_query(arena, &covered, query);
    buffer_add(&covered, "\n", 1);
    buffer_add(&covered, (const char *)hash, sizeof(hash));
    /* Without a key anybody could sign. */
    bool holds = readable && key.len > 0 &&
                 mac_holds(signature, key, buffer_view(&covered));
    buffer_free(&covered);
    if (!readable)
        return SIGNATURE_MALFORMED;
    if (!holds)
        return SIGNATURE_MISMATCH;
    if (sent_s * second_ms > now_ms + window_ms)
        return SIGNATURE_EARLY;
    return sent_s * second_ms < now_ms - window_ms ? SIGNATURE_EXPIRED
                                                   : SIGNATURE_OK;
}
