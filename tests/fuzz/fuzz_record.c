/* A value out of Redis, as every record; what is taken packs again, and then
 * comes to the same bytes for good. */
#include "tests/fuzz/fuzz.h"

#include "shared/message.h"

static const struct message_type *const types[] = {
    &type_route,      &type_ride_record,   &type_event, &type_alert_record,
    &type_pool_alert, &type_letter_record, NULL};

FUZZ(arena, input)
{
    for (size_t i = 0; types[i] != NULL; i++) {
        void *record = arena_alloc(arena, types[i]->size);
        if (!record_decode(types[i], input, arena, record))
            continue;
        struct str once = record_pack(arena, types[i], record);
        HOLDS(record_decode(types[i], once, arena, record));
        HOLDS(str_eq(once, record_pack(arena, types[i], record)));
    }
}
