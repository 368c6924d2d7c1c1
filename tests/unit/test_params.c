#include "tests/unit/check.h"

#include <stdlib.h>

#include "gateway/params.h"

/* The names and values that came of `raw`, as "name=value;…" with a mark for
 * every kind but text; or "!" and the name at fault. */
static struct str told(struct arena *arena, struct str raw, bool json)
{
    static const char *const marks[] = {"", "#", "?", "-"};
    struct params params;
    struct str fault = STR("unset");
    struct str out = STR("");
    bool good = json ? params_parse_json(&params, arena, raw, &fault)
                     : params_parse_form(&params, arena, raw, &fault);
    if (!good)
        return arena_printf(arena, "!%.*s", STR_ARG(fault));
    for (size_t i = 0; i < params.count; i++)
        out = arena_printf(arena, "%.*s%.*s=%s%.*s;", STR_ARG(out),
                           STR_ARG(params.items[i].name),
                           marks[params.items[i].kind],
                           STR_ARG(params.items[i].value));
    return out;
}

struct row {
    const char *label;
    struct str raw;
    const char *told;
};

#define ROW(label, raw, told)                                                  \
    {                                                                          \
        label, {raw, sizeof(raw) - 1}, told                                    \
    }

static void check_rows(const struct row *rows, size_t count, bool json)
{
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new();
        struct str got = told(arena, rows[i].raw, json);
        if (!str_is(got, rows[i].told))
            fail_msg("%s: %s expected, got %.*s", rows[i].label, rows[i].told,
                     STR_ARG(got));
        arena_destroy(&arena);
    }
}

static void test_forms(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW("nothing", "", ""),
        ROW("one", "a=1", "a=1;"),
        ROW("empty value, no value", "a=&b", "a=;b=;"),
        ROW("empty name", "=1", "=1;"),
        ROW("stray separators", "&&a=1&&b=2&", "a=1;b=2;"),
        ROW("an equals sign in the value", "a=b=c", "a=b=c;"),
        ROW("plus and escapes", "a+b=c+d%2B%3d%26", "a b=c d+=&;"),
        ROW("UTF-8", "a=%C3%A9\xc3\xa9", "a=\xc3\xa9\xc3\xa9;"),
        ROW("repeated, all kept", "a=1&a=2", "a=1;a=2;"),
        ROW("a bracketed name", "price[amount]=1", "price[amount]=1;"),
        ROW("an escape cut short", "x=1&a=%4", "!a"),
        ROW("a bare percent sign", "a=%", "!a"),
        ROW("an escape that is no hex", "a=%4g", "!a"),
        ROW("a NUL", "a=1%002", "!a"),
        ROW("a raw NUL", "a=1\0", "!a"),
        ROW("a NUL in a name", "a%00b=1", "!"),
        ROW("a broken escape in a name", "%zz=1", "!"),
        ROW("no UTF-8", "a=%ff", "!a"),
        ROW("overlong UTF-8", "a=%c0%80", "!a"),
        ROW("a surrogate", "a=%ed%a0%80", "!a"),
    };
    check_rows(rows, COUNT(rows), false);
}

static void test_json(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW("empty object", "{}", ""),
        ROW("white space around", " \r\n{ \"a\" : \"1\" } \n", "a=1;"),
        ROW("each kind",
            "{\"a\":\"x\",\"b\":1,\"c\":[1],\"d\":{\"e\":2},\"f\":null,"
            "\"g\":true,\"h\":false}",
            "a=x;b=#1;c=?;d=?;f=-;g=?true;h=?false;"),
        ROW("a number as it was written",
            "{\"a\":31612345678,\"b\": -1.50 ,\"c\":1e3,"
            "\"d\":12345678901234567890}",
            "a=#31612345678;b=#-1.50;c=#1e3;d=#12345678901234567890;"),
        ROW("numbers behind what holds commas and braces",
            "{\"a\":\"},\\\"{:\",\"b\":[1,{\"c\":2}],\"d\":3}",
            "a=},\"{:;b=?;d=#3;"),
        ROW("repeated, all kept", "{\"a\":1,\"a\":2}", "a=#1;a=#2;"),
        ROW("escapes", "{\"a\":\"\\u00e9\\n\\ud83d\\ude97\"}",
            "a=\xc3\xa9\n\xf0\x9f\x9a\x97;"),
        ROW("eight deep", "{\"a\":[[[[[[[1]]]]]]]}", "a=?;"),
        ROW("nine deep", "{\"a\":[[[[[[[[1]]]]]]]]}", "!"),
        ROW("an escaped NUL", "{\"b\":1,\"a\":\"x\\u0000y\"}", "!a"),
        ROW("an escaped NUL in a list", "{\"b\":1,\"a\":[1,\"\\u0000\"]}",
            "!a"),
        ROW("an escaped NUL in a name", "{\"a\\u0000b\":\"x\"}", "!"),
        ROW("an escaped backslash before u0000", "{\"a\":\"\\\\u0000\"}",
            "a=\\u0000;"),
        ROW("a raw NUL", "{\"a\":\"x\0y\"}", "!"),
        ROW("a NUL behind the end", "{\"a\":1}\0", "!"),
        ROW("bytes behind the end", "{\"a\":1}x", "!"),
        ROW("two objects", "{}{}", "!"),
        ROW("bad UTF-8", "{\"a\":\"\xff\"}", "!"),
        ROW("half a surrogate pair", "{\"a\":\"\\ud83d\"}", "!"),
        ROW("a list", "[1]", "!"),
        ROW("a string", "\"a\"", "!"),
        ROW("a number", "1", "!"),
        ROW("nothing", "", "!"),
        ROW("white space only", "  ", "!"),
        ROW("cut short", "{\"a\":1", "!"),
        ROW("a string cut short", "{\"a\":\"x", "!"),
        ROW("an escape cut short", "{\"a\":\"\\u00", "!"),
        ROW("closed twice", "{}}", "!"),
        ROW("a comma too many", "{\"a\":1,}", "!"),
        ROW("no colon", "{\"a\"}", "!"),
        ROW("a colon too many", "{\"a\":1:2}", "!"),
        ROW("no quotes", "{a:1}", "!"),
    };
    check_rows(rows, COUNT(rows), true);
}

static void test_repeated_names(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct params params;
    struct str fault;
    assert_true(params_parse_form(
        &params, arena, STR("id=1&body=x&body=&body=y&id=2"), &fault));
    assert_true(str_is(params_get(&params, "id"), "2"));
    assert_true(str_is(params_get(&params, "body"), "y"));
    assert_null(params_find(&params, "i"));
    assert_int_equal(params_get(&params, "ids").len, 0);
    arena_destroy(&arena);
}

static bool parse_many(size_t count, bool json)
{
    struct arena *arena = arena_new();
    struct params params;
    struct str fault;
    struct buffer raw = {0};
    buffer_printf(&raw, "%s", json ? "{" : "");
    for (size_t i = 0; i < count; i++)
        buffer_printf(&raw, json ? "%s\"a%zu\":%zu" : "%sa%zu=%zu",
                      i == 0 ? "" : (json ? "," : "&"), i, i);
    buffer_printf(&raw, "%s", json ? "}" : "");
    bool good =
        json ? params_parse_json(&params, arena, buffer_view(&raw), &fault)
             : params_parse_form(&params, arena, buffer_view(&raw), &fault);
    assert_true(!good || params.count == count);
    assert_true(!good || str_is(params_get(&params, "a99"), "99"));
    buffer_free(&raw);
    arena_destroy(&arena);
    return good;
}

static void test_how_many(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        assert_true(parse_many(PARAMS_MOST, json));
        assert_false(parse_many(PARAMS_MOST + 1, json));
        assert_false(parse_many(5000, json));
    }
}

static size_t dice(size_t sides)
{
    static uint64_t seed = 1;
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (size_t)(seed >> 33) % sides;
}

/* Bytes that nobody thought of: no crash, and nothing read past the end (the
 * copy is as long as it says, so that a sanitizer sees). */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[]\",:\\u0d8e1a%+&= \xc3\xa9\xff";
    for (int round = 0; round < 20000; round++) {
        struct arena *arena = arena_new();
        size_t len = dice(40);
        char *bytes = xmalloc(len);
        for (size_t i = 0; i < len; i++)
            bytes[i] = alphabet[dice(sizeof(alphabet))];
        (void)told(arena, (struct str){bytes, len}, round % 2 == 0);
        free(bytes);
        arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),          cmocka_unit_test(test_json),
        cmocka_unit_test(test_repeated_names), cmocka_unit_test(test_how_many),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
