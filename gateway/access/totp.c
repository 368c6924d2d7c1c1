#include "gateway/access/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

enum { SHA1_BYTES = 20, LEVEL = 1000000 };

struct str totp_secret_new(struct arena *arena)
{
    char *bytes = arena_alloc(arena, TOTP_SECRET_BYTES);
    randombytes_buf(bytes, TOTP_SECRET_BYTES);
    return (struct str){bytes, TOTP_SECRET_BYTES};
}

struct str totp_base32(struct arena *arena, struct str secret)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char *out = arena_alloc(arena, secret.len * 8 / 5 + 2);
    unsigned held = 0, bits = 0;
    size_t len = 0;
    for (size_t i = 0; i < secret.len; i++) {
        held = held << 8 | (unsigned char)secret.ptr[i];
        for (bits += 8; bits >= 5; bits -= 5)
            out[len++] = letters[held >> (bits - 5) & 31];
    }
    if (bits > 0)
        out[len++] = letters[held << (5 - bits) & 31];
    return (struct str){out, len};
}

struct str totp_uri(struct arena *arena, struct str account, struct str secret)
{
    return arena_printf(arena,
                        "otpauth://totp/BirdCar:%.*s?secret=%.*s"
                        "&issuer=BirdCar",
                        STR_ARG(account), STR_ARG(totp_base32(arena, secret)));
}

/* RFC 4226, 5.3. */
static int64_t code_of(struct str secret, int64_t step)
{
    unsigned char counter[8], mac[SHA1_BYTES];
    unsigned len = sizeof(mac);
    for (int i = 0; i < 8; i++)
        counter[i] = (unsigned char)(step >> (8 * (7 - i)));
    if (HMAC(EVP_sha1(), secret.ptr, (int)secret.len, counter, sizeof(counter),
             mac, &len) == NULL)
        return -1;
    unsigned at = mac[SHA1_BYTES - 1] & 15;
    uint32_t cut = (uint32_t)(mac[at] & 127) << 24 |
                   (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 |
                   mac[at + 3];
    return cut % LEVEL;
}

int64_t totp_step(struct str secret, struct str code, int64_t now_s,
                  int64_t used)
{
    int64_t given = 0;
    int digits = 0;
    for (size_t i = 0; i < code.len; i++) {
        if (code.ptr[i] == ' ')
            continue;
        if (!char_is_digit(code.ptr[i]) || ++digits > TOTP_DIGITS)
            return -1;
        given = given * 10 + (code.ptr[i] - '0');
    }
    if (digits != TOTP_DIGITS || secret.len == 0)
        return -1;
    int64_t now = now_s / TOTP_STEP_S, found = -1;
    /* All three, whichever it is. */
    for (int64_t step = now - 1; step <= now + 1; step++)
        if (code_of(secret, step) == given && step > used)
            found = step;
    return found;
}
