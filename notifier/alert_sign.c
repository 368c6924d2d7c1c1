#include "notifier/alert_sign.h"

#include <sodium.h>

enum {
    MAC_BYTES = crypto_auth_hmacsha256_BYTES,
    BASE64 = sodium_base64_VARIANT_ORIGINAL,
    MAC_CHARS = sodium_base64_ENCODED_LEN(MAC_BYTES, BASE64) /* and a NUL */
};

bool alert_key_read(struct str secret, struct alert_key *key)
{
    struct str prefix = STR("whsec_");
    const char *end = NULL;
    secret = str_trim(secret);
    if (str_starts(secret, prefix))
        secret = str_from(secret, prefix.len);
    key->len = 0;
    return secret.len > 0 &&
           sodium_base642bin(key->bytes, sizeof(key->bytes), secret.ptr,
                             secret.len, NULL, &key->len, &end, BASE64) == 0 &&
           end == secret.ptr + secret.len && key->len >= ALERT_KEY_LEAST;
}

static void add(crypto_auth_hmacsha256_state *mac, struct str part)
{
    (void)crypto_auth_hmacsha256_update(mac, (const unsigned char *)part.ptr,
                                        part.len);
}

struct str alert_sign(struct arena *arena, const struct alert_key *key,
                      struct str id, struct str timestamp, struct str body)
{
    crypto_auth_hmacsha256_state mac;
    unsigned char bytes[MAC_BYTES];
    char text[MAC_CHARS];
    (void)crypto_auth_hmacsha256_init(&mac, key->bytes, key->len);
    add(&mac, id);
    add(&mac, STR("."));
    add(&mac, timestamp);
    add(&mac, STR("."));
    add(&mac, body);
    (void)crypto_auth_hmacsha256_final(&mac, bytes);
    (void)sodium_bin2base64(text, sizeof(text), bytes, sizeof(bytes), BASE64);
    return arena_printf(arena, "v1,%s", text);
}
