/* A pair of frames as a stranger might send it: the first byte says how long
 * the header is. */
#include "tests/fuzz/fuzz.h"

#include "shared/bus_frame.h"
#include "shared/message.h"

FUZZ(arena, input)
{
    if (input.len == 0)
        return;
    size_t len = (unsigned char)input.ptr[0];
    struct str frame = str_from(input, 1);
    struct str body = str_from(frame, len);
    struct bus_header header;
    frame.len = len < frame.len ? len : frame.len;
    if (!bus_header_read(frame, &header))
        return;
    HOLDS(header.trace.len <= BUS_MOST_TRACE);
    const struct message_type *type = message_find(header.name);
    const char *fault = NULL;
    bool missing = false;
    if (type != NULL)
        (void)message_decode(type, body, arena, arena_alloc(arena, type->size),
                             &fault, &missing);
}
