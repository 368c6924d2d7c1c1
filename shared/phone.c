#include "shared/phone.h"

/* What people, address books and web pages put between digits. */
static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x3000 ||
           c == 0x202f || c == 0x205f || (c >= 0x2000 && c <= 0x200a);
}

/* Marks without width that come along when a number is copied. */
static bool is_invisible(uint32_t c)
{
    return c == 0xad || c == 0x2060 || c == 0xfeff ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static bool is_separator(uint32_t c)
{
    return is_space(c) || is_invisible(c) || c == '-' || c == '.' || c == '/' ||
           c == '(' || c == ')' || c == 0x2212 || (c >= 0x2010 && c <= 0x2015);
}

static struct str skip_blanks(struct str rest)
{
    struct str next = rest;
    uint32_t c = 0;
    while (str_next(&next, &c) && (is_space(c) || is_invisible(c)))
        rest = next;
    return rest;
}

/* Steps over `(0)`; false where it is not one. */
static bool skip_trunk_zero(struct str *rest)
{
    struct str at = skip_blanks(*rest);
    if (at.len == 0 || at.ptr[0] != '0')
        return false;
    at = skip_blanks(str_from(at, 1));
    if (at.len == 0 || at.ptr[0] != ')')
        return false;
    *rest = str_from(at, 1);
    return true;
}

enum { COUNTRY_MOST = 3 };

struct scan {
    char digits[PHONE_MOST + 2]; /* a leading 00 included */
    size_t len;
    bool plus;
};

/* The digits as they stand, without what may stand between them. */
static bool scan_digits(struct str rest, struct scan *scan)
{
    uint32_t c = 0;
    while (rest.len > 0) {
        if (!str_next(&rest, &c))
            return false;
        if (c >= '0' && c <= '9') {
            if (scan->len == sizeof(scan->digits))
                return false;
            scan->digits[scan->len++] = (char)c;
        } else if (c == '+') {
            if (scan->plus || scan->len > 0)
                return false;
            scan->plus = true;
        } else if (!is_separator(c)) {
            return false;
        } else if (c == '(' && scan->len > 0 && skip_trunk_zero(&rest)) {
            /* Behind anything but a country code it could be a digit as well
             * as a prefix: rather ask than take a wrong number. */
            size_t zeros = !scan->plus && scan->digits[0] == '0' ? 2 : 0;
            if (scan->len <= zeros || scan->len > COUNTRY_MOST + zeros)
                return false;
        }
    }
    return true;
}

static struct str without_scheme(struct str typed)
{
    struct str at = skip_blanks(typed);
    struct str scheme = STR("tel:");
    if (at.len >= scheme.len &&
        str_same_word((struct str){at.ptr, scheme.len}, scheme))
        return skip_blanks(str_from(at, scheme.len));
    return at;
}

bool phone_parse(struct str typed, struct phone *out, enum problem_code *why)
{
    if (skip_blanks(typed).len == 0) {
        *why = PROBLEM_missing;
        return false;
    }
    struct scan scan = {0};
    *why = PROBLEM_phone_invalid;
    if (!scan_digits(without_scheme(typed), &scan))
        return false;
    struct str digits = {scan.digits, scan.len};
    if (!scan.plus && str_starts(digits, STR("00"))) {
        digits = str_from(digits, 2);
    } else if (!scan.plus && str_starts(digits, STR("0"))) {
        *why = PROBLEM_phone_national;
        return false;
    }
    if (digits.len < PHONE_LEAST || digits.len > PHONE_MOST ||
        digits.ptr[0] == '0')
        return false;
    *out = (struct phone){.len = digits.len};
    memcpy(out->digits, digits.ptr, digits.len);
    return true;
}

struct str phone_str(const struct phone *phone)
{
    return (struct str){phone->digits, phone->len};
}

enum {
    SHOWN_FIRST = 3,
    SHOWN_LAST = 2,
    HIDDEN_LEAST = 4, /* fewer could be guessed */
    GROUP = 4
};

static bool all_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return true;
}

struct str phone_masked(struct arena *arena, struct str digits)
{
    static const char bullet[] = "\u2022";
    if (!all_digits(digits) ||
        digits.len < SHOWN_FIRST + HIDDEN_LEAST + SHOWN_LAST ||
        digits.len > PHONE_MOST)
        return STR("\u2022\u2022\u2022\u2022");
    char text[8 + PHONE_MOST * sizeof(bullet)];
    size_t len = 0;
    text[len++] = '+';
    for (size_t i = 0; i < digits.len; i++) {
        bool group = i >= SHOWN_FIRST && (i - SHOWN_FIRST) % GROUP == 0 &&
                     digits.len - i > 1;
        if (i == SHOWN_FIRST - 1 || group)
            text[len++] = ' ';
        if (i < SHOWN_FIRST || i >= digits.len - SHOWN_LAST) {
            text[len++] = digits.ptr[i];
        } else {
            memcpy(text + len, bullet, sizeof(bullet) - 1);
            len += sizeof(bullet) - 1;
        }
    }
    return arena_copy(arena, (struct str){text, len});
}
