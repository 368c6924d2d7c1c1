#include "tests/unit/check.h"

#include "pool-svc/number_csv.h"

#include <stdlib.h>

/* "line phone|pool|label|capabilities!fault", rows apart by "\n". */
static struct str shown(struct arena *arena, struct str text)
{
    struct csv_rows all;
    struct str fault;
    struct buffer out = {0};
    static const char *const faults[] = {"", "!quotes", "!columns",
                                         "!repeated"};
    if (!csv_read(arena, text, &all, &fault))
        return arena_printf(arena, "refused %.*s", STR_ARG(fault));
    for (size_t i = 0; i < all.count; i++) {
        const struct csv_row *r = &all.rows[i];
        buffer_printf(&out, "%s%u %.*s|%.*s|%.*s|%.*s%s", i > 0 ? "\n" : "",
                      r->line, STR_ARG(r->phone), STR_ARG(r->pool),
                      STR_ARG(r->label), STR_ARG(r->capabilities),
                      faults[r->fault]);
    }
    struct str copy = arena_copy(arena, buffer_view(&out));
    buffer_free(&out);
    return copy;
}

static void reads_what_people_keep(void **state)
{
    static const struct {
        const char *label, *text, *rows;
    } cases[] = {
        {"nothing", "", ""},
        {"blank lines", "\n \r\n,,\n", ""},
        {"phones alone", "+3197001\n+3197002\n",
         "1 +3197001|||\n2 +3197002|||"},
        {"no line end", "+3197001", "1 +3197001|||"},
        {"CRLF", "+3197001,NL\r\n+3197002,NL\r\n",
         "1 +3197001|NL||\n2 +3197002|NL||"},
        {"all columns", "+3197001, NL , Desk 1 ,sms voice",
         "1 +3197001|NL|Desk 1|sms voice"},
        {"semicolons", "+3197001;NL;a, b", "1 +3197001|NL|a, b|"},
        {"quotes", "\"+3197001\",\"NL\",\"a, \"\"b\"\"\"",
         "1 +3197001|NL|a, \"b\"|"},
        {"a header", "label,phone\nDesk,+3197001", "2 +3197001||Desk|"},
        {"a header in capitals", "Phone;POOL\n+3197001;NL", "2 +3197001|NL||"},
        {"a mark of byte order", "\xef\xbb\xbfphone\n+3197001",
         "2 +3197001|||"},
        {"lines count though blank", "\n\n+3197001", "3 +3197001|||"},
        {"an open quote", "\"+3197001\n+3197002",
         "1 |||!quotes\n2 +3197002|||"},
        {"text behind a quote", "\"+3197001\"x\n+3197002",
         "1 |||!quotes\n2 +3197002|||"},
        {"too many cells", "+3197001,a,b,sms,x", "1 +3197001|a|b|sms!columns"},
        {"far too many", "+3197001,1,2,3,4,5,6,7,8,9",
         "1 +3197001|1|2|3!columns"},
        {"twice", "+31 97 001 002\n0031-97001002\n+3197001003",
         "1 +31 97 001 002|||\n2 0031-97001002|||!repeated\n3 +3197001003|||"},
        {"twice what is no phone", "x\nx", "1 x|||\n2 x|||!repeated"},
        {"an unknown column", "phone,colour\n+3197001,red", "refused colour"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct arena *arena = arena_new();
        struct str got = shown(arena, str_of(cases[i].text));
        CHECK(cases[i].label, str_is(got, cases[i].rows));
        arena_destroy(&arena);
    }
}

static void refuses_too_many(void **state)
{
    struct arena *arena = arena_new();
    struct buffer text = {0};
    struct csv_rows all;
    struct str fault;
    (void)state;
    for (int i = 0; i < CSV_ROWS_MOST; i++)
        buffer_printf(&text, "+31970%06d\n", i);
    assert_true(csv_read(arena, buffer_view(&text), &all, &fault));
    assert_int_equal(all.count, CSV_ROWS_MOST);
    buffer_str(&text, STR("+3197\n"));
    assert_false(csv_read(arena, buffer_view(&text), &all, &fault));
    assert_int_equal(fault.len, 0);
    buffer_free(&text);
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_people_keep),
        cmocka_unit_test(refuses_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
