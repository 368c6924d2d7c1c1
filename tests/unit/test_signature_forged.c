#include "tests/unit/check.h"

#include "gateway/signature.h"
#include "gateway/signature_old.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/* Signatures that nobody should take: good ones, altered by chance in each way
 * that a forger would try. A good one must still be good, so that the table
 * does not prove what a broken check would, too. With BIRDCAR_LONG ten times as
 * many; BIRDCAR_SEED repeats a run. */
enum { FORGED = 100000, TIMES_LONG = 10, MOST = 2048 };

#define KEY "a-signing-key-0123456789"
#define NOW_S INT64_C(1625479200)

/* What the gateway is handed. */
struct attempt {
    char token[MOST], url[MOST], body[MOST], key[MOST];
    size_t token_len, body_len, key_len;
    char timestamp[64], query[MOST];
    int64_t now_ms;
};

static uint64_t seed;

static size_t dice(size_t sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed >> 11) % sides;
}

static const char *one_of(const char *const *words)
{
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    return words[dice(count)];
}

/* ---- good ones ---- */

static void hex_hash(const char *bytes, size_t len, char hex[65])
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)bytes, len, hash);
    sodium_bin2hex(hex, 65, hash, sizeof(hash));
}

static void add(char *to, const char *text)
{
    (void)snprintf(to + strlen(to), MOST - strlen(to), "%s", text);
}

static void add_part(char *to, const void *bytes, size_t len)
{
    char part[MOST];
    sodium_bin2base64(part, sizeof(part), bytes, len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    add(to, part);
}

static void sign(struct attempt *a, const char *header, const char *claims,
                 const EVP_MD *algorithm, const char *key, size_t key_len)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    a->token[0] = '\0';
    add_part(a->token, header, strlen(header));
    add(a->token, ".");
    add_part(a->token, claims, strlen(claims));
    HMAC(algorithm, key, (int)key_len, (unsigned char *)a->token,
         strlen(a->token), mac, &len);
    add(a->token, ".");
    add_part(a->token, mac, len);
    a->token_len = strlen(a->token);
}

/* The claims of what the attempt is about; `begins` and `ends` in seconds from
 * now. */
static void write_claims(const struct attempt *a, const char *issuer,
                         int begins, int ends, char claims[MOST])
{
    char url[65], body[65];
    hex_hash(a->url, strlen(a->url), url);
    hex_hash(a->body, a->body_len, body);
    int len =
        snprintf(claims, MOST,
                 "{\"iss\":\"%s\",\"nbf\":%lld,\"exp\":%lld,\"jti\":\"%08zx\","
                 "\"url_hash\":\"%s\"",
                 issuer, (long long)NOW_S + begins, (long long)NOW_S + ends,
                 dice(SIZE_MAX >> 32), url);
    if (a->body_len > 0)
        len += snprintf(claims + len, MOST - (size_t)len,
                        ",\"payload_hash\":\"%s\"", body);
    (void)snprintf(claims + len, MOST - (size_t)len, "}");
}

static const char *const headers[] = {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
                                      "{\"typ\":\"JWT\",\"alg\":\"HS384\"}",
                                      "{\"alg\":\"HS512\"}"};

static const EVP_MD *algorithm_of(size_t i)
{
    return i == 0 ? EVP_sha256() : i == 1 ? EVP_sha384() : EVP_sha512();
}

static void make_good(struct attempt *a)
{
    static const char *const urls[] = {
        "https://ride.example/webhook", "https://ride.example/webhook?a=1&b=2",
        "http://127.0.0.1:4567/webhook-voice?source=1&destination=2", NULL};
    static const char *const bodies[] = {
        "", "hello", "originator=447700900101&payload=See+you", NULL};
    char claims[MOST];
    size_t i = dice(3);
    *a = (struct attempt){.now_ms = NOW_S * 1000, .key_len = sizeof(KEY) - 1};
    memcpy(a->key, KEY, sizeof(KEY));
    (void)snprintf(a->url, MOST, "%s", one_of(urls));
    (void)snprintf(a->body, MOST, "%s", one_of(bodies));
    a->body_len = strlen(a->body);
    write_claims(a, "MessageBird", 0, 60, claims);
    sign(a, headers[i], claims, algorithm_of(i), KEY, sizeof(KEY) - 1);
}

static bool is_taken(const struct attempt *a)
{
    struct arena *arena = arena_new();
    struct signature_claims claims = {0};
    bool taken =
        signature_check(arena, (struct str){a->token, a->token_len},
                        (struct str){a->key, a->key_len}, str_of(a->url),
                        (struct str){a->body, a->body_len}, a->now_ms,
                        &claims) == SIGNATURE_OK;
    arena_destroy(&arena);
    return taken;
}

/* ---- bytes, altered ---- */

static void set_token(struct attempt *a, const char *text)
{
    (void)snprintf(a->token, MOST, "%s", text);
    a->token_len = strlen(a->token);
}

static void flip(char *at, size_t bits)
{
    *at = (char)((unsigned char)*at ^ (1U << dice(bits)));
}

static void flip_bit(struct attempt *a)
{
    flip(&a->token[dice(a->token_len)], 8);
}

static char any_letter(void)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                  "stuvwxyz0123456789-_+/=. ";
    return letters[dice(sizeof(letters) - 1)];
}

static void other_letter(struct attempt *a)
{
    size_t at = dice(a->token_len);
    char old = a->token[at];
    while (a->token[at] == old)
        a->token[at] = any_letter();
}

static void insert_letter(struct attempt *a)
{
    size_t at = dice(a->token_len + 1);
    memmove(a->token + at + 1, a->token + at, a->token_len - at);
    a->token[at] = any_letter();
    a->token_len++;
}

static void drop_letters(struct attempt *a)
{
    size_t at = dice(a->token_len), len = 1 + dice(a->token_len - at);
    memmove(a->token + at, a->token + at + len, a->token_len - at - len);
    a->token_len -= len;
}

static void cut_short(struct attempt *a)
{
    a->token_len = dice(a->token_len);
}

static void swap_letters(struct attempt *a)
{
    size_t i = dice(a->token_len), j = i;
    while (a->token[i] == a->token[j])
        j = dice(a->token_len);
    char c = a->token[i];
    a->token[i] = a->token[j];
    a->token[j] = c;
}

/* The last letter of a part has bits that stand for nothing: the same bytes to
 * a lax decoder. */
static void spare_bits(struct attempt *a)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *last = &a->token[a->token_len - 1];
    size_t value = (size_t)(strchr(letters, *last) - letters);
    *last = letters[value ^ (1 + dice(3))];
}

static void wrap(struct attempt *a)
{
    static const char *const before[] = {"", " ", "Bearer ", "\t", "\"", NULL};
    static const char *const behind[] = {"=",  "==", " ",  ".",
                                         "\n", "\"", ".x", NULL};
    char text[MOST];
    (void)snprintf(text, MOST, "%s%.1500s%s", one_of(before), a->token,
                   one_of(behind));
    set_token(a, text);
}

static void random_bytes(struct attempt *a)
{
    a->token_len = dice(400);
    for (size_t i = 0; i < a->token_len; i++)
        if (dice(3) == 0)
            a->token[i] = (char)dice(256);
        else
            a->token[i] = any_letter();
}

/* ---- parts, altered ---- */

static struct str part(const struct attempt *a, int number)
{
    struct str rest = {a->token, a->token_len}, found = STR_NONE;
    for (int i = 0; i <= number; i++)
        found = str_cut(&rest, '.');
    return found;
}

static void join(struct attempt *a, struct str header, struct str claims,
                 struct str mac)
{
    char text[MOST];
    (void)snprintf(text, MOST, "%.*s.%.*s.%.*s", STR_ARG(header),
                   STR_ARG(claims), STR_ARG(mac));
    set_token(a, text);
}

static void mix(struct attempt *a)
{
    struct attempt other;
    do
        make_good(&other);
    while (str_eq(part(a, 1), part(&other, 1)));
    if (dice(2) == 0)
        join(a, part(a, 0), part(&other, 1), part(a, 2));
    else
        join(a, part(a, 0), part(a, 1), part(&other, 2));
}

static void other_algorithm(struct attempt *a)
{
    static const char *const names[] = {
        "none",  "None",  "NONE",  "nOnE",  "hs256",  "HS1", "HS",
        "RS256", "ES256", "PS256", "EdDSA", "HS256 ", "",    NULL};
    char header[64], coded[MOST] = "";
    (void)snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", one_of(names));
    if (dice(3) == 0) { /* its MAC is right */
        write_claims(a, "MessageBird", 0, 60, coded);
        sign(a, header, coded, algorithm_of(0), KEY, sizeof(KEY) - 1);
        return;
    }
    add_part(coded, header, strlen(header));
    join(a, str_of(coded), part(a, 1), dice(2) ? part(a, 2) : STR_NONE);
}

/* A header of one algorithm over a MAC of another. */
static void confused_algorithm(struct attempt *a)
{
    char claims[MOST];
    size_t i = dice(3);
    write_claims(a, "MessageBird", 0, 60, claims);
    sign(a, headers[i], claims, algorithm_of((i + 1 + dice(2)) % 3), KEY,
         sizeof(KEY) - 1);
}

static void short_mac(struct attempt *a)
{
    char mac[MOST] = "";
    unsigned char bytes[64] = {0};
    size_t len = 0;
    struct str own = part(a, 2);
    (void)sodium_base642bin(bytes, sizeof(bytes), own.ptr, own.len, NULL, &len,
                            NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    add_part(mac, bytes, dice(len));
    join(a, part(a, 0), part(a, 1), str_of(mac));
}

/* ---- claims and keys ---- */

static void other_claims(struct attempt *a)
{
    char claims[MOST], coded[MOST] = "";
    write_claims(a, "MessageBird", 0, 3600 + (int)dice(100000), claims);
    add_part(coded, claims, strlen(claims));
    join(a, part(a, 0), str_of(coded), part(a, 2));
}

static void other_key(struct attempt *a)
{
    static const char *const keys[] = {"",
                                       "a-signing-key-0123456789 ",
                                       "a-signing-key-012345678",
                                       "A-signing-key-0123456789",
                                       "a",
                                       "null",
                                       "-----BEGIN PUBLIC KEY-----",
                                       "secret",
                                       NULL};
    char claims[MOST], key[65];
    size_t i = dice(3), kind = dice(4);
    write_claims(a, "MessageBird", 0, 60, claims);
    if (kind == 0)
        hex_hash(KEY, sizeof(KEY) - 1, key);
    else
        (void)snprintf(key, sizeof(key), "%s", one_of(keys));
    if (kind == 1) {
        memcpy(key, KEY, sizeof(KEY));
        flip(&key[dice(sizeof(KEY) - 1)], 7);
    }
    sign(a, headers[i], claims, algorithm_of(i), key, strlen(key));
}

/* Where no key is set, the empty one is nobody's. */
static void no_key(struct attempt *a)
{
    char claims[MOST];
    write_claims(a, "MessageBird", 0, 60, claims);
    sign(a, headers[0], claims, algorithm_of(0), "", 0);
    a->key_len = 0;
}

/* Well signed, and wrong all the same. */
static void out_of_time(struct attempt *a)
{
    char claims[MOST];
    size_t i = dice(3);
    if (dice(2) == 0)
        write_claims(a, "MessageBird", -3600, -2 - (int)dice(3000), claims);
    else
        write_claims(a, "MessageBird", 2 + (int)dice(3000), 3600, claims);
    sign(a, headers[i], claims, algorithm_of(i), KEY, sizeof(KEY) - 1);
}

static void other_issuer(struct attempt *a)
{
    static const char *const issuers[] = {
        "",        "messagebird", "MessageBird ", "MessageBird\\u0000",
        "Mallory", NULL};
    char claims[MOST];
    write_claims(a, one_of(issuers), 0, 60, claims);
    sign(a, headers[0], claims, algorithm_of(0), KEY, sizeof(KEY) - 1);
}

static void other_time(struct attempt *a)
{
    a->now_ms += dice(2) == 0 ? INT64_C(61001) + (int64_t)dice(1000000000)
                              : INT64_C(-1001) - (int64_t)dice(1000000000);
}

static void other_url(struct attempt *a)
{
    size_t len = strlen(a->url);
    if (dice(2) == 0)
        (void)snprintf(a->url + len, MOST - len, "%c", any_letter());
    else
        flip(&a->url[dice(len)], 7);
    /* A NUL ends it: shorter, and another all the same. */
}

static void other_body(struct attempt *a)
{
    if (a->body_len == 0 || dice(3) == 0)
        a->body[a->body_len++] = (char)dice(256);
    else if (dice(2) == 0)
        a->body_len = dice(a->body_len);
    else
        flip(&a->body[dice(a->body_len)], 8);
}

static const struct {
    const char *label;
    void (*alter)(struct attempt *a);
} ways[] = {
    {"a bit", flip_bit},
    {"a letter", other_letter},
    {"a letter more", insert_letter},
    {"letters fewer", drop_letters},
    {"cut short", cut_short},
    {"letters swapped", swap_letters},
    {"spare bits", spare_bits},
    {"wrapped", wrap},
    {"random bytes", random_bytes},
    {"parts of two", mix},
    {"another algorithm", other_algorithm},
    {"one algorithm for another", confused_algorithm},
    {"a shorter MAC", short_mac},
    {"other claims", other_claims},
    {"another key", other_key},
    {"no key", no_key},
    {"signed for another time", out_of_time},
    {"signed by another issuer", other_issuer},
    {"at another time", other_time},
    {"for another URL", other_url},
    {"for another body", other_body},
};

static void none_is_taken(void **state)
{
    const char *given = getenv("BIRDCAR_SEED");
    int64_t begins = 20180924;
    int rounds = FORGED * (getenv("BIRDCAR_LONG") != NULL ? TIMES_LONG : 1);
    (void)state;
    (void)str_to_num(str_of(given), &begins);
    seed = (uint64_t)begins | 1;
    for (int i = 0; i < rounds; i++) {
        struct attempt a;
        size_t way = dice(COUNT(ways));
        make_good(&a);
        if (i % 16 == 0)
            assert_true(is_taken(&a));
        ways[way].alter(&a);
        if (is_taken(&a))
            fail_msg("%s: taken in round %d: %.*s", ways[way].label, i,
                     (int)a.token_len, a.token);
    }
    print_message("%d forged or altered ones, 0 taken\n", rounds);
}

/* ---- the older form ---- */

static void sign_old(struct attempt *a)
{
    unsigned char mac[SHA256_DIGEST_LENGTH], covered[MOST];
    int len =
        snprintf((char *)covered, MOST, "%s\n%s\n", a->timestamp, a->query);
    SHA256((unsigned char *)a->body, a->body_len, covered + len);
    HMAC(EVP_sha256(), a->key, (int)a->key_len, covered,
         (size_t)len + sizeof(mac), mac, NULL);
    sodium_bin2base64(a->token, MOST, mac, sizeof(mac),
                      sodium_base64_VARIANT_ORIGINAL);
    a->token_len = strlen(a->token);
}

static void make_good_old(struct attempt *a)
{
    static const char *const queries[] = {"", "abc=foo&def=bar",
                                          "destination=2&source=1", NULL};
    make_good(a);
    (void)snprintf(a->timestamp, sizeof(a->timestamp), "%lld",
                   (long long)NOW_S + (long long)dice(600) - 300);
    (void)snprintf(a->query, MOST, "%s", one_of(queries));
    sign_old(a);
}

static bool is_taken_old(const struct attempt *a)
{
    struct arena *arena = arena_new();
    bool taken =
        signature_old_check(
            arena, (struct str){a->token, a->token_len}, str_of(a->timestamp),
            (struct str){a->key, a->key_len}, str_of(a->query),
            (struct str){a->body, a->body_len}, a->now_ms) == SIGNATURE_OK;
    arena_destroy(&arena);
    return taken;
}

/* The padding leaves two bits that stand for nothing in the last letter. */
static void spare_bits_old(struct attempt *a)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *last = &a->token[a->token_len - 2];
    size_t value = (size_t)(strchr(letters, *last) - letters);
    *last = letters[value ^ (1 + dice(3))];
}

static void other_timestamp(struct attempt *a)
{
    static const char *const behind[] = {"0", " ", "\n", ".0", "e0", NULL};
    size_t len = strlen(a->timestamp), at = dice(len);
    if (dice(2) == 0)
        (void)snprintf(a->timestamp + len, sizeof(a->timestamp) - len, "%s",
                       one_of(behind));
    else
        flip(&a->timestamp[at], 3); /* another digit, or none */
}

static void other_query(struct attempt *a)
{
    static const char *const more[] = {"x=",  "abc=foo", "source=1",
                                       "%0A", "z",       NULL};
    size_t len = strlen(a->query);
    if (len == 0 || dice(2) == 0)
        (void)snprintf(a->query + len, MOST - len, "%s%s", len > 0 ? "&" : "",
                       one_of(more));
    else
        a->query[dice(len)] = 'Z';
}

static void other_key_old(struct attempt *a)
{
    struct attempt forged = *a;
    forged.key_len = dice(a->key_len);
    sign_old(&forged);
    set_token(a, forged.token);
}

static void no_key_old(struct attempt *a)
{
    a->key_len = 0;
    sign_old(a);
}

static void out_of_time_old(struct attempt *a)
{
    a->now_ms += dice(2) == 0 ? INT64_C(601000) + (int64_t)dice(1000000000)
                              : INT64_C(-601000) - (int64_t)dice(1000000000);
}

static const struct {
    const char *label;
    void (*alter)(struct attempt *a);
} old_ways[] = {
    {"a bit", flip_bit},
    {"a letter", other_letter},
    {"a letter more", insert_letter},
    {"letters fewer", drop_letters},
    {"cut short", cut_short},
    {"spare bits", spare_bits_old},
    {"wrapped", wrap},
    {"random bytes", random_bytes},
    {"another timestamp", other_timestamp},
    {"another query", other_query},
    {"another body", other_body},
    {"another key", other_key_old},
    {"no key", no_key_old},
    {"out of time", out_of_time_old},
};

static void none_of_the_older_is_taken(void **state)
{
    int rounds = FORGED / 5 * (getenv("BIRDCAR_LONG") != NULL ? TIMES_LONG : 1);
    (void)state;
    for (int i = 0; i < rounds; i++) {
        struct attempt a;
        size_t way = dice(COUNT(old_ways));
        make_good_old(&a);
        if (i % 16 == 0)
            assert_true(is_taken_old(&a));
        old_ways[way].alter(&a);
        if (is_taken_old(&a))
            fail_msg("%s: taken in round %d: %.*s at %s", old_ways[way].label,
                     i, (int)a.token_len, a.token, a.timestamp);
    }
    print_message("%d of the older ones, 0 taken\n", rounds);
}

static int begin(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_taken),
        cmocka_unit_test(none_of_the_older_is_taken),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
