#include "deploy/rekey/swap.h"

#include <assert.h>

#include "shared/script.h"

SCRIPT(swap);

void edit_part(struct arena *arena, struct edit *e, struct str part,
               struct str with)
{
    assert(part.ptr >= e->was.ptr && with.len == part.len &&
           part.ptr + part.len <= e->was.ptr + e->was.len);
    if (e->now == NULL) {
        e->now = arena_alloc(arena, e->was.len);
        memcpy(e->now, e->was.ptr, e->was.len);
    }
    memcpy(e->now + (part.ptr - e->was.ptr), with.ptr, with.len);
    e->changed++;
}

void place_read(struct task *t, enum place place, struct str key,
                struct str which, struct value *out)
{
    struct redis *redis = app_of(t)->redis;
    if (place == PLACE_FIELD)
        REDIS_DO(redis, t, key, out, STR("HGET"), key, which);
    else
        REDIS_DO(redis, t, key, out, STR("GET"), key);
}

void place_swap(struct task *t, enum place place, struct str key,
                struct str which, const struct edit *e, struct value *out)
{
    static const char *const words[] = {"string", "field", "item"};
    struct str args[] = {str_of(words[place]), which, e->was,
                         (struct str){e->now, e->was.len}};
    redis_script(app_of(t)->redis, t, tag_of(key), &swap, &key, 1, args, 4,
                 out);
}

struct str tag_of(struct str key)
{
    struct str rest = key;
    (void)str_cut(&rest, '{');
    size_t from = key.len - rest.len;
    struct str inside = str_cut(&rest, '}');
    bool whole = inside.len > 0 && from + inside.len < key.len;
    return whole ? (struct str){key.ptr + from - 1, inside.len + 2} : key;
}

struct str last_part(struct str key, struct str *before)
{
    const char *colon = memrchr(key.ptr, ':', key.len);
    size_t len = colon != NULL ? (size_t)(colon - key.ptr) + 1 : 0;
    *before = (struct str){key.ptr, len};
    return str_from(key, len);
}
