#include "tests/unit/check.h"

#include "gateway/flow.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define SAY XML "<Say language=\"nl-NL\" voice=\"female\">"

static void formats_are_chosen(void **state)
{
    static const struct {
        const char *label, *accept;
        enum flow_format otherwise, chosen;
    } rows[] = {
        {"no header", "", FLOW_XML, FLOW_XML},
        {"no header, json set", "", FLOW_JSON, FLOW_JSON},
        {"anything", "*/*", FLOW_XML, FLOW_XML},
        {"json", "application/json", FLOW_XML, FLOW_JSON},
        {"json in capitals", "Application/JSON", FLOW_XML, FLOW_JSON},
        {"xml", "application/xml", FLOW_XML, FLOW_XML},
        {"json is set, whatever is asked", "application/xml", FLOW_JSON,
         FLOW_JSON},
        {"both alike", "application/json, application/xml", FLOW_XML, FLOW_XML},
        {"json rather", "application/xml;q=0.5, application/json", FLOW_XML,
         FLOW_JSON},
        {"xml rather", "application/json;q=0.9,application/xml;q=0.91",
         FLOW_XML, FLOW_XML},
        {"text/xml rather", "application/json;q=0.1, text/xml", FLOW_XML,
         FLOW_XML},
        {"json never", "application/json;q=0", FLOW_XML, FLOW_XML},
        {"json a little", "application/json; q=0.001", FLOW_XML, FLOW_JSON},
        {"other parameters", "application/json;charset=utf-8;q=1.000", FLOW_XML,
         FLOW_JSON},
        {"an odd quality counts as 1", "application/json;q=much", FLOW_XML,
         FLOW_JSON},
        {"commas alone", ",,;,", FLOW_XML, FLOW_XML},
        {"a longer name", "application/jsonp", FLOW_XML, FLOW_XML},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(rows[i].label,
              flow_format_of(str_of(rows[i].accept), rows[i].otherwise) ==
                  rows[i].chosen);
    assert_string_equal(flow_content_type(FLOW_XML), "application/xml");
    assert_string_equal(flow_content_type(FLOW_JSON), "application/json");
}

static void flows_are_rendered(void **state)
{
    static const struct {
        const char *label;
        struct msg_call_flow flow;
        const char *xml, *json;
    } rows[] = {
        {"transfer",
         {.action = {"transfer", 8}, .destination = {"31612345678", 11}},
         XML "<Transfer destination=\"31612345678\" mask=\"true\" />",
         "{\"title\":\"BirdCar\",\"steps\":[{\"action\":\"transfer\","
         "\"options\":{\"destination\":\"31612345678\",\"mask\":true}}]}"},
        {"say",
         {.action = {"say", 3},
          .language = {"nl-NL", 5},
          .words = {"Sorry.", 6}},
         SAY "Sorry.</Say>",
         "{\"title\":\"BirdCar\",\"steps\":[{\"action\":\"say\",\"options\":"
         "{\"payload\":\"Sorry.\",\"language\":\"nl-NL\","
         "\"voice\":\"female\"}}]}"},
        {"marks are escaped",
         {.action = {"say", 3},
          .language = {"nl-NL", 5},
          .words = {"<a> & \"b\" 'c'\n", 14}},
         SAY "&lt;a&gt; &amp; &quot;b&quot; &#39;c&#39; </Say>",
         "{\"title\":\"BirdCar\",\"steps\":[{\"action\":\"say\",\"options\":"
         "{\"payload\":\"<a> & \\\"b\\\" 'c'\\n\",\"language\":\"nl-NL\","
         "\"voice\":\"female\"}}]}"},
        {"what XML cannot hold",
         {.action = {"say", 3},
          .language = {"nl-NL", 5},
          .words = {"a\x01\x1f\xc3\xa9", 5}},
         SAY "a  \xc3\xa9</Say>",
         "{\"title\":\"BirdCar\",\"steps\":[{\"action\":\"say\",\"options\":"
         "{\"payload\":\"a\\u0001\\u001f\xc3\xa9\",\"language\":\"nl-NL\","
         "\"voice\":\"female\"}}]}"},
        {"a transfer to nobody is a say",
         {.action = {"transfer", 8},
          .language = {"nl-NL", 5},
          .words = {"Sorry.", 6}},
         SAY "Sorry.</Say>",
         "{\"title\":\"BirdCar\",\"steps\":[{\"action\":\"say\",\"options\":"
         "{\"payload\":\"Sorry.\",\"language\":\"nl-NL\","
         "\"voice\":\"female\"}}]}"},
    };
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(rows[i].label,
              str_is(flow_render(arena, FLOW_XML, &rows[i].flow), rows[i].xml));
        CHECK(
            rows[i].label,
            str_is(flow_render(arena, FLOW_JSON, &rows[i].flow), rows[i].json));
    }
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_chosen),
        cmocka_unit_test(flows_are_rendered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
