#include "tests/unit/check.h"

#include "shared/phone.h"

#include <stdio.h>
#include <stdlib.h>

#define NBSP "\xc2\xa0"

static void takes_what_people_type(void **state)
{
    static const struct {
        const char *label, *typed, *digits;
    } rows[] = {
        {"international", "+31612345678", "31612345678"},
        {"with spaces", "+31 6 1234 5678", "31612345678"},
        {"blanks around", " \t+31612345678\r\n", "31612345678"},
        {"plain digits", "31612345678", "31612345678"},
        {"double zero", "0031612345678", "31612345678"},
        {"double zero apart", "00 31 6 1234 5678", "31612345678"},
        {"dashes", "+1-416-555-0123", "14165550123"},
        {"dots", "+1.416.555.0123", "14165550123"},
        {"slash", "+49 30/1234567", "49301234567"},
        {"brackets", "+1 (416) 555-0123", "14165550123"},
        {"brackets first", "(+31) 6 1234 5678", "31612345678"},
        {"zero in brackets", "+31 (0)6 1234 5678", "31612345678"},
        {"zero in brackets, no plus", "31 (0) 6 1234 5678", "31612345678"},
        {"zero in brackets behind 00", "0044(0)2079460123", "442079460123"},
        {"blanks in the brackets", "+31 ( 0 ) 6 1234 5678", "31612345678"},
        {"one-digit country", "+1 (0) 416 555 0123", "14165550123"},
        {"a zero in the country, no plus", "20(0)212345678", "20212345678"},
        {"brackets far behind", "+49 30 12 (345) 67", "49301234567"},
        {"... that begin with 0", "+49 30 12 (045) 67", "49301204567"},
        {"three-digit country", "+353 (0)1 234 5678", "35312345678"},
        {"tel:", "tel:+31612345678", "31612345678"},
        {"TEL: and a blank", " TEL: +31-6-12345678", "31612345678"},
        {"no-break space", "+31" NBSP "6" NBSP "12345678", "31612345678"},
        {"narrow no-break space", "+31\u202f612345678", "31612345678"},
        {"thin space", "+31\u2009612345678", "31612345678"},
        {"no-break dash", "+31\u20116\u201112345678", "31612345678"},
        {"en dash", "+31\u20136\u201312345678", "31612345678"},
        {"minus sign", "+31\u22126\u221212345678", "31612345678"},
        {"copied from a list", "\u202a+31612345678\u202c", "31612345678"},
        {"copied from a page", "\u200e+31 6 12345678", "31612345678"},
        {"byte order mark", "\ufeff+31612345678", "31612345678"},
        {"shortest", "+1234567", "1234567"},
        {"longest", "+123456789012345", "123456789012345"},
        {"longest behind 00", "00123456789012345", "123456789012345"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct phone phone = {0};
        enum problem_code why = PROBLEM_internal;
        CHECK(rows[i].label, phone_parse(str_of(rows[i].typed), &phone, &why));
        CHECK(rows[i].label, str_is(phone_str(&phone), rows[i].digits));
        CHECK(rows[i].label, phone.digits[phone.len] == '\0');
    }
}

static void refuses_the_rest(void **state)
{
    static const struct {
        const char *label;
        struct str typed;
        enum problem_code why;
    } rows[] = {
        {"empty", {"", 0}, PROBLEM_missing},
        {"blanks", {" \t\n", 3}, PROBLEM_missing},
        {"no-break spaces", {NBSP NBSP, 4}, PROBLEM_missing},
        {"national", {"0612345678", 10}, PROBLEM_phone_national},
        {"national, apart", {"06 1234 5678", 12}, PROBLEM_phone_national},
        {"national, brackets", {"(06) 12345678", 13}, PROBLEM_phone_national},
        {"national, tel:", {"tel:0612345678", 14}, PROBLEM_phone_national},
        {"only a zero", {"0", 1}, PROBLEM_phone_national},
        {"zero behind plus", {"+0612345678", 11}, PROBLEM_phone_invalid},
        {"three zeros", {"000612345678", 12}, PROBLEM_phone_invalid},
        {"only zeros", {"00", 2}, PROBLEM_phone_invalid},
        {"too short", {"+123456", 7}, PROBLEM_phone_invalid},
        {"too short behind 00", {"00123456", 8}, PROBLEM_phone_invalid},
        {"too long", {"+1234567890123456", 17}, PROBLEM_phone_invalid},
        {"too long, plain", {"1234567890123456", 16}, PROBLEM_phone_invalid},
        {"far too long", {"12345678901234567890", 20}, PROBLEM_phone_invalid},
        {"too long by one, 00",
         {"001234567890123456", 18},
         PROBLEM_phone_invalid},
        {"a letter", {"+31 6 1234 567a", 15}, PROBLEM_phone_invalid},
        {"a word", {"Restricted", 10}, PROBLEM_phone_invalid},
        {"national with a letter", {"06x", 3}, PROBLEM_phone_invalid},
        {"extension", {"+31612345678;ext=1", 18}, PROBLEM_phone_invalid},
        {"two plusses", {"++31612345678", 13}, PROBLEM_phone_invalid},
        {"plus behind one digit", {"3+1612345678", 12}, PROBLEM_phone_invalid},
        {"plus at the end", {"31612345678+", 12}, PROBLEM_phone_invalid},
        {"plus inside", {"31+612345678", 12}, PROBLEM_phone_invalid},
        {"plus behind 00", {"00+31612345678", 14}, PROBLEM_phone_invalid},
        {"only a plus", {"+", 1}, PROBLEM_phone_invalid},
        {"only marks", {"(-)", 3}, PROBLEM_phone_invalid},
        {"only tel:", {"tel:", 4}, PROBLEM_phone_invalid},
        {"tel: twice", {"tel:tel:+31612345678", 20}, PROBLEM_phone_invalid},
        {"late (0)", {"+4420 (0)7946 0123", 18}, PROBLEM_phone_invalid},
        {"late (0) behind 00",
         {"004420(0)79460123", 17},
         PROBLEM_phone_invalid},
        {"(0) at the end", {"+44207946(0)0123", 16}, PROBLEM_phone_invalid},
        {"(0) before it", {"(0)31612345678", 14}, PROBLEM_phone_national},
        {"(0) behind 00", {"00(0)31612345678", 16}, PROBLEM_phone_invalid},
        {"NUL inside", {"+3161234\0005678", 13}, PROBLEM_phone_invalid},
        {"NUL behind", {"+31612345678\0", 13}, PROBLEM_phone_invalid},
        {"bad UTF-8", {"+31612345678\xff", 13}, PROBLEM_phone_invalid},
        {"cut UTF-8", {"+31612345678\xc2", 13}, PROBLEM_phone_invalid},
        {"other digits", {"+31612345\u0666", 11}, PROBLEM_phone_invalid},
        {"markup", {"<b>+31612345678", 15}, PROBLEM_phone_invalid},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct phone phone = {"kept", 4};
        enum problem_code why = PROBLEM_internal;
        CHECK(rows[i].label, !phone_parse(rows[i].typed, &phone, &why));
        CHECK(rows[i].label, why == rows[i].why);
        CHECK(rows[i].label, str_is(phone_str(&phone), "kept"));
    }
}

/* Characters of two and three bytes, between the digits of a number. */
static bool takes_between(uint32_t c)
{
    char text[32] = "", bytes[4] = "";
    struct phone phone = {0};
    enum problem_code why = PROBLEM_internal;
    if (c < 0x800) {
        bytes[0] = (char)(uint8_t)(0xc0 | c >> 6);
        bytes[1] = (char)(uint8_t)(0x80 | (c & 0x3f));
    } else {
        bytes[0] = (char)(uint8_t)(0xe0 | c >> 12);
        bytes[1] = (char)(uint8_t)(0x80 | (c >> 6 & 0x3f));
        bytes[2] = (char)(uint8_t)(0x80 | (c & 0x3f));
    }
    snprintf(text, sizeof(text), "+3161%s2345678", bytes);
    return phone_parse(str_of(text), &phone, &why) &&
           str_is(phone_str(&phone), "31612345678");
}

static void knows_its_marks(void **state)
{
    static const struct {
        uint32_t first, last;
    } rows[] = {
        {0xa0, 0xa0},     {0xad, 0xad},     {0x2000, 0x2015},
        {0x202a, 0x202f}, {0x205f, 0x2060}, {0x2066, 0x2069},
        {0x2212, 0x2212}, {0x3000, 0x3000}, {0xfeff, 0xfeff},
    };
    size_t row = 0;
    (void)state;
    for (uint32_t c = 0x80; c < 0xffff; c++) {
        char label[16];
        snprintf(label, sizeof(label), "U+%04X", (unsigned)c);
        while (row < COUNT(rows) && c > rows[row].last)
            row++;
        bool taken = row < COUNT(rows) && c >= rows[row].first;
        CHECK(label, takes_between(c) == taken);
    }
}

static unsigned next_random(void)
{
    static unsigned random = 1;
    random = random * 1103515245 + 12345;
    return random >> 16;
}

static void make_noise(struct buffer *noise)
{
    static const char *const pieces[] = {
        "0",    "1",    "31",     "6",      "9",        "+",    "(0)",
        "(",    ")",    " ",      "-",      "tel:",     NBSP,   "\u2013",
        "\xff", "\xc2", "\u200e", "\u2212", "12345678", "\xe2", "( 0 )"};
    buffer_reset(noise);
    for (unsigned n = next_random() % 8; n > 0; n--)
        buffer_str(noise, str_of(pieces[next_random() % COUNT(pieces)]));
}

/* Whatever comes in: no stray read, and what is taken is a phone number. */
static void survives_noise(void **state)
{
    struct buffer noise = {0};
    size_t taken = 0;
    (void)state;
    for (int round = 0; round < 200000; round++) {
        struct phone phone = {0}, again = {0};
        enum problem_code why = PROBLEM_internal;
        make_noise(&noise);
        /* In a block of its own size, a read past the end is noticed. */
        char *typed = xmalloc(noise.len);
        if (noise.len > 0)
            memcpy(typed, noise.ptr, noise.len);
        bool good = phone_parse((struct str){typed, noise.len}, &phone, &why);
        free(typed);
        if (!good) {
            CHECK("reason", why == PROBLEM_missing ||
                                why == PROBLEM_phone_invalid ||
                                why == PROBLEM_phone_national);
            continue;
        }
        taken++;
        CHECK("length", phone.len >= PHONE_LEAST && phone.len <= PHONE_MOST);
        CHECK("digits", strspn(phone.digits, "0123456789") == phone.len);
        CHECK("no leading 0", phone.digits[0] != '0');
        CHECK("read again", phone_parse(phone_str(&phone), &again, &why));
        CHECK("the same", strcmp(again.digits, phone.digits) == 0);
    }
    buffer_free(&noise);
    CHECK("the noise holds numbers, too", taken > 1000);
}

static void masks(void **state)
{
    static const struct {
        const char *label, *digits, *masked;
    } rows[] = {
        {"11 digits", "31612345678", "+31 6 •••• ••78"},
        {"12 digits", "442079460123", "+44 2 •••• •••23"},
        {"15 digits", "123456789012345", "+12 3 •••• •••• ••45"},
        {"9 digits, the least", "123456789", "+12 3 •••• 89"},
        {"8 digits", "12345678", "••••"},
        {"7 digits", "1234567", "••••"},
        {"empty", "", "••••"},
        {"too long", "1234567890123456", "••••"},
        {"no number", "Restricted", "••••"},
        {"a plus", "+1612345678", "••••"},
        {"a letter at the end", "3161234567x", "••••"},
    };
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str got = phone_masked(arena, str_of(rows[i].digits));
        if (!str_is(got, rows[i].masked))
            fail_msg("%s: %.*s", rows[i].label, STR_ARG(got));
    }
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_people_type),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(knows_its_marks),
        cmocka_unit_test(survives_noise),
        cmocka_unit_test(masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
