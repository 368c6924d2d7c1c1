/* Borrowed bytes: a pointer and a length, owned by somebody else.
 * Never frees, never ends in a NUL that anybody may rely on. */
#ifndef BIRDCAR_STR_H
#define BIRDCAR_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})

/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_of(const char *z)
{
    return (struct str){z, z != NULL ? strlen(z) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* By bytes, as memcmp() tells; of two that begin alike the shorter is less. */
static inline int str_compare(struct str a, struct str b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least > 0 ? memcmp(a.ptr, b.ptr, least) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool str_is(struct str a, const char *z)
{
    return str_eq(a, str_of(z));
}

static inline bool str_starts(struct str a, struct str prefix)
{
    return a.len >= prefix.len &&
           str_eq((struct str){a.ptr, prefix.len}, prefix);
}

/* The bytes from `at` on; empty past the end. */
static inline struct str str_from(struct str a, size_t at)
{
    return at < a.len ? (struct str){a.ptr + at, a.len - at} : STR_NONE;
}

/* ASCII, whatever the locale. */
static inline bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool char_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str a);

/* Cuts `*rest` at the first `sep`: returns what stands before it and leaves
 * what stands behind it; all of it, and nothing, where there is none. */
struct str str_cut(struct str *rest, char sep);

/* A whole decimal number, an optional `-`, nothing else, within int64; false
 * leaves `*out` as it was. */
bool str_to_num(struct str a, int64_t *out);

/* No byte past 0x7f. What is to be decoded from base64 must be: libsodium reads
 * each of the others as the last letter of its alphabet. */
bool str_is_ascii(struct str a);

/* Equal without regard to ASCII case. */
bool str_same_word(struct str a, struct str b);

/* Takes the next character (code point) off `*rest`. False, and nothing is
 * taken, at the end and before bytes that are not UTF-8. */
bool str_next(struct str *rest, uint32_t *character);

/* Well-formed UTF-8, without NUL. */
bool str_is_utf8(struct str a);

/* Characters (code points) of well-formed UTF-8. */
size_t str_characters(struct str a);

#endif
