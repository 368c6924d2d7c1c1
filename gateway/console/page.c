#include "gateway/console/page.h"

#include "gateway/access/sight.h"
#include "gateway/render.h"
#include "shared/timestamp.h"

ASSET_DECLARE(head_html);
ASSET_DECLARE(foot_html);

enum { FORM_TIME_CHARS = sizeof("2026-11-24T18:07") - 1 };

static const char *const forms[] = {
    "ride_form",    "customer_form",    "driver_form", "number_form",
    "pool_form",    "number_edit_form", "import_form", "edit_form",
    "delete_form",  "end_form",         "extend_form", "cancel_form",
    "reopen_form",  "party_form",       "replay_form", "reveal_form",
    "account_form", "password_form",    "totp_form",   "token_form",
    "erase_form",   "export_form",      NULL};

/* ---- the last act ---- */

/* Only codes that an act has; the address bar says nothing else on a page. */
static void add_done(const struct page *p, cJSON *root)
{
    const struct exchange *x = &p->e.x;
    struct str code = params_get(&p->e.params, "done");
    if (x->route->act != NULL || code.len == 0)
        return;
    for (const struct route *r = x->gateway->routes; r->pattern != NULL; r++) {
        if (r->act == NULL || r->act->done == NULL ||
            !str_is(code, r->act->done))
            continue;
        struct str name =
            arena_printf(x->task.arena, "done_%.*s", STR_ARG(code));
        cJSON_AddTrueToObject(root, name.ptr);
        cJSON_AddTrueToObject(root, "done");
        return;
    }
}

static bool is_field(const struct act *act, struct str name)
{
    for (const char *const *field = act->fields; *field != NULL; field++)
        if (str_is(name, *field))
            return true;
    return false;
}

static void add_typed(const struct page *p, cJSON *form)
{
    struct arena *arena = p->e.x.task.arena;
    const struct act *act = p->e.x.route->act;
    for (const char *const *field = act->fields; *field != NULL; field++)
        json_add(arena, form, *field, params_get(&p->e.params, *field));
    cJSON_AddTrueToObject(form, "was_sent");
    page_add_channel(form, params_get(&p->e.params, "channels"));
    page_add_channel(form, params_get(&p->e.params, "capabilities"));
    if (!is_field(act, p->failed.field))
        return;
    struct str name = arena_printf(arena, "bad_%.*s", STR_ARG(p->failed.field));
    cJSON_AddStringToObject(form, name.ptr, problem_sentence(p->failed.code));
}

/* "2026-11-24 18:07" */
static struct str for_people(struct arena *arena, struct str time)
{
    struct str clock = str_from(time, 11);
    if (clock.len < 5)
        return time;
    return arena_printf(arena, "%.10s %.5s", time.ptr, clock.ptr);
}

static void add_refusal(const struct page *p, cJSON *root)
{
    struct arena *arena = p->e.x.task.arena;
    const struct act *act = p->e.x.route->act;
    cJSON *refusal = cJSON_AddObjectToObject(root, "refusal");
    cJSON_AddStringToObject(refusal, "sentence",
                            problem_sentence(p->failed.code));
    cJSON_AddStringToObject(refusal, "form", act->form);
    if (is_field(act, p->failed.field))
        cJSON_AddTrueToObject(refusal, "beside");
    if ((p->failed.code == PROBLEM_no_number ||
         p->failed.code == PROBLEM_number_held) &&
        p->failed.detail > 0) {
        if (p->failed.code == PROBLEM_number_held)
            cJSON_AddTrueToObject(refusal, "of_this_one");
        json_add(arena, refusal, "next_free_at",
                 time_text(arena, p->failed.detail));
        page_add_times(arena, refusal);
    }
}

/* ---- values ---- */

void page_add_times(struct arena *arena, cJSON *thing)
{
    static const char *const names[][2] = {{"at", "at_text"},
                                           {"created_at", "created_text"},
                                           {"ends_at", "ends_text"},
                                           {"grace_ends_at", "grace_text"},
                                           {"number_kept_until", "kept_text"},
                                           {"queued_at", "queued_text"},
                                           {"died_at", "died_text"},
                                           {"until", "until_text"},
                                           {"begun_at", "begun_text"},
                                           {"done_at", "done_text"},
                                           {"next_free_at", "next_free_text"},
                                           {"expires_at", "expires_text"},
                                           {"used_at", "used_text"},
                                           {"seen_at", "seen_text"},
                                           {"signed_in_at", "signed_in_text"},
                                           {"first_at", "first_text"},
                                           {"last_at", "last_text"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const cJSON *time =
            cJSON_GetObjectItemCaseSensitive(thing, names[i][0]);
        if (cJSON_IsString(time))
            json_add(arena, thing, names[i][1],
                     for_people(arena, str_of(time->valuestring)));
    }
    /* A form's date and time; anything else stays as it was typed. */
    const cJSON *pickup = cJSON_GetObjectItemCaseSensitive(thing, "datetime");
    int64_t ms = 0;
    if (!cJSON_IsString(pickup))
        return;
    struct str typed = str_of(pickup->valuestring);
    json_add(arena, thing, "pickup",
             typed.len == FORM_TIME_CHARS && time_parse(typed, &ms)
                 ? for_people(arena, typed)
                 : typed);
}

void page_add_channel(cJSON *thing, struct str channels)
{
    if (str_is(channels, "sms"))
        cJSON_AddTrueToObject(thing, "only_sms");
    else if (str_is(channels, "voice"))
        cJSON_AddTrueToObject(thing, "only_voice");
}

void page_add_can(struct arena *arena, cJSON *thing)
{
    const cJSON *item = NULL;
    struct str can = STR_NONE;
    cJSON_ArrayForEach(item,
                       cJSON_GetObjectItemCaseSensitive(thing, "capabilities"))
    {
        bool texts = strcmp(cJSON_GetStringValue(item), "sms") == 0;
        can =
            arena_printf(arena, "%.*s%s%s", STR_ARG(can),
                         can.len > 0 ? " and " : "", texts ? "texts" : "calls");
    }
    json_add(arena, thing, "can", can);
}

/* Who looks, and what the page may offer them. */
static void add_identity(const struct exchange *x, cJSON *root)
{
    static const struct {
        unsigned may;
        const char *name;
    } offers[] = {{MAY_RIDES, "can_rides"},
                  {MAY_POOL, "can_pool"},
                  {MAY_PHONES, "can_phones"},
                  {MAY_REVEAL, "can_reveal"},
                  {MAY_ADMIN, "can_admin"}};
    if (x->who.kind == IDENTITY_SESSION)
        json_add(x->task.arena, cJSON_AddObjectToObject(root, "me"), "account",
                 x->who.name);
    for (size_t i = 0; i < sizeof(offers) / sizeof(*offers); i++)
        if (x->who.may & offers[i].may)
            cJSON_AddTrueToObject(root, offers[i].name);
}

cJSON *page_values(struct page *p, const char *title)
{
    struct arena *arena = p->e.x.task.arena;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "title", title);
    json_add(arena, root, "token", p->token);
    add_identity(&p->e.x, root);
    add_done(p, root);
    for (const char *const *form = forms; *form != NULL; form++) {
        cJSON *values = cJSON_AddObjectToObject(root, *form);
        if (p->has_failed && strcmp(*form, p->e.x.route->act->form) == 0)
            add_typed(p, values);
    }
    if (p->has_failed)
        add_refusal(p, root);
    return root;
}

int page_status(const struct page *p)
{
    return p->has_failed ? problem_status(p->failed.code) : 200;
}

void page_answer(struct exchange *x, int status, struct str html,
                 cJSON **values)
{
    struct arena *arena = x->task.arena;
    struct str parts[] = {ASSET(head_html), html, ASSET(foot_html)};
    struct buffer page = {0};
    if ((x->who.may & MAY_PHONES) == 0)
        sight_hide_phones(*values);
    for (int i = 0; i < 3; i++)
        buffer_str(&page, render(arena, parts[i], *values));
    cJSON_Delete(*values);
    *values = NULL;
    x->answer.status = status;
    x->answer.content_type = STR("text/html; charset=utf-8");
    x->answer.body = arena_copy(arena, buffer_view(&page));
    buffer_free(&page);
    answer_header(&x->answer, "Content-Security-Policy",
                  STR("default-src 'none'; style-src 'self'; "
                      "script-src 'self'; img-src 'self'; "
                      "form-action 'self'; frame-ancestors 'none'; "
                      "base-uri 'none'"));
}
