/* The pages of who may come in: one's own account, and for admins all accounts
 * and tokens. */
#include "gateway/access/store.h"
#include "gateway/access/totp.h"
#include "gateway/api_json.h"
#include "gateway/console/page.h"
#include "shared/keys.h"

ASSET_DECLARE(account_html);
ASSET_DECLARE(accounts_html);
ASSET_DECLARE(tokens_html);

static void add_times_of_all(struct arena *arena, cJSON *list)
{
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(list, "items"))
    {
        page_add_times(arena, item);
    }
}

/* ---- one's own ---- */

static void account_ask(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct service *s = x->gateway->service;
    if (x->who.kind != IDENTITY_SESSION) {
        task_reject(&x->task, PROBLEM_forbidden, STR_NONE);
        return;
    }
    store_account(s, &x->task, x->who.name, &p->own);
    store_sessions(s, &x->task, x->who.name, &p->accounts.list);
}

static void add_totp(struct page *p, cJSON *root)
{
    struct exchange *x = &p->e.x;
    struct arena *arena = x->task.arena;
    struct str secret = STR_NONE;
    if (value_field(&p->own, "totp").len > 0)
        cJSON_AddTrueToObject(root, "has_totp");
    else if (vault_unseal(x->gateway->service->vault, arena,
                          value_field(&p->own, "totp_new"),
                          meaning_totp(arena, x->who.name), &secret)) {
        json_add(arena, root, "totp_secret", totp_base32(arena, secret));
        json_add(arena, root, "totp_uri", totp_uri(arena, x->who.name, secret));
    }
}

static void account_show(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct arena *arena = x->task.arena;
    cJSON *root = page_values(p, "Your account");
    cJSON *sessions = show_sessions(arena, &p->accounts);
    cJSON *item = NULL;
    cJSON_ArrayForEach(item,
                       cJSON_GetObjectItemCaseSensitive(sessions, "items"))
    {
        const char *id =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "id"));
        if (str_is(x->who.id, id))
            cJSON_AddTrueToObject(item, "is_this");
    }
    add_times_of_all(arena, sessions);
    cJSON_AddItemToObject(root, "sessions", sessions);
    add_totp(p, root);
    page_answer(x, page_status(p), ASSET(account_html), &root);
}

const struct view view_account = {
    .ask = account_ask, .show = account_show, .needs_all = true};

/* ---- all accounts ---- */

/* What an act has just made, with what is shown once. */
static bool has_made(const struct page *p, const struct act *act)
{
    return p->e.x.route->act == act && !p->has_failed;
}

static void accounts_ask(struct page *p)
{
    store_accounts(p->e.x.gateway->service, &p->e.x.task, &p->accounts.list);
}

static void accounts_show(struct page *p)
{
    struct arena *arena = p->e.x.task.arena;
    cJSON *root = page_values(p, "Accounts");
    cJSON *list = show_accounts(arena, &p->accounts);
    add_times_of_all(arena, list);
    cJSON_AddItemToObject(root, "accounts", list);
    if (has_made(p, &act_account_add))
        cJSON_AddItemToObject(root, "made", show_account(arena, &p->e.got));
    page_answer(&p->e.x, page_status(p), ASSET(accounts_html), &root);
}

const struct view view_accounts = {.may = MAY_ADMIN,
                                   .ask = accounts_ask,
                                   .show = accounts_show,
                                   .needs_all = true};

/* ---- tokens ---- */

static void tokens_ask(struct page *p)
{
    store_tokens(p->e.x.gateway->service, &p->e.x.task, &p->tokens.list);
}

/* "rides, pool" */
static void add_words(struct arena *arena, cJSON *token)
{
    const cJSON *scope = NULL;
    struct str words = STR_NONE;
    cJSON_ArrayForEach(scope, cJSON_GetObjectItemCaseSensitive(token, "scopes"))
    {
        words = arena_printf(arena, "%.*s%s%s", STR_ARG(words),
                             words.len > 0 ? ", " : "",
                             cJSON_GetStringValue(scope));
    }
    json_add(arena, token, "may", words);
}

static void tokens_show(struct page *p)
{
    struct arena *arena = p->e.x.task.arena;
    cJSON *root = page_values(p, "API tokens");
    cJSON *list = show_tokens(arena, &p->tokens);
    cJSON *item = NULL;
    add_times_of_all(arena, list);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(list, "items"))
    {
        add_words(arena, item);
    }
    cJSON_AddItemToObject(root, "tokens", list);
    if (has_made(p, &act_token_add)) {
        cJSON *made = cJSON_AddObjectToObject(root, "made");
        json_add(arena, made, "name", p->e.got.token.name);
        json_add(arena, made, "value", p->e.got.token.token);
    }
    page_answer(&p->e.x, page_status(p), ASSET(tokens_html), &root);
}

const struct view view_tokens = {.may = MAY_ADMIN,
                                 .ask = tokens_ask,
                                 .show = tokens_show,
                                 .needs_all = true};
