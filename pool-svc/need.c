#include "pool-svc/need.h"

#include "pool-svc/forecast.h"
#include "pool-svc/pool_keys.h"
#include "shared/script.h"

SCRIPT(pool_figures);

enum { DAYS = FORECAST_DAYS };
static const int64_t day_ms = 86400000;

/* What the script returns. */
enum { NOW, NUMBERS, HELD, SETTINGS, LOW, SEEN, ALERTS };

struct day {
    int64_t need, busiest, refused;
};

void need_ask(struct task *t, struct str pool, const char *act,
              struct value *figures)
{
    struct arena *a = t->arena;
    struct str keys[] = {pool_key_numbers(a, pool), pool_key_busy(a, pool),
                         pool_key_need(a, pool),    pool_key_settings(a, pool),
                         pool_key_low(a, pool),     pool_key_alerts(a, pool)};
    struct str args[] = {pool, str_of(act), arena_number(a, DAYS)};
    redis_script(service_of(t)->redis, t, pool_tag(a, pool), &pool_figures,
                 keys, 6, args, 3, figures);
}

struct str need_setting(const struct value *figures, enum need_setting which)
{
    return value_str(value_at(value_at(figures, SETTINGS), which));
}

/* False, and all is 0, where nothing was seen. */
static bool read_day(const struct value *seen, size_t at, struct day *day)
{
    struct str rest = value_str(value_at(seen, at));
    *day = (struct day){0};
    return rest.len > 0 && str_to_num(str_cut(&rest, ' '), &day->need) &&
           str_to_num(str_cut(&rest, ' '), &day->busiest) &&
           str_to_num(rest, &day->refused);
}

static int64_t short_in(const struct value *seen, int64_t numbers)
{
    int64_t need[DAYS];
    struct day day;
    for (size_t i = 0; i < DAYS; i++)
        need[i] = read_day(seen, i, &day) ? day.need : -1;
    return forecast_short_in(need, DAYS, numbers);
}

void need_fill(const struct value *figures, struct msg_pool *m)
{
    const struct value *seen = value_at(figures, SEEN);
    struct day today;
    (void)read_day(seen, DAYS - 1, &today);
    m->numbers = value_num(value_at(figures, NUMBERS), 0);
    m->held = value_num(value_at(figures, HELD), 0);
    m->busiest = today.busiest;
    m->need = today.need;
    m->refused = today.refused > 0;
    m->short_in = short_in(seen, m->numbers);
    m->low_water = -1;
    (void)str_to_num(need_setting(figures, NEED_LOW_WATER), &m->low_water);
    m->low = value_num(value_at(figures, LOW), 0) != 0;
}

void need_list_days(struct arena *arena, const struct value *figures,
                    struct list *days)
{
    const struct value *seen = value_at(figures, SEEN);
    int64_t today = value_num(value_at(figures, NOW), 0) / day_ms;
    struct day day;
    *days = (struct list){arena_alloc(arena, DAYS * sizeof(struct str)), 0};
    for (size_t i = 0; i < DAYS; i++) {
        if (!read_day(seen, i, &day))
            continue;
        struct msg_pool_day m = {.day =
                                     (today - DAYS + 1 + (int64_t)i) * day_ms,
                                 .need = day.need,
                                 .busiest = day.busiest,
                                 .refused = day.refused > 0};
        days->items[days->count++] = message_pack(arena, &type_pool_day, &m);
    }
}

const struct value *need_alerts(const struct value *figures)
{
    return value_at(figures, ALERTS);
}
