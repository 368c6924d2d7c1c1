#include "shared/redis_wire.h"

#include <hiredis/hiredis.h>

void wire_reply(struct arena *arena, const redisReply *reply, struct value *out)
{
    *out = (struct value){.kind = VALUE_NIL};
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        out->kind = VALUE_NUM;
        out->num = reply->integer;
        return;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        out->kind = VALUE_STR;
        out->str =
            arena_copy(arena, (struct str){reply->str, (size_t)reply->len});
        return;
    case REDIS_REPLY_ARRAY:
        out->kind = VALUE_LIST;
        out->count = reply->elements;
        out->items = arena_alloc(arena, out->count * sizeof(*out->items) + 1);
        for (size_t i = 0; i < out->count; i++)
            wire_reply(arena, reply->element[i], &out->items[i]);
        return;
    default:
        return;
    }
}

bool wire_passes_by_itself(struct str error)
{
    static const char *const words[] = {
        "LOADING",    "BUSY",       "READONLY", "OOM",         "MISCONF",
        "NOREPLICAS", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "NOAUTH",
        "-LOADING",   "-READONLY",  "-OOM"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_starts(error, str_of(words[i])))
            return true;
    /* Refused inside a script before its first write. */
    return memmem(error.ptr, error.len, "OOM", 3) != NULL ||
           memmem(error.ptr, error.len, "READONLY", 8) != NULL;
}

/* As the commands of a script are refused, it has no word of its own. */
bool wire_is_denied(struct str error)
{
    static const char in_script[] = "user executing the script";
    return str_starts(error, STR("NOPERM")) ||
           str_starts(error, STR("-NOPERM")) ||
           memmem(error.ptr, error.len, in_script, strlen(in_script)) != NULL;
}

/* "*3\r\n", "$5\r\n" */
static void write_count(struct buffer *b, char mark, size_t n)
{
    char text[24];
    size_t at = sizeof(text);
    text[--at] = '\n';
    text[--at] = '\r';
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    text[--at] = mark;
    buffer_add(b, text + at, sizeof(text) - at);
}

void wire_command(struct buffer *b, const struct str *words, size_t count)
{
    buffer_reset(b);
    write_count(b, '*', count);
    for (size_t i = 0; i < count; i++) {
        write_count(b, '$', words[i].len);
        buffer_str(b, words[i]);
        buffer_add(b, "\r\n", 2);
    }
}
