#include "shared/str.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str a)
{
    while (a.len > 0 && is_blank(a.ptr[0])) {
        a.ptr++;
        a.len--;
    }
    while (a.len > 0 && is_blank(a.ptr[a.len - 1]))
        a.len--;
    return a;
}

struct str str_cut(struct str *rest, char sep)
{
    struct str head = *rest;
    const char *at = head.len > 0 ? memchr(head.ptr, sep, head.len) : NULL;
    if (at == NULL) {
        *rest = STR_NONE;
        return head;
    }
    head.len = (size_t)(at - head.ptr);
    *rest = (struct str){at + 1, rest->len - head.len - 1};
    return head;
}

bool str_to_num(struct str a, int64_t *out)
{
    bool minus = a.len > 0 && a.ptr[0] == '-';
    if (minus)
        a = str_from(a, 1);
    if (a.len == 0)
        return false;
    /* Counts downwards: INT64_MIN has no positive twin. */
    int64_t num = 0;
    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] < '0' || a.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(num, 10, &num) ||
            __builtin_sub_overflow(num, a.ptr[i] - '0', &num))
            return false;
    }
    if (!minus && __builtin_sub_overflow(0, num, &num))
        return false;
    *out = num;
    return true;
}

bool str_is_ascii(struct str a)
{
    for (size_t i = 0; i < a.len; i++)
        if ((unsigned char)a.ptr[i] > 0x7f)
            return false;
    return true;
}

static unsigned lower(char c)
{
    unsigned u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? u | 0x20 : u;
}

bool str_same_word(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool str_next(struct str *rest, uint32_t *character)
{
    /* By the number of bytes behind the first: what they can hold beyond a
     * shorter form. */
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (rest->len == 0)
        return false;
    const unsigned char *at = (const unsigned char *)rest->ptr;
    size_t more = at[0] < 0x80             ? 0
                  : (at[0] & 0xe0) == 0xc0 ? 1
                  : (at[0] & 0xf0) == 0xe0 ? 2
                  : (at[0] & 0xf8) == 0xf0 ? 3
                                           : 4;
    if (more == 4 || rest->len <= more)
        return false;
    uint32_t c = more == 0 ? at[0] : at[0] & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return false;
        c = c << 6 | (at[i] & 0x3f);
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return false;
    *character = c;
    *rest = str_from(*rest, more + 1);
    return true;
}

bool str_is_utf8(struct str a)
{
    uint32_t c = 0;
    while (a.len > 0) {
        if ((signed char)a.ptr[0] > 0) /* ASCII, as nearly all is */
            a = str_from(a, 1);
        else if (!str_next(&a, &c) || c == 0)
            return false;
    }
    return true;
}

size_t str_characters(struct str a)
{
    size_t count = 0;
    for (size_t i = 0; i < a.len; i++)
        if (((unsigned char)a.ptr[i] & 0xc0) != 0x80)
            count++;
    return count;
}
