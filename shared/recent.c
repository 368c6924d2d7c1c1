#include "shared/recent.h"

#include <stdlib.h>

#include "shared/keys.h"

enum { SAME_MS_MOST = 1000 };

/* Newest first; of one millisecond by id, in the order in which Redis gives
 * them: so that no page leaves one out, however many there are. */
static int newer_first(const void *a, const void *b)
{
    const struct recent_entry *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms > y->at_ms ? -1 : 1;
    size_t least = x->id.len < y->id.len ? x->id.len : y->id.len;
    int order = memcmp(y->id.ptr, x->id.ptr, least);
    return order != 0 ? order
                      : (y->id.len > x->id.len) - (y->id.len < x->id.len);
}

bool recent_begin(struct recent *r, struct task *t, struct str cursor,
                  int64_t limit, bool (*is_id)(struct str id))
{
    struct str rest = cursor;
    struct str ms = str_cut(&rest, '.');
    r->limit = limit;
    r->before.id = rest;
    if (limit < 1 || limit > RECENT_MOST)
        task_reject(t, PROBLEM_invalid, STR("limit"));
    else if (cursor.len > 0 &&
             (!str_to_num(ms, &r->before.at_ms) || !is_id(rest)))
        task_reject(t, PROBLEM_invalid, STR("cursor"));
    return t->outcome == DONE;
}

static void ask_range(struct redis *redis, struct task *t, struct str key,
                      struct str tag, struct str from, struct str to,
                      int64_t most, struct value *out)
{
    REDIS_DO(redis, t, tag, out, STR("ZRANGE"), key, from, to, STR("BYSCORE"),
             STR("REV"), STR("LIMIT"), STR("0"), arena_number(t->arena, most),
             STR("WITHSCORES"));
}

void recent_ask(struct recent *r, struct redis *redis, struct task *t,
                const char *what, int64_t since_ms)
{
    struct arena *a = t->arena;
    struct str since = arena_number(a, since_ms);
    struct str at = arena_number(a, r->before.at_ms);
    bool first = r->before.id.len == 0;
    struct str from =
        first ? STR("+inf") : arena_printf(a, "(%.*s", STR_ARG(at));
    for (unsigned p = 0; p < PARTITIONS; p++) {
        struct str key = key_of_partition(a, what, p);
        struct str tag = partition_tag(p);
        ask_range(redis, t, key, tag, from, since, r->limit, &r->older[p]);
        if (!first && r->before.at_ms >= since_ms)
            ask_range(redis, t, key, tag, at, at, SAME_MS_MOST, &r->same_ms[p]);
    }
}

static void take(struct recent *r, const struct value *page)
{
    for (size_t i = 0; i + 1 < page->count; i += 2) {
        struct recent_entry e = {value_str(value_at(page, i)),
                                 value_num(value_at(page, i + 1), 0)};
        if (r->before.id.len == 0 || newer_first(&r->before, &e) < 0)
            r->entries[r->count++] = e;
    }
}

void recent_merge(struct recent *r, struct arena *arena)
{
    size_t room = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        room += (r->older[p].count + r->same_ms[p].count) / 2;
    r->entries = arena_alloc(arena, room * sizeof(*r->entries) + 1);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        take(r, &r->older[p]);
        take(r, &r->same_ms[p]);
    }
    qsort(r->entries, r->count, sizeof(*r->entries), newer_first);
    if (r->count > (size_t)r->limit)
        r->count = (size_t)r->limit;
}

struct str recent_next(const struct recent *r, struct arena *arena)
{
    if (r->count < (size_t)r->limit)
        return STR_NONE;
    const struct recent_entry *last = &r->entries[r->count - 1];
    return arena_printf(arena, "%lld.%.*s", (long long)last->at_ms,
                        STR_ARG(last->id));
}
