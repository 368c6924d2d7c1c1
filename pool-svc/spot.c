#include "pool-svc/spot.h"

#include "pool-svc/pool_keys.h"
#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(number_register);
SCRIPT(number_put);
SCRIPT(number_edit);
SCRIPT(number_leave);
SCRIPT(number_move);
SCRIPT(number_drop);

static const char *const known[] = {"sms", "voice"};
enum { KNOWN = sizeof(known) / sizeof(*known) };

/* ---- capabilities ---- */

bool capabilities_join(struct arena *arena, const struct list *words,
                       struct str *joined)
{
    bool has[KNOWN] = {false};
    *joined = STR("");
    for (size_t i = 0; i < words->count; i++) {
        bool found = false;
        for (size_t k = 0; k < KNOWN; k++) {
            if (!str_is(words->items[i], known[k]))
                continue;
            has[k] = found = true;
        }
        if (!found)
            return false;
    }
    for (size_t k = 0; k < KNOWN; k++)
        if (has[k] || words->count == 0)
            *joined = arena_printf(arena, "%.*s%s%s", STR_ARG(*joined),
                                   joined->len > 0 ? "," : "", known[k]);
    return true;
}

struct list capabilities_words(struct arena *arena, struct str joined)
{
    struct list words = {arena_alloc(arena, KNOWN * sizeof(struct str)), 0};
    while (joined.len > 0 && words.count < KNOWN)
        words.items[words.count++] = str_cut(&joined, ',');
    return words;
}

struct str capabilities_or_all(struct str joined)
{
    return joined.len > 0 ? joined : STR("sms,voice");
}

bool capabilities_cover(struct str has, struct str needs)
{
    while (needs.len > 0) {
        struct str need = str_cut(&needs, ','), rest = has;
        bool found = false;
        while (rest.len > 0)
            found = str_eq(str_cut(&rest, ','), need) || found;
        if (!found)
            return false;
    }
    return true;
}

/* ---- the number's own key ---- */

static void on_number(struct task *t, struct spot at, struct script *script,
                      const struct str *args, size_t count, struct value *out)
{
    struct str key = number_key(t->arena, at.number);
    redis_script(service_of(t)->redis, t,
                 partition_tag(partition_of(at.number)), script, &key, 1, args,
                 count, out);
}

void spot_register(struct task *t, struct spot at, struct value *out)
{
    on_number(t, at, &number_register, &at.pool, 1, out);
}

void spot_drop(struct task *t, struct spot at, struct value *out)
{
    on_number(t, at, &number_drop, &at.pool, 1, out);
}

void spot_move_begin(struct task *t, struct spot at, struct str to,
                     struct luggage with, struct value *out)
{
    struct str luggage =
        arena_printf(t->arena, "%.*s\n%.*s\n%.*s", STR_ARG(with.state),
                     STR_ARG(with.capabilities), STR_ARG(with.label));
    struct str args[] = {at.pool, to, STR("begin"), luggage};
    on_number(t, at, &number_move, args, 4, out);
}

void spot_move_end(struct task *t, struct spot at, struct str to,
                   struct value *out)
{
    struct str args[] = {at.pool, to, STR("end")};
    on_number(t, at, &number_move, args, 3, out);
}

/* ---- its pool's keys ---- */

static void on_pool(struct task *t, struct spot at, struct script *script,
                    const struct str *args, size_t count, struct value *out)
{
    struct arena *a = t->arena;
    struct str keys[] = {pool_key_numbers(a, at.pool),
                         pool_key_index(a, at.pool), pool_key_about(a, at.pool),
                         pool_key_uses(a, at.pool, at.number)};
    redis_script(service_of(t)->redis, t, pool_tag(a, at.pool), script, keys, 4,
                 args, count, out);
}

void spot_put(struct task *t, struct spot at, struct luggage with,
              struct value *out)
{
    struct arena *a = t->arena;
    struct str keys[] = {
        pool_key_numbers(a, at.pool),         pool_key_index(a, at.pool),
        pool_key_about(a, at.pool),           pool_key_settings(a, at.pool),
        pool_key_uses(a, at.pool, at.number), pool_key_closing(a, at.pool)};
    struct str args[] = {at.number, with.capabilities, with.state, with.label};
    redis_script(service_of(t)->redis, t, pool_tag(a, at.pool), &number_put,
                 keys, 6, args, 4, out);
}

void spot_change(struct task *t, struct spot at, struct str state, bool relabel,
                 struct str label, struct value *out)
{
    struct str args[] = {at.number, state, relabel ? STR("1") : STR("0"),
                         label};
    on_pool(t, at, &number_edit, args, 4, out);
}

void spot_leave(struct task *t, struct spot at, struct value *out)
{
    on_pool(t, at, &number_leave, &at.number, 1, out);
}

/* ---- answers ---- */

struct luggage luggage_of_number(const struct value *changed)
{
    return (struct luggage){value_str(value_at(changed, 1)),
                            value_str(value_at(changed, 2)),
                            value_str(value_at(changed, 3))};
}

struct luggage luggage_of_move(const struct value *begun)
{
    struct luggage out;
    struct str rest = value_str(value_at(begun, 1));
    out.state = str_cut(&rest, '\n');
    out.capabilities = str_cut(&rest, '\n');
    out.label = rest;
    return out;
}

void spot_read(struct arena *arena, const struct value *list, size_t at,
               struct msg_number *out)
{
    out->state = value_str(value_at(list, at));
    out->capabilities =
        capabilities_words(arena, value_str(value_at(list, at + 1)));
    out->label = value_str(value_at(list, at + 2));
    out->rides = value_num(value_at(list, at + 3), 0);
}
