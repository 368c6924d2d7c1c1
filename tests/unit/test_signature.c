#include "tests/unit/check.h"

#include "gateway/signature.h"
#include "shared/timestamp.h"

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define REFERENCE                                                              \
    SOURCE_DIR "/../shared/vectors/messagebird-signature/reference.json"
#define URL "https://ride.example/webhook?a=1&b=2"
#define URL_HASH                                                               \
    "1e1b1f0034810e55fe67ea7924b18609d7f5e1c3721bea7903d321fc19515490"
#define HELLO_HASH                                                             \
    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define NOTHING_HASH                                                           \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum { BEGINS_S = 1625479200, EXPIRES_S = 1625479260 };

#define ISS "\"iss\":\"MessageBird\","
#define NBF "\"nbf\":1625479200,"
#define EXP "\"exp\":1625479260,"
#define JTI "\"jti\":\"j-1\","
#define URLH "\"url_hash\":\"" URL_HASH "\""
#define BODYH ",\"payload_hash\":\"" HELLO_HASH "\""
#define GOOD "{" ISS NBF EXP JTI URLH "}"
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static struct arena *arena;

static int begin(void **state)
{
    (void)state;
    arena = arena_new();
    return sodium_init() < 0 ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static struct str base64url(const void *bytes, size_t len)
{
    const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    size_t room = sodium_base64_encoded_len(len, variant);
    char *text = arena_alloc(arena, room);
    sodium_bin2base64(text, room, bytes, len, variant);
    return str_of(text);
}

static struct str sign(const char *header, struct str payload, const char *key,
                       const EVP_MD *algorithm)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct str head = base64url(header, strlen(header));
    struct str claims = base64url(payload.ptr, payload.len);
    struct str covered =
        arena_printf(arena, "%.*s.%.*s", STR_ARG(head), STR_ARG(claims));
    HMAC(algorithm, key, (int)strlen(key), (const unsigned char *)covered.ptr,
         covered.len, mac, &len);
    struct str tail = base64url(mac, len);
    return arena_printf(arena, "%.*s.%.*s", STR_ARG(covered), STR_ARG(tail));
}

static const char *judge(struct str token, struct str key, const char *body,
                         int64_t now_ms)
{
    struct signature_claims claims = {0};
    enum signature_fault fault = signature_check(arena, token, key, STR(URL),
                                                 str_of(body), now_ms, &claims);
    CHECK("claims on success only",
          (claims.jti.len > 0) == (fault == SIGNATURE_OK));
    return signature_fault_name(fault);
}

/* A token that is signed as it should be; what is wrong stands inside. */
static const struct {
    const char *label, *payload, *body, *fault;
    int64_t now_ms; /* 0: BEGINS_S */
} claims_rows[] = {
    {"good", GOOD, "", "ok", 0},
    {"good with a body", "{" ISS NBF EXP JTI URLH BODYH "}", "hello", "ok", 0},
    {"unknown claims", "{\"x\":[1]," ISS NBF EXP JTI URLH "}", "", "ok", 0},
    {"a second early", GOOD, "", "ok", BEGINS_S * 1000LL - 1000},
    {"more than that", GOOD, "", "early", BEGINS_S * 1000LL - 1001},
    {"a second late", GOOD, "", "ok", EXPIRES_S * 1000LL + 1000},
    {"more than that", GOOD, "", "expired", EXPIRES_S * 1000LL + 1001},
    {"no iss", "{" NBF EXP JTI URLH "}", "", "claims", 0},
    {"iss a number", "{\"iss\":1," NBF EXP JTI URLH "}", "", "claims", 0},
    {"other iss", "{\"iss\":\"Mallory\"," NBF EXP JTI URLH "}", "", "issuer",
     0},
    {"iss in capitals", "{\"iss\":\"MESSAGEBIRD\"," NBF EXP JTI URLH "}", "",
     "issuer", 0},
    {"key in capitals", "{\"ISS\":\"MessageBird\"," NBF EXP JTI URLH "}", "",
     "claims", 0},
    {"no nbf", "{" ISS EXP JTI URLH "}", "", "claims", 0},
    {"no exp", "{" ISS NBF JTI URLH "}", "", "claims", 0},
    {"nbf a string", "{" ISS "\"nbf\":\"0\"," EXP JTI URLH "}", "", "claims",
     0},
    {"exp a string", "{" ISS NBF "\"exp\":\"9\"," JTI URLH "}", "", "claims",
     0},
    {"exp beyond bounds", "{" ISS NBF "\"exp\":1e300," JTI URLH "}", "",
     "claims", 0},
    {"exp infinite", "{" ISS NBF "\"exp\":1e999," JTI URLH "}", "", "claims",
     0},
    {"nbf negative", "{" ISS "\"nbf\":-1," EXP JTI URLH "}", "", "claims", 0},
    {"a fraction in exp", "{" ISS NBF "\"exp\":1625479200.5," JTI URLH "}", "",
     "ok", BEGINS_S * 1000LL + 1500},
    {"... to the millisecond", "{" ISS NBF "\"exp\":1625479200.5," JTI URLH "}",
     "", "expired", BEGINS_S * 1000LL + 1501},
    {"no jti", "{" ISS NBF EXP URLH "}", "", "claims", 0},
    {"empty jti", "{" ISS NBF EXP "\"jti\":\"\"," URLH "}", "", "claims", 0},
    {"jti a number", "{" ISS NBF EXP "\"jti\":1," URLH "}", "", "claims", 0},
    {"no url_hash", "{" ISS NBF EXP "\"jti\":\"j-1\"}", "", "claims", 0},
    {"other url", "{" ISS NBF EXP JTI "\"url_hash\":\"" HELLO_HASH "\"}", "",
     "url", 0},
    {"empty url_hash", "{" ISS NBF EXP JTI "\"url_hash\":\"\"}", "", "url", 0},
    {"url_hash in capitals",
     "{" ISS NBF EXP JTI
     "\"url_hash\":\"1E1B1F0034810E55FE67EA7924B18609D7F5E1C3721BEA7903D321"
     "FC19515490\"}",
     "", "url", 0},
    {"url_hash and more",
     "{" ISS NBF EXP JTI "\"url_hash\":\"" URL_HASH "00\"}", "", "url", 0},
    {"body, no hash", GOOD, "hello", "body", 0},
    {"other body", "{" ISS NBF EXP JTI URLH BODYH "}", "hullo", "body", 0},
    {"hash, no body", "{" ISS NBF EXP JTI URLH BODYH "}", "", "body", 0},
    {"hash of nothing",
     "{" ISS NBF EXP JTI URLH ",\"payload_hash\":\"" NOTHING_HASH "\"}", "",
     "body", 0},
    {"payload_hash a number", "{" ISS NBF EXP JTI URLH ",\"payload_hash\":1}",
     "hello", "claims", 0},
    {"payload_hash null", "{" ISS NBF EXP JTI URLH ",\"payload_hash\":null}",
     "", "claims", 0},
    {"payload no JSON", "hello", "", "malformed", 0},
    {"payload a list", "[" GOOD "]", "", "malformed", 0},
    {"bytes behind the payload", GOOD "x", "", "malformed", 0},
    {"payload cut short", "{" ISS NBF EXP JTI URLH, "", "malformed", 0},
    {"payload not UTF-8", "{\"x\":\"\xff\"," ISS NBF EXP JTI URLH "}", "",
     "malformed", 0},
};

static void judges_claims(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(claims_rows); i++) {
        struct str token =
            sign(HS256, str_of(claims_rows[i].payload), "key", EVP_sha256());
        const char *fault =
            judge(token, STR("key"), claims_rows[i].body,
                  claims_rows[i].now_ms != 0 ? claims_rows[i].now_ms
                                             : BEGINS_S * 1000LL);
        if (strcmp(fault, claims_rows[i].fault) != 0)
            fail_msg("%s: %s", claims_rows[i].label, fault);
    }
    struct str nul = sign(HS256, STR(GOOD "\0x"), "key", EVP_sha256());
    CHECK("NUL behind the payload",
          strcmp(judge(nul, STR("key"), "", BEGINS_S * 1000LL), "malformed") ==
              0);
}

static void judges_headers(void **state)
{
    static const struct {
        const char *label, *header, *fault;
        const EVP_MD *(*algorithm)(void);
    } rows[] = {
        {"HS256", HS256, "ok", EVP_sha256},
        {"HS384", "{\"alg\":\"HS384\"}", "ok", EVP_sha384},
        {"HS512", "{\"alg\":\"HS512\"}", "ok", EVP_sha512},
        {"another than it says", "{\"alg\":\"HS256\"}", "mismatch", EVP_sha512},
        {"none", "{\"alg\":\"none\"}", "algorithm", EVP_sha256},
        {"None", "{\"alg\":\"None\"}", "algorithm", EVP_sha256},
        {"hs256", "{\"alg\":\"hs256\"}", "algorithm", EVP_sha256},
        {"HS1", "{\"alg\":\"HS1\"}", "algorithm", EVP_sha1},
        {"RS256", "{\"alg\":\"RS256\"}", "algorithm", EVP_sha256},
        {"empty", "{\"alg\":\"\"}", "algorithm", EVP_sha256},
        {"missing", "{}", "algorithm", EVP_sha256},
        {"a number", "{\"alg\":256}", "algorithm", EVP_sha256},
        {"ALG", "{\"ALG\":\"HS256\"}", "algorithm", EVP_sha256},
        {"no JSON", "HS256", "malformed", EVP_sha256},
        {"no object", "\"HS256\"", "malformed", EVP_sha256},
        {"bytes behind it", HS256 " x", "malformed", EVP_sha256},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str token =
            sign(rows[i].header, STR(GOOD), "key", rows[i].algorithm());
        const char *fault = judge(token, STR("key"), "", BEGINS_S * 1000LL);
        if (strcmp(fault, rows[i].fault) != 0)
            fail_msg("%s: %s", rows[i].label, fault);
    }
}

static void judges_macs(void **state)
{
    int64_t now_ms = BEGINS_S * 1000LL;
    struct str good = sign(HS256, STR(GOOD), "key", EVP_sha256());
    struct str unkeyed = sign(HS256, STR(GOOD), "", EVP_sha256());
    (void)state;
    assert_string_equal(judge(good, STR("key"), "", now_ms), "ok");
    assert_string_equal(judge(good, STR("other"), "", now_ms), "mismatch");
    assert_string_equal(judge(good, STR("key "), "", now_ms), "mismatch");
    assert_string_equal(judge(unkeyed, STR_NONE, "", now_ms), "mismatch");
    /* No character can change, no end can go missing. */
    for (size_t i = 0; i < good.len; i++) {
        char *bytes = arena_cstr(arena, good);
        bytes[i] = bytes[i] == 'A' ? 'B' : 'A';
        CHECK("a changed character",
              strcmp(judge(str_of(bytes), STR("key"), "", now_ms), "ok") != 0);
        CHECK("cut short",
              strcmp(judge((struct str){good.ptr, i}, STR("key"), "", now_ms),
                     "ok") != 0);
    }
    /* The MAC of other claims. */
    struct str other = sign(HS256, STR("{}"), "key", EVP_sha256());
    struct str rest = other, head = good;
    str_cut(&rest, '.');
    str_cut(&rest, '.');
    head.len -= rest.len;
    struct str mixed =
        arena_printf(arena, "%.*s%.*s", STR_ARG(head), STR_ARG(rest));
    assert_string_equal(judge(mixed, STR("key"), "", now_ms), "mismatch");
}

static void refuses_what_is_no_token(void **state)
{
    struct str good = sign(HS256, STR(GOOD), "key", EVP_sha256());
    const struct {
        const char *label;
        struct str token;
    } rows[] = {
        {"empty", STR_NONE},
        {"a word", STR("token")},
        {"two parts", STR("eyJhbGciOiJIUzI1NiJ9.e30")},
        {"empty MAC", STR("eyJhbGciOiJIUzI1NiJ9.e30.")},
        {"empty payload", STR("eyJhbGciOiJIUzI1NiJ9..e30")},
        {"empty header", STR(".e30.e30")},
        {"only dots", STR("..")},
        {"four parts", arena_printf(arena, "%.*s.e30", STR_ARG(good))},
        {"a dot behind", arena_printf(arena, "%.*s.", STR_ARG(good))},
        {"beyond ASCII in the MAC", STR("eyJhbGciOiJIUzI1NiJ9.e30.ab\xff_")},
        {"padding", arena_printf(arena, "%.*s=", STR_ARG(good))},
        {"a blank behind", arena_printf(arena, "%.*s ", STR_ARG(good))},
        {"a blank before", arena_printf(arena, " %.*s", STR_ARG(good))},
        {"Bearer", arena_printf(arena, "Bearer %.*s", STR_ARG(good))},
        {"plain base64 in the MAC", STR("eyJhbGciOiJIUzI1NiJ9.e30.ab+/")},
        {"bits left over", STR("eyJhbGciOiJIUzI1NiJ9.e30.ab")},
        {"a character left over", STR("eyJhbGciOiJIUzI1NiJ9.e30.abcde")},
        {"NUL", STR("eyJhbGciOiJIUzI1NiJ9.e30.ab\0d")},
        {"header no base64", STR("{}.e30.e30")},
        {"far too long", (struct str){arena_alloc(arena, 1 << 20), 1 << 20}},
        {"deep JSON",
         sign("[[[[[[[[[[[[[[[[[[[[[[[[", STR(GOOD), "key", EVP_sha256())},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *fault =
            judge(rows[i].token, STR("key"), "", BEGINS_S * 1000LL);
        if (strcmp(fault, "malformed") != 0)
            fail_msg("%s: %s", rows[i].label, fault);
    }
}

static void refuses_overlong_tokens(void **state)
{
    struct buffer payload = {0};
    (void)state;
    buffer_printf(&payload, "{" ISS NBF EXP JTI URLH ",\"x\":\"%08000d\"}", 0);
    struct str token = sign(HS256, buffer_view(&payload), "key", EVP_sha256());
    buffer_free(&payload);
    assert_string_equal(judge(token, STR("key"), "", BEGINS_S * 1000LL),
                        "malformed");
}

static void hands_claims_out(void **state)
{
    struct signature_claims claims = {0};
    struct str token = sign(HS256, STR(GOOD), "key", EVP_sha256());
    (void)state;
    assert_int_equal(signature_check(arena, token, STR("key"), STR(URL),
                                     STR_NONE, BEGINS_S * 1000LL, &claims),
                     SIGNATURE_OK);
    assert_true(str_is(claims.jti, "j-1"));
    assert_int_equal(claims.expires_s, EXPIRES_S);
}

static void judge_reference_case(const cJSON *row)
{
    const char *names[] = {"name",    "secret",    "url",
                           "payload", "timestamp", "token"};
    struct str values[COUNT(names)];
    struct signature_claims claims = {0};
    int64_t now_ms = 0;
    for (size_t i = 0; i < COUNT(names); i++)
        values[i] = str_of(cJSON_GetStringValue(
            cJSON_GetObjectItemCaseSensitive(row, names[i])));
    const char *label = values[0].ptr;
    CHECK(label, time_parse(values[4], &now_ms));
    enum signature_fault fault = signature_check(
        arena, values[5], values[1], values[2], values[3], now_ms, &claims);
    bool valid =
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "valid")) != 0;
    if ((fault == SIGNATURE_OK) != valid)
        fail_msg("%s: %s", label, signature_fault_name(fault));
}

static void agrees_with_the_reference(void **state)
{
    static char text[1 << 18];
    const cJSON *row = NULL;
    int rows = 0;
    (void)state;
    FILE *in = fopen(REFERENCE, "re");
    if (in == NULL) {
        print_message("no %s: skipped\n", REFERENCE);
        skip();
    }
    size_t len = fread(text, 1, sizeof(text) - 1, in);
    fclose(in);
    cJSON *json = cJSON_ParseWithLength(text, len);
    assert_non_null(json);
    cJSON_ArrayForEach(row, json)
    {
        judge_reference_case(row);
        rows++;
    }
    cJSON_Delete(json);
    assert_int_equal(rows, 43);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(judges_claims, begin, end),
        cmocka_unit_test_setup_teardown(judges_headers, begin, end),
        cmocka_unit_test_setup_teardown(judges_macs, begin, end),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_token, begin, end),
        cmocka_unit_test_setup_teardown(refuses_overlong_tokens, begin, end),
        cmocka_unit_test_setup_teardown(hands_claims_out, begin, end),
        cmocka_unit_test_setup_teardown(agrees_with_the_reference, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
