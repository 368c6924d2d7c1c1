/* The page of one proxy number. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"

ASSET_DECLARE(number_html);

static void number_ask(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct bus_client *client = x->gateway->service->client;
    struct msg_number_get number = {.phone = x->part[0]};
    struct msg_pool_list pools;
    bus_ask(client, &x->task, "pool-svc", &type_number_get, &number,
            &p->number);
    bus_ask(client, &x->task, "pool-svc", &type_pool_list, &pools,
            &p->lists[POOLS]);
}

void page_number_words(cJSON *number)
{
    static const struct {
        const char *state, *words;
    } all[] = {{"draining", "no new rides"}, {"set_aside", "set aside"}};
    const char *state =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(number, "state"));
    const char *words = state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (strcmp(state, all[i].state) == 0)
            words = all[i].words;
    cJSON_AddStringToObject(number, "words", words);
    if (strcmp(state, "active") != 0)
        cJSON_AddTrueToObject(number, "resting");
}

static void choose(cJSON *pools, struct str pool)
{
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(pools, "items"))
    {
        if (str_is(pool, cJSON_GetStringValue(
                             cJSON_GetObjectItemCaseSensitive(item, "name"))))
            cJSON_AddTrueToObject(item, "chosen");
    }
}

static void number_show(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct arena *arena = x->task.arena;
    const struct msg_number *m = &p->number.number;
    cJSON *root = page_values(p, "Proxy number");
    cJSON *number = show_number(arena, &p->number);
    cJSON *pools = show_pools(arena, &p->lists[POOLS]);
    page_add_can(arena, number);
    page_number_words(number);
    if (str_is(m->state, "active"))
        cJSON_AddTrueToObject(number, "is_active");
    if (str_is(m->state, "set_aside"))
        cJSON_AddTrueToObject(number, "is_set_aside");
    choose(pools, m->pool);
    cJSON_AddItemToObject(root, "number", number);
    cJSON_AddItemToObject(root, "pools", pools);
    page_answer(x, page_status(p), ASSET(number_html), &root);
}

const struct view view_number = {.may = MAY_PHONES,
                                 .ask = number_ask,
                                 .show = number_show,
                                 .needs_all = true};
