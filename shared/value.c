#include "shared/redis.h"

static const struct value nil = {.kind = VALUE_NIL};

const struct value *value_at(const struct value *list, size_t at)
{
    if (list->kind != VALUE_LIST || at >= list->count)
        return &nil;
    return &list->items[at];
}

int64_t value_num(const struct value *v, int64_t otherwise)
{
    int64_t n = otherwise;
    if (v->kind == VALUE_NUM)
        return v->num;
    if (v->kind == VALUE_STR)
        (void)str_to_num(v->str, &n);
    return n;
}

struct str value_str(const struct value *v)
{
    return v->kind == VALUE_STR ? v->str : STR_NONE;
}

int64_t redis_time_ms(const struct value *time)
{
    int64_t ms = 0;
    if (__builtin_mul_overflow(value_num(value_at(time, 0), 0), 1000, &ms) ||
        __builtin_add_overflow(ms, value_num(value_at(time, 1), 0) / 1000, &ms))
        return 0;
    return ms;
}

struct str value_field(const struct value *pairs, const char *field)
{
    if (pairs->kind == VALUE_LIST)
        for (size_t i = 0; i + 1 < pairs->count; i += 2)
            if (str_is(value_str(&pairs->items[i]), field))
                return value_str(&pairs->items[i + 1]);
    return STR_NONE;
}
