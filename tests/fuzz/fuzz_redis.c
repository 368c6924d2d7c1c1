/* Redis's replies, as hiredis reads them and we copy and ask them. */
#include "tests/fuzz/fuzz.h"

#include <hiredis.h>

#include "shared/redis.h"
#include "shared/redis_wire.h"

static void walk(const struct value *v, int depth)
{
    (void)value_num(v, 0);
    (void)value_str(v);
    (void)value_field(v, "field");
    (void)redis_time_ms(v);
    for (size_t i = 0; depth > 0 && v->kind == VALUE_LIST && i < v->count; i++)
        walk(value_at(v, i), depth - 1);
    HOLDS(value_at(v, SIZE_MAX)->kind == VALUE_NIL);
}

/* hiredis reserves what the head of a list announces, and this version knows no
 * limit: only Redis itself could send that. */
static bool announces_much(struct str input)
{
    size_t digits = 0;
    for (size_t i = 0, in_head = 0; i < input.len; i++) {
        if (input.ptr[i] == '*')
            in_head = 1;
        else if (!char_is_digit(input.ptr[i]) && input.ptr[i] != '+')
            in_head = 0;
        digits = in_head != 0 ? digits + 1 : 0;
        if (digits > 6)
            return true;
    }
    return false;
}

FUZZ(arena, input)
{
    if (announces_much(input))
        return;
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    HOLDS(reader != NULL);
    (void)redisReaderFeed(reader, input.ptr, input.len);
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
        struct value value = {.kind = VALUE_NIL};
        const redisReply *r = reply;
        if (r->type == REDIS_REPLY_ERROR)
            (void)wire_passes_by_itself((struct str){r->str, r->len});
        else
            wire_reply(arena, r, &value);
        walk(&value, 3);
        freeReplyObject(reply);
        reply = NULL;
    }
    redisReaderFree(reader);
}
