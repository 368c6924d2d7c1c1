#include "tests/unit/check.h"

#include <cjson/cJSON.h>

#include "notifier/provider_messagebird.h"
#include "shared/timestamp.h"

static const struct provider *const provider = &provider_messagebird;
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static const struct settings settings = {.api_key = "test_key",
                                         .api_url = "https://api.example"};
#define WORD(literal)                                                          \
    {                                                                          \
        literal, sizeof(literal) - 1                                           \
    }

static const struct outgoing text = {
    .reference = WORD("17-abc"),
    .from = WORD("31970000000"),
    .to = WORD("31612345678"),
    .text = WORD("a \"quoted\" \\ line\nand \xe2\x82\xac"),
    .report_url = WORD("https://own.example/webhook-status?mac=x")};

static const char *field(const cJSON *json, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static void test_request(void **state)
{
    (void)state;
    struct web_request out;
    provider->ask_send(&settings, arena, &text, &out);
    assert_string_equal(out.url, "https://api.example/messages");
    assert_string_equal(out.headers[0], "Authorization: AccessKey test_key");
    cJSON *json = cJSON_ParseWithLength(out.body.ptr, out.body.len);
    assert_non_null(json);
    assert_string_equal(field(json, "originator"), "31970000000");
    assert_string_equal(field(json, "body"), text.text.ptr);
    assert_string_equal(field(json, "datacoding"), "auto");
    assert_string_equal(field(json, "reference"), "17-abc");
    assert_string_equal(field(json, "reportUrl"), text.report_url.ptr);
    const cJSON *to = cJSON_GetObjectItemCaseSensitive(json, "recipients");
    assert_int_equal(cJSON_GetArraySize(to), 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(to, 0)),
                        "31612345678");
    cJSON_Delete(json);
}

#define ERROR(code) "{\"errors\":[{\"code\":" #code ",\"parameter\":null}]}"

static const struct answer {
    const char *label;
    int status;
    enum attempt_fate fate;
    const char *body;
    int64_t retry_after_ms, least_ms;
    enum trouble trouble;
} answers[] = {
    {"created", 201, SENT, "{}", -1, 0, TROUBLE_NONE},
    {"ok", 200, SENT, "", -1, 0, TROUBLE_NONE},
    {"any 2xx, whatever its body", 204, SENT, "<", -1, 0, TROUBLE_NONE},
    {"malformed", 400, FINAL, ERROR(21), -1, 0, TROUBLE_NONE},
    {"not found", 404, FINAL, ERROR(20), -1, 0, TROUBLE_NONE},
    {"wrong method", 405, FINAL, "", -1, 0, TROUBLE_NONE},
    {"refused", 422, FINAL, ERROR(10), -1, 0, TROUBLE_NONE},
    {"refused, no JSON", 422, FINAL, "no", -1, 0, TROUBLE_NONE},
    {"refused, no body", 422, FINAL, "", -1, 0, TROUBLE_NONE},
    {"refused, odd JSON", 422, FINAL, "{\"errors\":{\"code\":[25]}}", -1, 0,
     TROUBLE_NONE},
    {"too slow for it", 408, IN_DOUBT, "", -1, 0, TROUBLE_AWAY},
    {"too fast", 429, NOT_SENT_RETRY, "", 7000, 7000, TROUBLE_LIMIT},
    {"too fast, not said when", 429, NOT_SENT_RETRY, "", -1, -1, TROUBLE_LIMIT},
    {"too fast, whatever the code", 429, NOT_SENT_RETRY, ERROR(25), -1, -1,
     TROUBLE_LIMIT},
    {"its fault", 500, IN_DOUBT, ERROR(99), -1, -1, TROUBLE_AWAY},
    {"away for a while", 503, IN_DOUBT, "", 2000, 2000, TROUBLE_AWAY},
    {"gateway", 502, IN_DOUBT, "<html>", -1, -1, TROUBLE_AWAY},
};

/* A person must act, and no text is lost until then. */
static const struct answer account_answers[] = {
    {"elsewhere", 302, NOT_SENT_RETRY, "", -1, 0, TROUBLE_ACCOUNT},
    {"wrong key", 401, NOT_SENT_RETRY, ERROR(2), -1, 0, TROUBLE_ACCOUNT},
    {"forbidden", 403, NOT_SENT_RETRY, "", -1, 0, TROUBLE_ACCOUNT},
    {"no balance", 422, NOT_SENT_RETRY, ERROR(25), -1, 30000, TROUBLE_ACCOUNT},
    {"payment required", 402, NOT_SENT_RETRY, "", -1, 30000, TROUBLE_ACCOUNT},
};

static void check_answer(const struct answer *a, bool advice)
{
    struct web_reply reply = {.status = a->status,
                              .body = str_of(a->body),
                              .retry_after_ms = a->retry_after_ms};
    struct verdict v = provider->read_send(&reply);
    CHECK(a->label, v.fate == a->fate);
    CHECK(a->label, v.least_ms == a->least_ms);
    CHECK(a->label, (v.advice != NULL) == advice);
    CHECK(a->label, v.reason != NULL);
    CHECK(a->label, v.trouble == a->trouble);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++)
        check_answer(&answers[i], false);
    for (size_t i = 0; i < COUNT(account_answers); i++)
        check_answer(&account_answers[i], true);
}

static void test_no_answer(void **state)
{
    (void)state;
    struct web_reply none = {.fate = WEB_NOT_SENT};
    assert_int_equal(provider->read_send(&none).fate, NOT_SENT_RETRY);
    assert_int_equal(provider->read_send(&none).trouble, TROUBLE_AWAY);
    struct web_reply cut = {.fate = WEB_UNKNOWN};
    assert_int_equal(provider->read_send(&cut).fate, IN_DOUBT);
    assert_int_equal(provider->read_send(&cut).trouble, TROUBLE_AWAY);
}

static void test_look_request(void **state)
{
    (void)state;
    struct web_request out;
    provider->ask_look(&settings, arena, &text, 2, &out);
    assert_string_equal(out.url, "https://api.example/messages?originator="
                                 "31970000000&direction=mt&limit=100"
                                 "&offset=200");
    assert_null(out.body.ptr);
}

#define ITEM(reference, created)                                               \
    "{\"reference\":" reference ",\"createdDatetime\":\"" created "\"}"
#define LIST(items) "{\"offset\":0,\"items\":[" items "]}"
#define LATER "2026-01-02T10:00:09+00:00"
#define OLD "2026-01-02T09:58:59Z"
#define OURS ITEM("\"17-abc\"", "2026-01-02T10:00:01Z")
#define TEN(x) x x x x x x x x x x

static void test_look(void **state)
{
    (void)state;
    int64_t since = 0;
    assert_true(time_parse(STR("2026-01-02T10:00:00Z"), &since));
    static const struct {
        const char *label, *body;
        int status;
        enum look look;
    } rows[] = {
        {"there", LIST(OURS), 200, LOOK_FOUND},
        {"not the first",
         LIST(ITEM("null", LATER) "," ITEM("\"17-xyz\"", LATER) "," OURS), 200,
         LOOK_FOUND},
        {"none", LIST(""), 200, LOOK_ABSENT},
        {"a longer one", LIST(ITEM("\"17-abcd\"", LATER)), 200, LOOK_ABSENT},
        {"behind what is too old", LIST(ITEM("\"a\"", OLD) "," OURS), 200,
         LOOK_ABSENT},
        {"behind what is a little older",
         LIST(ITEM("\"a\"", "2026-01-02T09:59:01Z") "," OURS), 200, LOOK_FOUND},
        {"a full page", LIST(TEN(TEN("{\"id\":\"x\"},")) "null"), 200,
         LOOK_MORE},
        {"odd ones", LIST("1,[],{\"reference\":7}"), 200, LOOK_ABSENT},
        {"no list", "{\"items\":{}}", 200, LOOK_FAILED},
        {"no JSON", "<html>", 200, LOOK_FAILED},
        {"nothing", "", 200, LOOK_FAILED},
        {"cut in the middle", "{\"items\":[{\"reference\":", 200, LOOK_FAILED},
        {"not found", LIST(""), 404, LOOK_FAILED},
        {"its fault", LIST(""), 500, LOOK_FAILED},
    };
    struct verdict why;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct web_reply reply = {.status = rows[i].status,
                                  .body = str_of(rows[i].body)};
        CHECK(rows[i].label,
              provider->read_look(&reply, &text, since, &why) == rows[i].look);
    }
    struct web_reply cut = {.fate = WEB_UNKNOWN};
    assert_int_equal(provider->read_look(&cut, &text, since, &why),
                     LOOK_FAILED);
    assert_int_equal(why.trouble, TROUBLE_AWAY);
}

/* A look-up that fails tells of the account what an attempt would. */
static void test_failed_look(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        int status;
        enum trouble trouble;
    } rows[] = {{"odd", 200, TROUBLE_NONE},
                {"not found", 404, TROUBLE_NONE},
                {"its fault", 500, TROUBLE_AWAY},
                {"too fast", 429, TROUBLE_LIMIT},
                {"wrong key", 401, TROUBLE_ACCOUNT}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct web_reply reply = {.status = rows[i].status, .body = STR("{}")};
        struct verdict why;
        CHECK(rows[i].label,
              provider->read_look(&reply, &text, 0, &why) == LOOK_FAILED);
        CHECK(rows[i].label, why.trouble == rows[i].trouble);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request, set_up, tear_down),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test_setup_teardown(test_look_request, set_up, tear_down),
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_failed_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
