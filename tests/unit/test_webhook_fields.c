#include "tests/unit/check.h"

#include "gateway/webhook_fields.h"

static const int64_t WRITTEN_MS = 1537777859000; /* 2018-09-24T08:30:59Z */

static void parse(struct params *params, struct arena *arena, const char *form)
{
    struct str fault;
    assert_true(params_parse_form(params, arena, str_of(form), &fault));
}

/* One row of the documentation, as the provider sends it. */
static const char documented[] =
    "message_id=7a76afea&id=f91908b7&originator=16132093477&"
    "sender=16132093477&recipient=14708000894&receiver=14708000894&"
    "payload=this+is+a+test&body=this+is+a+test&message=this+is+a+test&"
    "reference=47749346971&createdDatetime=2018-09-24T08%3A30%3A59%2B00%3A00&"
    "date=1537806659&date_utc=1537777859&mms=false";

static const struct {
    const char *label, *form;
    const char *id, *from, *to, *text;
    int64_t created;
} texts[] = {
    {"documented", documented, "7a76afea", "16132093477", "14708000894",
     "this is a test", WRITTEN_MS},
    {"old names", "sender=16132093477&receiver=14708000894&body=a", "",
     "16132093477", "14708000894", "a", 0},
    {"shortcode", "originator=16132093477&shortcode=14708000894&message=a", "",
     "16132093477", "14708000894", "a", 0},
    {"oldest names", "recipient=14708000894&incomingMessage=a", "", "",
     "14708000894", "a", 0},
    {"the last of a key wins", "id=1&id=2&recipient=14708000894&body=a&body=b",
     "2", "", "14708000894", "b", 0},
    {"an empty name does not hide another",
     "recipient=&receiver=14708000894&payload=&body=a&message_id=&id=3", "3",
     "", "14708000894", "a", 0},
    {"with a plus",
     "originator=%2B16132093477&recipient=+14708000894&"
     "body=a",
     "", "16132093477", "14708000894", "a", 0},
    {"a word for a sender", "originator=BANK&recipient=14708000894&body=a", "",
     "", "14708000894", "a", 0},
    {"a short code for a number",
     "originator=16132093477&recipient=1008&"
     "body=a",
     "", "16132093477", "", "a", 0},
    {"a raw plus in the time",
     "recipient=14708000894&body=a&"
     "createdDatetime=2018-09-24T08:30:59+00:00",
     "", "", "14708000894", "a", WRITTEN_MS},
    {"the time in seconds", "recipient=14708000894&body=a&date_utc=1537777859",
     "", "", "14708000894", "a", WRITTEN_MS},
    {"an odd time",
     "recipient=14708000894&body=a&createdDatetime=soon&"
     "date_utc=1537777859",
     "", "", "14708000894", "a", WRITTEN_MS},
    {"local time tells nothing", "recipient=14708000894&body=a&date=1537806659",
     "", "", "14708000894", "a", 0},
    {"a time before all times", "recipient=14708000894&body=a&date_utc=-5", "",
     "", "14708000894", "a", 0},
    {"seconds past all times",
     "recipient=14708000894&body=a&date_utc=9223372036854775807", "", "",
     "14708000894", "a", 0},
};

static void texts_are_read(void **state)
{
    struct arena *arena = arena_new();
    static struct params params;
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct msg_sms_received got = {.created = 0};
        struct problem problem;
        parse(&params, arena, texts[i].form);
        CHECK(texts[i].label, webhook_text(arena, &params, &got, &problem));
        CHECK(texts[i].label, str_is(got.id, texts[i].id));
        CHECK(texts[i].label, str_is(got.from, texts[i].from));
        CHECK(texts[i].label, str_is(got.to, texts[i].to));
        CHECK(texts[i].label, str_is(got.text, texts[i].text));
        CHECK(texts[i].label, got.created == texts[i].created);
    }
    arena_destroy(&arena);
}

static void texts_are_refused(void **state)
{
    static const struct {
        const char *label, *form;
        size_t filling; /* letters behind the form */
        enum problem_code code;
        const char *field;
    } rows[] = {
        {"nothing", "", 0, PROBLEM_missing, "recipient"},
        {"no recipient", "originator=1&body=a", 0, PROBLEM_missing,
         "recipient"},
        {"no text", "recipient=14708000894", 0, PROBLEM_missing, "payload"},
        {"an empty text", "recipient=14708000894&body=", 0, PROBLEM_missing,
         "payload"},
        {"a long text", "recipient=14708000894&body=", WEBHOOK_TEXT_MOST + 1,
         PROBLEM_too_long, "payload"},
        {"a long id", "recipient=14708000894&body=a&id=", WEBHOOK_ID_MOST + 1,
         PROBLEM_too_long, "message_id"},
    };
    struct arena *arena = arena_new();
    static struct params params;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct msg_sms_received got = {.created = 0};
        struct problem problem = {PROBLEM_internal, STR_NONE, 0};
        char *filling = arena_alloc(arena, rows[i].filling + 1);
        memset(filling, 'x', rows[i].filling);
        parse(&params, arena,
              arena_printf(arena, "%s%s", rows[i].form, filling).ptr);
        CHECK(rows[i].label, !webhook_text(arena, &params, &got, &problem));
        CHECK(rows[i].label, problem.code == rows[i].code);
        CHECK(rows[i].label, str_is(problem.field, rows[i].field));
    }
    arena_destroy(&arena);
}

static void calls_are_read(void **state)
{
    static const struct {
        const char *label, *query, *from, *to;
    } rows[] = {
        {"documented",
         "callID=2894efe1&destination=14708000894&numberID=272cca7c&"
         "source=31612345678&variables={}",
         "31612345678", "14708000894"},
        {"hidden", "source=Restricted&destination=14708000894", "",
         "14708000894"},
        {"empty", "source=&destination=14708000894", "", "14708000894"},
        {"nothing", "", "", ""},
        {"too short", "source=112&destination=14708000894", "", "14708000894"},
        {"words", "source=sip:me@example.org&destination=x", "", ""},
    };
    struct arena *arena = arena_new();
    static struct params params;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct msg_call_received got = {.end_ = 0};
        parse(&params, arena, rows[i].query);
        webhook_call(arena, &params, &got);
        CHECK(rows[i].label, str_is(got.from, rows[i].from));
        CHECK(rows[i].label, str_is(got.to, rows[i].to));
    }
    arena_destroy(&arena);
}

static void reports_are_read(void **state)
{
    static const struct {
        const char *label, *query;
        const char *reference, *status; /* NULL: refused */
        int64_t at;
        enum problem_code code;
        const char *field;
    } rows[] = {
        {"documented",
         "id=e8077d80&reference=17-abc&recipient=31612345678&"
         "status=delivered&statusDatetime=2018-09-24T08%3A30%3A59%2B00%3A00&"
         "mccmnc=20409&ported=0&price[amount]=0.1",
         "17-abc", "delivered", WRITTEN_MS, PROBLEM_internal, ""},
        {"no time", "reference=17-abc&status=sent", "17-abc", "sent", 0,
         PROBLEM_internal, ""},
        {"an odd time", "reference=17-abc&status=sent&statusDatetime=soon",
         "17-abc", "sent", 0, PROBLEM_internal, ""},
        {"no reference", "status=sent", NULL, NULL, 0, PROBLEM_missing,
         "reference"},
        {"no status", "reference=17-abc", NULL, NULL, 0, PROBLEM_missing,
         "status"},
    };
    struct arena *arena = arena_new();
    static struct params params;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct msg_report got = {.at = 0};
        struct problem problem = {PROBLEM_internal, STR_NONE, 0};
        bool taken = rows[i].reference != NULL;
        parse(&params, arena, rows[i].query);
        CHECK(rows[i].label, webhook_report(&params, &got, &problem) == taken);
        CHECK(rows[i].label, problem.code == rows[i].code);
        CHECK(rows[i].label, str_is(problem.field, rows[i].field));
        if (!taken)
            continue;
        CHECK(rows[i].label, str_is(got.reference, rows[i].reference));
        CHECK(rows[i].label, str_is(got.status, rows[i].status));
        CHECK(rows[i].label, got.at == rows[i].at);
    }
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read),
        cmocka_unit_test(texts_are_refused),
        cmocka_unit_test(calls_are_read),
        cmocka_unit_test(reports_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
