/* The older signature: three lines, of signature, timestamp and query, and a
 * body behind them. */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

#include "gateway/signature_old.h"

FUZZ(arena, input)
{
    HOLDS(sodium_init() >= 0);
    struct str signature = str_cut(&input, '\n');
    struct str timestamp = str_cut(&input, '\n');
    struct str query = str_cut(&input, '\n');
    HOLDS(signature_old_check(arena, signature, timestamp, STR("key"), query,
                              input, 1544544948000) != SIGNATURE_OK);
}
