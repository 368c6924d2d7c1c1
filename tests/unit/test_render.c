#include "tests/unit/check.h"

#include "gateway/render.h"

struct row {
    const char *label, *page, *values, *shown;
};

static const struct row rows[] = {
    {"plain text", "a {b} }} c", "{}", "a {b} }} c"},
    {"an empty page", "", "{}", ""},
    {"a value", "<p>{{name}}</p>", "{\"name\":\"Ann\"}", "<p>Ann</p>"},
    {"escaped", "{{v}}", "{\"v\":\"<a href=\\\"x\\\" b='y'>&amp;\"}",
     "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;"},
    {"a value is never read as a page", "{{v}}", "{\"v\":\"{{w}}\",\"w\":1}",
     "{{w}}"},
    {"numbers", "{{a}} {{b}} {{c}}", "{\"a\":0,\"b\":1537806659000,\"c\":1.5}",
     "0 1537806659000 1.5"},
    {"words for true and false", "{{a}} {{b}}", "{\"a\":true,\"b\":false}",
     "true false"},
    {"missing, null, list and object show nothing", "[{{a}}{{b}}{{c}}{{d}}]",
     "{\"b\":null,\"c\":[1],\"d\":{}}", "[]"},
    {"a list", "{{#l}}<{{n}}>{{/l}}", "{\"l\":[{\"n\":1},{\"n\":2}]}",
     "<1><2>"},
    {"an empty list", "{{#l}}x{{/l}}{{^l}}none{{/l}}", "{\"l\":[]}", "none"},
    {"outwards", "{{#l}}{{n}}{{p}} {{/l}}",
     "{\"p\":\"!\",\"n\":0,\"l\":[{\"n\":1},{}]}", "1! 0! "},
    {"the innermost wins, null too", "{{#o}}[{{n}}]{{/o}}",
     "{\"n\":1,\"o\":{\"n\":null}}", "[]"},
    {"an object is shown once", "{{#o}}{{n}}{{/o}}", "{\"o\":{\"n\":1}}", "1"},
    {"true and text, once", "{{#a}}x{{/a}}{{#b}}y{{b}}{{/b}}",
     "{\"a\":true,\"b\":\"z\"}", "xyz"},
    {"zero is a value", "{{#a}}x{{/a}}{{^a}}y{{/a}}", "{\"a\":0}", "x"},
    {"false, empty, null and missing are not",
     "{{#a}}x{{/a}}{{#b}}x{{/b}}{{#c}}x{{/c}}{{#d}}x{{/d}}"
     "{{^a}}1{{/a}}{{^b}}2{{/b}}{{^c}}3{{/c}}{{^d}}4{{/d}}",
     "{\"a\":false,\"b\":\"\",\"c\":null}", "1234"},
    {"sections in sections", "{{#a}}({{#a}}{{n}}{{/a}}{{^x}}-{{/x}}){{/a}}",
     "{\"a\":[{\"n\":1,\"a\":[{\"n\":2},{\"n\":3}]}]}", "(23-)"},
    {"lists of plain values repeat", "{{#l}}x{{/l}}", "{\"l\":[1,2,3]}", "xxx"},
    {"case counts", "{{name}}", "{\"Name\":\"x\"}", ""},
};

static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena *arena = arena_new();
        cJSON *values = cJSON_Parse(rows[i].values);
        CHECK(rows[i].label, values != NULL);
        struct str got = render(arena, str_of(rows[i].page), values);
        if (!str_is(got, rows[i].shown))
            fail_msg("%s: %s expected, got %.*s", rows[i].label, rows[i].shown,
                     STR_ARG(got));
        cJSON_Delete(values);
        arena_destroy(&arena);
    }
}

/* A page is not NUL-terminated, and may be cut out of something larger. */
static void test_a_part_of_a_text(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct str got = render(arena, (struct str){"ab{{#c}}", 2}, NULL);
    assert_true(str_is(got, "ab"));
    arena_destroy(&arena);
}

static void test_many_items(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    cJSON *values = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(values, "list");
    for (int i = 0; i < 10000; i++) {
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "text", "<&>");
        (void)cJSON_AddItemToArray(list, item);
    }
    struct str got = render(arena, STR("{{#list}}{{text}}\n{{/list}}"), values);
    assert_int_equal(got.len, 10000 * 14);
    cJSON_Delete(values);
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_a_part_of_a_text),
        cmocka_unit_test(test_many_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
