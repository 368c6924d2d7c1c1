/* What the labelled tables of the unit tests share. Include it first. */
#ifndef BIRDCAR_TESTS_UNIT_CHECK_H
#define BIRDCAR_TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fails with the row's label, so that a red table says which row it is. */
#define CHECK(label, holds)                                                    \
    check_row((holds), label, #holds, __FILE__, __LINE__)

static inline void check_row(bool holds, const char *label, const char *what,
                             const char *file, int line)
{
    if (holds)
        return;
    print_error("%s: not so: %s\n", label, what);
    _fail(file, line);
}

#endif
