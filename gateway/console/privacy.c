/* What is kept of one person, as a file for them; and its erasure, with what
 * was erased. By the person's page, or by a phone alone. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"
#include "gateway/fields.h"

ASSET_DECLARE(privacy_html);
ASSET_DECLARE(erased_html);

static void ask_nothing(struct page *p)
{
    (void)p;
}

static bool is_answered(const struct page *p)
{
    return p->e.x.route->act != NULL && !p->has_failed;
}

/* The person's own page, where it was refused. */
static void ask_person(struct page *p)
{
    if (p->has_failed)
        person_ask(p);
}

/* ---- export ---- */

/* A file: what a browser shows it may keep. */
static void file_show(struct page *p)
{
    struct exchange *x = &p->e.x;
    cJSON *json = show_kept(x->task.arena, &p->e.got);
    answer_json(&x->answer, x->task.arena, 200, &json);
    answer_header(&x->answer, "Content-Disposition",
                  STR("attachment; filename=\"person.json\""));
}

static void export_show(struct page *p)
{
    if (p->has_failed)
        person_show(p);
    else
        file_show(p);
}

const struct view view_customer_export = {.role = "customer",
                                          .ask = ask_person,
                                          .show = export_show,
                                          .needs_all = true};
const struct view view_driver_export = {.role = "driver",
                                        .ask = ask_person,
                                        .show = export_show,
                                        .needs_all = true};

/* ---- erasure ---- */

/* "customer 3, driver 9" */
static void add_also(struct arena *arena, cJSON *answer,
                     const struct list *also)
{
    struct str all = STR_NONE;
    for (size_t i = 0; i < also->count; i++)
        all = arena_printf(arena, "%.*s%s%.*s", STR_ARG(all), i > 0 ? ", " : "",
                           STR_ARG(also->items[i]));
    if (all.len > 0)
        json_add(arena, answer, "also", all);
}

static void erased_show(struct page *p)
{
    struct arena *arena = p->e.x.task.arena;
    cJSON *root = page_values(p, "Erased");
    cJSON *answer = show_erased(arena, &p->e.got);
    cJSON *kept = cJSON_GetObjectItemCaseSensitive(answer, "kept");
    page_add_times(arena, answer);
    add_also(arena, answer, &p->e.got.erased.also);
    page_add_times(arena, kept);
    cJSON_AddItemToObject(root, "answer", answer);
    page_answer(&p->e.x, 200, ASSET(erased_html), &root);
}

static void erase_show(struct page *p)
{
    if (p->has_failed)
        person_show(p);
    else
        erased_show(p);
}

const struct view view_customer_erase = {.role = "customer",
                                         .ask = ask_person,
                                         .show = erase_show,
                                         .needs_all = true};
const struct view view_driver_erase = {
    .role = "driver", .ask = ask_person, .show = erase_show, .needs_all = true};

/* ---- by a phone alone ---- */

static void privacy_show(struct page *p)
{
    if (is_answered(p)) {
        erased_show(p);
        return;
    }
    cJSON *root = page_values(p, "A person who asks");
    page_answer(&p->e.x, page_status(p), ASSET(privacy_html), &root);
}

static void privacy_export_show(struct page *p)
{
    if (is_answered(p))
        file_show(p);
    else
        privacy_show(p);
}

const struct view view_privacy = {
    .may = MAY_ADMIN, .ask = ask_nothing, .show = privacy_show};
const struct view view_privacy_export = {.ask = ask_nothing,
                                         .show = privacy_export_show};
