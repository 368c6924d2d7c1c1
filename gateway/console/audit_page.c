/* The page of the audit log. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"
#include "gateway/fields.h"

ASSET_DECLARE(audit_html);

enum { ENTRIES_A_PAGE = 50 };

static const char *const filters[] = {"who",   "what",  "object",
                                      "since", "until", NULL};

static void audit_ask(struct page *p)
{
    struct errand *e = &p->e;
    e->is_form = true; /* what is left empty is not asked for */
    if (!act_audit_list.read(e))
        return;
    e->ask.audit.limit = ENTRIES_A_PAGE;
    audit_list(e->x.gateway->audit, &e->x.task, &e->ask.audit, &p->audit.audit);
}

static void add_more(struct page *p, cJSON *list)
{
    struct buffer out = {0};
    struct str next = p->audit.audit.next;
    if (next.len == 0)
        return;
    buffer_printf(&out, "/audit?cursor=");
    params_add_encoded(&out, next);
    for (size_t i = 0; i < p->e.params.count; i++) {
        const struct param *param = &p->e.params.items[i];
        if (param->value.len == 0 || str_is(param->name, "cursor"))
            continue;
        buffer_str(&out, STR("&"));
        params_add_encoded(&out, param->name);
        buffer_str(&out, STR("="));
        params_add_encoded(&out, param->value);
    }
    json_add(p->e.x.task.arena, list, "more", buffer_view(&out));
    buffer_free(&out);
}

static void audit_show(struct page *p)
{
    struct arena *arena = p->e.x.task.arena;
    cJSON *root = page_values(p, "Audit log");
    cJSON *filter = cJSON_AddObjectToObject(root, "filter");
    for (const char *const *name = filters; *name != NULL; name++)
        json_add(arena, filter, *name, params_get(&p->e.params, *name));
    if (p->e.ask.audit.trail == AUDIT_RIDES)
        cJSON_AddTrueToObject(filter, "is_rides");
    cJSON *list = show_audit(arena, &p->audit);
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(list, "items"))
    {
        page_add_times(arena, item);
    }
    add_more(p, list);
    cJSON_AddItemToObject(root, "audit", list);
    page_answer(&p->e.x, page_status(p), ASSET(audit_html), &root);
}

const struct view view_audit = {
    .may = MAY_ADMIN, .ask = audit_ask, .show = audit_show, .needs_all = true};
