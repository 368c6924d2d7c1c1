/* The Accept header of a call's webhook. */
#include "tests/fuzz/fuzz.h"

#include "gateway/flow.h"

FUZZ(arena, input)
{
    (void)arena;
    enum flow_format format = flow_format_of(input, FLOW_XML);
    HOLDS(format == FLOW_XML || format == FLOW_JSON);
}
