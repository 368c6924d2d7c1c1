#include "pool-svc/pool_keys.h"

#include "shared/partition.h"

struct str pool_tag(struct arena *arena, struct str pool)
{
    return arena_printf(arena, "{%.*s}", STR_ARG(pool));
}

static struct str the(struct arena *arena, struct str pool, const char *what)
{
    return arena_printf(arena, "pool:{%.*s}:%s", STR_ARG(pool), what);
}

struct str pool_key_numbers(struct arena *arena, struct str pool)
{
    return the(arena, pool, "numbers");
}

struct str pool_key_index(struct arena *arena, struct str pool)
{
    return the(arena, pool, "index");
}

struct str pool_key_closing(struct arena *arena, struct str pool)
{
    return the(arena, pool, "closing");
}

struct str pool_key_about(struct arena *arena, struct str pool)
{
    return the(arena, pool, "about");
}

struct str pool_key_settings(struct arena *arena, struct str pool)
{
    return the(arena, pool, "settings");
}

struct str pool_key_need(struct arena *arena, struct str pool)
{
    return the(arena, pool, "need");
}

struct str pool_key_busy(struct arena *arena, struct str pool)
{
    return the(arena, pool, "busy");
}

struct str pool_key_low(struct arena *arena, struct str pool)
{
    return the(arena, pool, "low");
}

struct str pool_key_alerts(struct arena *arena, struct str pool)
{
    return the(arena, pool, "alerts");
}

static struct str of(struct arena *arena, struct str pool, const char *what,
                     struct str which)
{
    return arena_printf(arena, "pool:{%.*s}:%s:%.*s", STR_ARG(pool), what,
                        STR_ARG(which));
}

struct str pool_key_held(struct arena *arena, struct str pool, struct str phone)
{
    return of(arena, pool, "held", phone);
}

struct str pool_key_uses(struct arena *arena, struct str pool,
                         struct str number)
{
    return of(arena, pool, "uses", number);
}

struct str pool_key_claim(struct arena *arena, struct str pool,
                          struct str claim)
{
    return of(arena, pool, "claim", claim);
}

struct str number_key(struct arena *arena, struct str number)
{
    struct str tag = partition_tag(partition_of(number));
    return arena_printf(arena, "number:%.*s:%.*s", STR_ARG(tag),
                        STR_ARG(number));
}
