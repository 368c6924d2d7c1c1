/* A body, as every message of the catalogue; what is taken packs again, and
 * then comes to the same bytes for good. */
#include "tests/fuzz/fuzz.h"

#include "shared/message.h"

static const char *const names[] = {
#define MESSAGE(NAME, name, reply) #NAME,
    MESSAGES(MESSAGE)
#undef MESSAGE
};

static void walk(struct arena *arena, const struct message_type *type,
                 struct str body)
{
    const char *fault = NULL;
    bool missing = false;
    void *message = arena_alloc(arena, type->size);
    if (!message_decode(type, body, arena, message, &fault, &missing)) {
        HOLDS(fault != NULL);
        return;
    }
    struct str once = message_pack(arena, type, message);
    HOLDS(message_decode(type, once, arena, message, &fault, &missing));
    HOLDS(str_eq(once, message_pack(arena, type, message)));
}

FUZZ(arena, input)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        walk(arena, message_find(str_of(names[i])), input);
}
