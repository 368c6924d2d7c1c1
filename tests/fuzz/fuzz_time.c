/* Times as people and providers write them. */
#include "tests/fuzz/fuzz.h"

#include "shared/timestamp.h"

FUZZ(arena, input)
{
    int64_t ms = 0, again = 0;
    if (!time_parse(input, &ms))
        return;
    HOLDS(time_parse(time_text(arena, ms), &again));
    HOLDS(again / 1000 == ms / 1000 || ms < 0);
}
