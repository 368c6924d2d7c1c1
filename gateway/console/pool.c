/* The page of one pool: how it stands, what was seen of its days, its mark. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"

ASSET_DECLARE(pool_html);

static void pool_ask(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct msg_pool_stats m = {.name = x->part[0]};
    bus_ask(x->gateway->service->client, &x->task, "pool-svc", &type_pool_stats,
            &m, &p->pool);
}

/* "31, 32" */
static void add_prefixes(struct arena *arena, cJSON *pool)
{
    struct str serves = STR_NONE;
    const cJSON *prefix = NULL;
    cJSON_ArrayForEach(prefix,
                       cJSON_GetObjectItemCaseSensitive(pool, "prefixes"))
    {
        serves = arena_printf(arena, "%.*s%s%s", STR_ARG(serves),
                              serves.len > 0 ? ", " : "",
                              cJSON_GetStringValue(prefix));
    }
    json_add(arena, pool, "serves", serves);
}

static void add_outlook(struct arena *arena, cJSON *pool)
{
    const cJSON *days = cJSON_GetObjectItemCaseSensitive(pool, "short_in_days");
    int in = cJSON_IsNumber(days) ? days->valueint : -1;
    struct str words = STR("enough, or too early to say");
    if (in == 0)
        words = STR("short now");
    else if (in > 0)
        words =
            arena_printf(arena, "short in %d %s", in, in == 1 ? "day" : "days");
    json_add(arena, pool, "outlook", words);
}

void page_word_pool(struct arena *arena, cJSON *pool)
{
    add_prefixes(arena, pool);
    add_outlook(arena, pool);
    page_add_can(arena, pool);
}

/* The newest first, each with a bar of its need; the longest is the pool's
 * size, or the day that needed most. */
static void show_days(cJSON *pool)
{
    cJSON *days = cJSON_GetObjectItemCaseSensitive(pool, "days");
    double most =
        cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(pool, "numbers"));
    cJSON *newest = cJSON_CreateArray(), *day = NULL;
    cJSON_ArrayForEach(day, days)
    {
        double need = cJSON_GetNumberValue(
            cJSON_GetObjectItemCaseSensitive(day, "peak_need"));
        most = need > most ? need : most;
    }
    for (int i = cJSON_GetArraySize(days); i-- > 0;)
        cJSON_AddItemToArray(newest, cJSON_DetachItemFromArray(days, i));
    cJSON_ArrayForEach(day, newest)
    {
        cJSON_AddNumberToObject(day, "most", most);
    }
    cJSON_ReplaceItemInObjectCaseSensitive(pool, "days", newest);
}

static void pool_show(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct arena *arena = x->task.arena;
    cJSON *root = page_values(p, "Pool");
    cJSON *pool = show_pool_figures(arena, &p->pool);
    page_word_pool(arena, pool);
    show_days(pool);
    cJSON_AddItemToObject(root, "pool", pool);
    page_answer(x, page_status(p), ASSET(pool_html), &root);
}

const struct view view_pool = {
    .ask = pool_ask, .show = pool_show, .needs_all = true};
