/* Phone numbers: E.164 by shape, in the forms that people type.
 * Knows no numbering plan. */
#ifndef BIRDCAR_PHONE_H
#define BIRDCAR_PHONE_H

#include "shared/arena.h"
#include "shared/problem.h"

enum { PHONE_LEAST = 7, PHONE_MOST = 15 };

struct phone {
    char digits[PHONE_MOST + 1]; /* without +; NUL-terminated */
    size_t len;
};

/* Takes `+31 6 1234 5678`, `0031…`, `31612345678`, with spaces (no-break ones
 * too), dashes, dots, slashes, brackets, `(0)` behind a country code, a leading
 * `tel:`. False: `*why` is phone_invalid, phone_national (a single leading 0)
 * or missing (nothing but white space). */
bool phone_parse(struct str typed, struct phone *out, enum problem_code *why);

struct str phone_str(const struct phone *phone);

/* As a stranger may see it: "+31 6 •••• ••78"; static text for anything too
 * short to mask. */
struct str phone_masked(struct arena *arena, struct str digits);

#endif
