#include "tests/unit/check.h"

#include "shared/str.h"

#include <stdlib.h>

static void trims(void **state)
{
    static const struct {
        const char *label, *in, *out;
    } rows[] = {
        {"nothing to do", "a b", "a b"},
        {"both ends", " \t\r\n a b \n", "a b"},
        {"only blanks", " \n ", ""},
        {"one blank", " ", ""},
        {"empty", "", ""},
        {"other control bytes stay", "\va\f", "\va\f"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(rows[i].label, str_is(str_trim(str_of(rows[i].in)), rows[i].out));
    CHECK("none", str_trim(STR_NONE).len == 0);
}

static void cuts(void **state)
{
    static const struct {
        const char *label, *in, *head, *rest;
    } rows[] = {
        {"first of two", "a,b,c", "a", "b,c"},
        {"none: all of it", "abc", "abc", ""},
        {"empty head", ",a", "", "a"},
        {"empty rest", "a,", "a", ""},
        {"only the mark", ",", "", ""},
        {"empty", "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str rest = str_of(rows[i].in);
        CHECK(rows[i].label, str_is(str_cut(&rest, ','), rows[i].head));
        CHECK(rows[i].label, str_is(rest, rows[i].rest));
    }
    struct str none = STR_NONE;
    CHECK("none", str_cut(&none, ',').len == 0 && none.len == 0);
}

static void reads_numbers(void **state)
{
    static const struct {
        const char *label, *in;
        bool good;
        int64_t out;
    } rows[] = {
        {"zero", "0", true, 0},
        {"some", "4711", true, 4711},
        {"minus", "-12", true, -12},
        {"leading zeros", "007", true, 7},
        {"largest", "9223372036854775807", true, INT64_MAX},
        {"smallest", "-9223372036854775808", true, INT64_MIN},
        {"one too large", "9223372036854775808", false, 0},
        {"one too small", "-9223372036854775809", false, 0},
        {"far too large", "99999999999999999999999999", false, 0},
        {"empty", "", false, 0},
        {"only a sign", "-", false, 0},
        {"two signs", "--1", false, 0},
        {"plus", "+1", false, 0},
        {"blank before", " 1", false, 0},
        {"blank behind", "1 ", false, 0},
        {"point", "1.5", false, 0},
        {"hexadecimal", "0x10", false, 0},
        {"word", "one", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t out = -77;
        bool good = str_to_num(str_of(rows[i].in), &out);
        CHECK(rows[i].label, good == rows[i].good);
        CHECK(rows[i].label, out == (rows[i].good ? rows[i].out : -77));
    }
    int64_t out = 0;
    CHECK("NUL inside", !str_to_num(STR("1\0002"), &out));
}

static void compares(void **state)
{
    (void)state;
    CHECK("equal", str_eq(STR("ab"), STR("ab")));
    CHECK("length counts", !str_eq(STR("ab"), STR("abc")));
    CHECK("none is empty", str_eq(STR_NONE, STR("")));
    CHECK("starts", str_starts(STR("abc"), STR("ab")));
    CHECK("starts not", !str_starts(STR("a"), STR("ab")));
    CHECK("from the end on", str_from(STR("ab"), 2).len == 0);
    CHECK("from past the end", str_from(STR("ab"), 9).len == 0);
    CHECK("case", str_same_word(STR("Content-TYPE"), STR("content-type")));
    CHECK("all of the letters", str_same_word(STR("AMZ"), STR("amz")));
    CHECK("the first counts", !str_same_word(STR("abc"), STR("xbc")));
    CHECK("other word", !str_same_word(STR("abc"), STR("abd")));
    CHECK("longer word", !str_same_word(STR("abc"), STR("abcd")));
    CHECK("only letters have case", !str_same_word(STR("[{"), STR("{[")));
    CHECK("only ASCII has case", !str_same_word(STR("Ä"), STR("ä")));
}

static void knows_utf8(void **state)
{
    static const struct {
        const char *label;
        struct str in;
        bool good;
        size_t characters;
    } rows[] = {
        {"empty", {"", 0}, true, 0},
        {"ASCII", {"abc", 3}, true, 3},
        {"two bytes, least", {"\xc2\x80", 2}, true, 1},
        {"two bytes, most", {"\xdf\xbf", 2}, true, 1},
        {"three bytes, least", {"\xe0\xa0\x80", 3}, true, 1},
        {"three bytes, most", {"\xef\xbf\xbf", 3}, true, 1},
        {"four bytes, least", {"\xf0\x90\x80\x80", 4}, true, 1},
        {"four bytes, most", {"\xf4\x8f\xbf\xbf", 4}, true, 1},
        {"mixed", {"h\xc3\xa9llo \xf0\x9f\x9a\x95", 11}, true, 7},
        {"NUL", {"a\0b", 3}, false, 0},
        {"a stray follower", {"\x80", 1}, false, 0},
        {"cut after one", {"\xc3", 1}, false, 0},
        {"cut after two", {"\xe2\x82", 2}, false, 0},
        {"cut after three", {"\xf0\x9f\x9a", 3}, false, 0},
        {"no follower", {"\xc3z", 2}, false, 0},
        {"third is no follower", {"\xe2\x82z", 3}, false, 0},
        {"overlong in two", {"\xc1\xbf", 2}, false, 0},
        {"overlong in three", {"\xe0\x9f\xbf", 3}, false, 0},
        {"overlong in four", {"\xf0\x8f\xbf\xbf", 4}, false, 0},
        {"overlong NUL", {"\xc0\x80", 2}, false, 0},
        {"surrogate, least", {"\xed\xa0\x80", 3}, false, 0},
        {"surrogate, most", {"\xed\xbf\xbf", 3}, false, 0},
        {"past the last", {"\xf4\x90\x80\x80", 4}, false, 0},
        {"five bytes", {"\xf8\x88\x80\x80\x80", 5}, false, 0},
        {"0xff", {"\xff", 1}, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        /* In a block of its own size, a read past the end is noticed. */
        char *bytes = malloc(rows[i].in.len + 1);
        assert_non_null(bytes);
        memcpy(bytes + 1, rows[i].in.ptr, rows[i].in.len);
        struct str in = {bytes + 1, rows[i].in.len};
        CHECK(rows[i].label, str_is_utf8(in) == rows[i].good);
        free(bytes);
        if (rows[i].good)
            CHECK(rows[i].label,
                  str_characters(rows[i].in) == rows[i].characters);
    }
}

static void takes_characters(void **state)
{
    static const uint32_t want[] = {'h', 0xe9, 0x20ac, 0x1f695};
    struct str rest = STR("h\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x95\xff");
    uint32_t c = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(str_next(&rest, &c));
        assert_int_equal(c, want[i]);
    }
    CHECK("stops at a bad byte", !str_next(&rest, &c) && rest.len == 1);
    CHECK("leaves the character", c == 0x1f695);
    rest = STR("\xe2\x82z");
    CHECK("stops at a bad follower", !str_next(&rest, &c) && rest.len == 3);
    rest = STR("\xed\xa0\x80");
    CHECK("stops at a surrogate", !str_next(&rest, &c) && rest.len == 3);
    rest = STR_NONE;
    CHECK("stops at the end", !str_next(&rest, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trims),         cmocka_unit_test(cuts),
        cmocka_unit_test(reads_numbers), cmocka_unit_test(compares),
        cmocka_unit_test(knows_utf8),    cmocka_unit_test(takes_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
