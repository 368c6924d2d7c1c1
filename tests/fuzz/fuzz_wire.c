/* What a connection sends, in pieces: where the network cuts it changes
 * nothing, and no byte is taken behind the one that is refused. */
#include "tests/fuzz/fuzz.h"

#include "gateway/http_wire.h"

FUZZ(arena, input)
{
    struct http_wire whole = {0}, pieces = {0};
    size_t taken = http_wire_take(&whole, input.ptr, input.len), sum = 0;
    size_t step = input.len > 0 ? 1 + (unsigned char)input.ptr[0] % 7 : 1;
    (void)arena;
    HOLDS((taken == input.len) == (whole.refused == 0));
    HOLDS(http_wire_take(&whole, "x", 1) == 0 || whole.refused == 0 ||
          taken == input.len);
    while (sum < input.len && pieces.refused == 0) {
        size_t len = input.len - sum < step ? input.len - sum : step;
        sum += http_wire_take(&pieces, input.ptr + sum, len);
    }
    HOLDS(sum == taken);
    HOLDS(pieces.ended <= pieces.heads && pieces.heads <= pieces.begun);
}
