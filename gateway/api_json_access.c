/* Accounts, sessions, tokens and the audit log as JSON. */
#include "gateway/answer.h"
#include "gateway/api_json_parts.h"
#include "shared/timestamp.h"

enum { ACCOUNT_WORDS = 7, SESSION_WORDS = 6, TOKEN_WORDS = 7 };

static struct str word(const struct value *list, size_t at)
{
    return value_str(value_at(list, at));
}

/* null where there is none. */
static void add_time(struct arena *arena, cJSON *json, const char *name,
                     int64_t ms)
{
    if (ms > 0)
        json_add(arena, json, name, time_text(arena, ms));
    else
        cJSON_AddNullToObject(json, name);
}

static void add_time_word(struct arena *arena, cJSON *json, const char *name,
                          const struct value *list, size_t at)
{
    add_time(arena, json, name, value_num(value_at(list, at), 0));
}

static cJSON *begin_list(cJSON **items)
{
    cJSON *json = cJSON_CreateObject();
    *items = cJSON_AddArrayToObject(json, "items");
    return json;
}

static cJSON *add_item(cJSON *items)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(items, item);
    return item;
}

/* ---- accounts, sessions ---- */

cJSON *show_account(struct arena *arena, const union got *got)
{
    const struct got_account *m = &got->account;
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "id", m->name);
    json_add(arena, json, "name", m->name);
    json_add(arena, json, "role", m->role);
    if (m->password.len > 0)
        json_add(arena, json, "password", m->password);
    return json;
}

cJSON *show_accounts(struct arena *arena, const union got *got)
{
    cJSON *items = NULL, *json = begin_list(&items);
    const struct value *all = &got->list;
    for (size_t i = 0; i + ACCOUNT_WORDS <= all->count; i += ACCOUNT_WORDS) {
        cJSON *item = add_item(items);
        json_add(arena, item, "name", word(all, i));
        json_add(arena, item, "role", word(all, i + 1));
        add_time_word(arena, item, "created_at", all, i + 2);
        json_add(arena, item, "created_by", word(all, i + 3));
        add_time_word(arena, item, "signed_in_at", all, i + 4);
        cJSON_AddBoolToObject(item, "disabled", word(all, i + 5).len > 0);
        cJSON_AddBoolToObject(item, "totp",
                              value_num(value_at(all, i + 6), 0) > 0);
    }
    cJSON_AddNullToObject(json, "next");
    return json;
}

cJSON *show_sessions(struct arena *arena, const union got *got)
{
    cJSON *items = NULL, *json = begin_list(&items);
    const struct value *all = &got->list;
    for (size_t i = 0; i + SESSION_WORDS <= all->count; i += SESSION_WORDS) {
        cJSON *item = add_item(items);
        json_add(arena, item, "id", word(all, i));
        add_time_word(arena, item, "created_at", all, i + 1);
        add_time_word(arena, item, "seen_at", all, i + 2);
        add_time_word(arena, item, "ends_at", all, i + 3);
        json_add(arena, item, "address", word(all, i + 4));
        json_add(arena, item, "browser", word(all, i + 5));
    }
    cJSON_AddNullToObject(json, "next");
    return json;
}

/* ---- tokens ---- */

static void add_scopes(struct arena *arena, cJSON *json, struct str scopes)
{
    cJSON *array = cJSON_AddArrayToObject(json, "scopes");
    while (scopes.len > 0)
        cJSON_AddItemToArray(array, cJSON_CreateString(arena_cstr(
                                        arena, str_cut(&scopes, ' '))));
}

cJSON *show_token(struct arena *arena, const union got *got)
{
    const struct got_token *m = &got->token;
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "id", m->id);
    json_add(arena, json, "name", m->name);
    add_scopes(arena, json, m->scopes);
    add_time(arena, json, "created_at", m->made);
    add_time(arena, json, "expires_at", m->expires);
    json_add(arena, json, "token", m->token);
    return json;
}

cJSON *show_tokens(struct arena *arena, const union got *got)
{
    cJSON *items = NULL, *json = begin_list(&items);
    const struct value *all = &got->list;
    for (size_t i = 0; i + TOKEN_WORDS <= all->count; i += TOKEN_WORDS) {
        cJSON *item = add_item(items);
        json_add(arena, item, "id", word(all, i));
        json_add(arena, item, "name", word(all, i + 1));
        add_scopes(arena, item, word(all, i + 2));
        add_time_word(arena, item, "expires_at", all, i + 3);
        add_time_word(arena, item, "created_at", all, i + 4);
        json_add(arena, item, "created_by", word(all, i + 5));
        add_time_word(arena, item, "used_at", all, i + 6);
    }
    cJSON_AddNullToObject(json, "next");
    return json;
}

/* ---- the audit log ---- */

static void add_if_any(struct arena *arena, cJSON *json, const char *name,
                       struct str value)
{
    if (value.len > 0)
        json_add(arena, json, name, value);
}

static void show_entry(struct arena *arena, cJSON *json,
                       const struct msg_audit_entry *e, struct str mac)
{
    cJSON_AddNumberToObject(json, "number", (double)e->seq);
    add_time(arena, json, "at", e->at);
    json_add(arena, json, "what", e->what);
    json_add(arena, json, "outcome", e->outcome);
    add_if_any(arena, json, "who", e->who);
    add_if_any(arena, json, "with", e->with);
    add_if_any(arena, json, "address", e->address);
    add_if_any(arena, json, "object", e->object);
    add_if_any(arena, json, "detail", e->detail);
    add_if_any(arena, json, "trace", e->trace);
    json_add(arena, json, "seal", mac);
}

cJSON *show_audit(struct arena *arena, const union got *got)
{
    cJSON *items = NULL, *json = begin_list(&items);
    const struct audit_page *page = &got->audit;
    for (size_t i = 0; i < page->count; i++)
        show_entry(arena, add_item(items), &page->entries[i], page->macs[i]);
    if (page->next.len > 0)
        json_add(arena, json, "next", page->next);
    else
        cJSON_AddNullToObject(json, "next");
    return json;
}

cJSON *show_audit_check(struct arena *arena, const union got *got)
{
    const struct audit_check *m = &got->check;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddBoolToObject(json, "holds", m->fault.len == 0);
    if (m->fault.len > 0) {
        json_add(arena, json, "fault", m->fault);
        cJSON_AddNumberToObject(json, "fault_at", (double)m->fault_seq);
    }
    cJSON_AddNumberToObject(json, "checked", (double)m->checked);
    cJSON_AddNumberToObject(json, "first", (double)m->first_seq);
    add_time(arena, json, "first_at", m->first_ms);
    cJSON_AddNumberToObject(json, "last", (double)m->last_seq);
    add_time(arena, json, "last_at", m->last_ms);
    json_add(arena, json, "last_mac", m->last_mac);
    if (m->next.len > 0)
        json_add(arena, json, "next", m->next);
    else
        cJSON_AddNullToObject(json, "next");
    return json;
}

/* ---- a person's phone ---- */

cJSON *show_revealed(struct arena *arena, const union got *got)
{
    cJSON *json = cJSON_CreateObject();
    json_phone(arena, json, "phone", got->person_revealed.phone);
    return json;
}
