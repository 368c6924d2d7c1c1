/* The page that says why a ride has its number, or which one a pair would get:
 * what was passed over, and why. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"
#include "gateway/fields.h"

ASSET_DECLARE(why_html);

static void ask(struct page *p, const struct msg_ride_why *m)
{
    struct exchange *x = &p->e.x;
    bus_ask(x->gateway->service->client, &x->task, "ride-svc", &type_ride_why,
            m, &p->reasons);
}

static void ride_why_ask(struct page *p)
{
    struct msg_ride_why m = {.id = p->e.x.part[0]};
    ask(p, &m);
}

static void pair_why_ask(struct page *p)
{
    struct msg_ride_why m = {.id = STR_NONE};
    p->e.is_form = true; /* what was not filled in is not there */
    if (field_id(&p->e, "customer", &m.customer) &&
        field_id(&p->e, "driver", &m.driver) &&
        field_text_if_any(&p->e, "pool", &m.pool))
        ask(p, &m);
}

/* The template has the words of each verdict, behind is_<verdict>; one that it
 * does not know stands there as it is. */
static void add_numbers(struct arena *arena, cJSON *now)
{
    static const char *const known[] = {
        "chosen",     "held_by_customer", "held_by_driver", "held_by_both",
        "remembered", "draining",         "set_aside"};
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(now, "numbers"))
    {
        const char *verdict = cJSON_GetStringValue(
            cJSON_GetObjectItemCaseSensitive(item, "verdict"));
        const char *words = "other";
        page_add_times(arena, item);
        for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
            if (strcmp(verdict, known[i]) == 0)
                words = known[i];
        cJSON_AddTrueToObject(item, arena_printf(arena, "is_%s", words).ptr);
    }
}

static void why_show(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct arena *arena = x->task.arena;
    cJSON *root = page_values(p, "Why this number");
    cJSON *reasons = show_reasons(arena, &p->reasons);
    cJSON *now = cJSON_GetObjectItemCaseSensitive(reasons, "as_it_stands_now");
    page_add_times(arena, now);
    add_numbers(arena, now);
    if (p->reasons.reasons.left_out > 0)
        cJSON_AddTrueToObject(now, "any_left_out");
    if (p->reasons.reasons.more > 0)
        cJSON_AddTrueToObject(now, "any_more");
    cJSON_AddItemToObject(root, "reasons", reasons);
    page_answer(x, page_status(p), ASSET(why_html), &root);
}

const struct view view_ride_why = {
    .ask = ride_why_ask, .show = why_show, .needs_all = true};
const struct view view_pair_why = {
    .ask = pair_why_ask, .show = why_show, .needs_all = true};
