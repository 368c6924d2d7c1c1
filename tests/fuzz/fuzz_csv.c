/* A list of proxy numbers. */
#include "tests/fuzz/fuzz.h"

#include "pool-svc/number_csv.h"

FUZZ(arena, input)
{
    struct csv_rows rows = {NULL, 0};
    struct str fault = STR_NONE;
    if (!csv_read(arena, input, &rows, &fault))
        return;
    HOLDS(rows.count <= CSV_ROWS_MOST);
    for (size_t i = 0; i < rows.count; i++)
        HOLDS(rows.rows[i].line >= 1 &&
              (i == 0 || rows.rows[i].line > rows.rows[i - 1].line));
}
