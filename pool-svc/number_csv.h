/* A list of proxy numbers as people keep it: CSV. Knows what a line says, not
 * whether it can be. */
#ifndef BIRDCAR_NUMBER_CSV_H
#define BIRDCAR_NUMBER_CSV_H

#include "shared/arena.h"

enum { CSV_ROWS_MOST = 10000 };

enum csv_fault {
    CSV_FINE,
    CSV_QUOTES,   /* one does not end */
    CSV_COLUMNS,  /* more than there are */
    CSV_REPEATED, /* its number stands in a line above */
};

struct csv_row {
    unsigned line; /* of the text, from 1 */
    enum csv_fault fault;
    struct str phone, pool, label, capabilities;
};

struct csv_rows {
    struct csv_row *rows;
    size_t count;
};

/* A line a number: phone, pool, label, capabilities (sms, voice, or both with a
 * blank between), with commas or semicolons between, what stands behind the
 * phone may be left out; blank lines are skipped. A first line with a column
 * named phone names the columns, in any order. False: an unknown column is
 * named (`*fault` points at it), or there are more rows than CSV_ROWS_MOST
 * (`*fault` is empty). */
bool csv_read(struct arena *arena, struct str text, struct csv_rows *out,
              struct str *fault);

#endif
