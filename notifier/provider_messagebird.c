#include "notifier/provider_messagebird.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#include "shared/timestamp.h"

enum {
    PAGE = 100,
    NO_BALANCE = 25, /* the code in an error's body */
    NO_BALANCE_MS = 30000,
    /* Clocks differ; and a text is listed a little after it was posted. */
    SLACK_MS = 60000
};

static void add_headers(const struct settings *settings, struct arena *arena,
                        struct web_request *out)
{
    /* The sandbox takes any key, but wants one. */
    const char *key = settings->api_key[0] != '\0' ? settings->api_key : "none";
    out->headers[0] =
        arena_printf(arena, "Authorization: AccessKey %s", key).ptr;
    out->headers[1] = "Accept: application/json";
}

static void add_text(cJSON *object, struct arena *arena, const char *name,
                     struct str value)
{
    (void)cJSON_AddStringToObject(object, name, arena_cstr(arena, value));
}

static struct str message_json(struct arena *arena, const struct outgoing *text)
{
    cJSON *message = cJSON_CreateObject();
    add_text(message, arena, "originator", text->from);
    cJSON *recipients = cJSON_AddArrayToObject(message, "recipients");
    (void)cJSON_AddItemToArray(recipients,
                               cJSON_CreateString(arena_cstr(arena, text->to)));
    add_text(message, arena, "body", text->text);
    (void)cJSON_AddStringToObject(message, "datacoding", "auto");
    add_text(message, arena, "reference", text->reference);
    add_text(message, arena, "reportUrl", text->report_url);
    char *json = cJSON_PrintUnformatted(message);
    if (json == NULL)
        abort();
    struct str copy = arena_copy(arena, str_of(json));
    cJSON_free(json);
    cJSON_Delete(message);
    return copy;
}

static void ask_send(const struct settings *settings, struct arena *arena,
                     const struct outgoing *text, struct web_request *out)
{
    *out = (struct web_request){.body = message_json(arena, text)};
    out->url = arena_printf(arena, "%s/messages", settings->api_url).ptr;
    add_headers(settings, arena, out);
    out->headers[2] = "Content-Type: application/json";
}

static bool has_error(struct str body, int code)
{
    bool found = false;
    cJSON *json = cJSON_ParseWithLength(body.ptr, body.len);
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(json, "errors");
    const cJSON *error = NULL;
    cJSON_ArrayForEach(error, errors)
    {
        const cJSON *is = cJSON_GetObjectItemCaseSensitive(error, "code");
        found = found || (cJSON_IsNumber(is) && is->valueint == code);
    }
    cJSON_Delete(json);
    return found;
}

/* It is the number, and no fault of the text's. */
static bool refuses_originator(struct str body)
{
    bool found = false;
    cJSON *json = cJSON_ParseWithLength(body.ptr, body.len);
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(json, "errors");
    const cJSON *error = NULL;
    cJSON_ArrayForEach(error, errors)
    {
        const char *parameter = cJSON_GetStringValue(
            cJSON_GetObjectItemCaseSensitive(error, "parameter"));
        found = found ||
                (parameter != NULL && strcmp(parameter, "originator") == 0);
    }
    cJSON_Delete(json);
    return found;
}

static struct verdict read_refusal(const struct web_reply *reply)
{
    struct verdict v = {.fate = NOT_SENT_RETRY};
    switch (reply->status) {
    case 401:
    case 403:
        v.reason = "access_key";
        v.trouble = TROUBLE_ACCOUNT;
        v.advice = "check MESSAGEBIRD_API_KEY";
        return v;
    case 408:
        v.reason = "time_out";
        v.fate = IN_DOUBT;
        v.trouble = TROUBLE_AWAY;
        return v;
    case 429:
        v.reason = "rate_limit";
        v.least_ms = reply->retry_after_ms;
        v.trouble = TROUBLE_LIMIT;
        return v;
    default:
        break;
    }
    if (reply->status == 402 || has_error(reply->body, NO_BALANCE)) {
        v.reason = "no_balance";
        v.least_ms = NO_BALANCE_MS;
        v.advice = "top the account up";
        v.trouble = TROUBLE_ACCOUNT;
        return v;
    }
    return (struct verdict){.fate = FINAL,
                            .reason = refuses_originator(reply->body)
                                          ? "originator_refused"
                                          : "refused"};
}

static struct verdict read_send(const struct web_reply *reply)
{
    switch (reply->fate) {
    case WEB_NOT_SENT:
        return (struct verdict){.fate = NOT_SENT_RETRY,
                                .reason = "no_connection",
                                .trouble = TROUBLE_AWAY};
    case WEB_UNKNOWN:
        return (struct verdict){
            .fate = IN_DOUBT, .reason = "no_answer", .trouble = TROUBLE_AWAY};
    case WEB_ANSWERED:
        break;
    }
    if (reply->status < 300)
        return (struct verdict){.fate = SENT, .reason = "sent"};
    /* Nothing of the API redirects: the address is wrong, not the text. */
    if (reply->status < 400)
        return (struct verdict){.fate = NOT_SENT_RETRY,
                                .reason = "wrong_address",
                                .advice = "check MESSAGEBIRD_API_URL",
                                .trouble = TROUBLE_ACCOUNT};
    if (reply->status < 500)
        return read_refusal(reply);
    return (struct verdict){.fate = IN_DOUBT,
                            .reason = "provider_error",
                            .least_ms = reply->retry_after_ms,
                            .trouble = TROUBLE_AWAY};
}

static void ask_look(const struct settings *settings, struct arena *arena,
                     const struct outgoing *text, unsigned page,
                     struct web_request *out)
{
    *out = (struct web_request){.body = STR_NONE};
    out->url =
        arena_printf(arena,
                     "%s/messages?originator=%.*s&direction=mt"
                     "&limit=%d&offset=%u",
                     settings->api_url, STR_ARG(text->from), PAGE, page * PAGE)
            .ptr;
    add_headers(settings, arena, out);
}

/* Newest first, so the first one that is too old ends the search. */
static enum look find(const cJSON *items, struct str reference,
                      int64_t since_ms)
{
    const cJSON *item = NULL;
    int count = 0;
    cJSON_ArrayForEach(item, items)
    {
        int64_t created = 0;
        const char *is = cJSON_GetStringValue(
            cJSON_GetObjectItemCaseSensitive(item, "reference"));
        const char *when = cJSON_GetStringValue(
            cJSON_GetObjectItemCaseSensitive(item, "createdDatetime"));
        if (is != NULL && str_is(reference, is))
            return LOOK_FOUND;
        if (when != NULL && time_parse(str_of(when), &created) &&
            created < since_ms - SLACK_MS)
            return LOOK_ABSENT;
        count++;
    }
    return count < PAGE ? LOOK_ABSENT : LOOK_MORE;
}

static enum look read_look(const struct web_reply *reply,
                           const struct outgoing *text, int64_t since_ms,
                           struct verdict *why)
{
    *why = read_send(reply);
    if (reply->fate != WEB_ANSWERED || reply->status != 200)
        return LOOK_FAILED;
    cJSON *json = cJSON_ParseWithLength(reply->body.ptr, reply->body.len);
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(json, "items");
    enum look look = LOOK_FAILED;
    if (cJSON_IsArray(items))
        look = find(items, text->reference, since_ms);
    cJSON_Delete(json);
    return look;
}

const struct provider provider_messagebird = {
    .name = "messagebird",
    .ask_send = ask_send,
    .read_send = read_send,
    .ask_look = ask_look,
    .read_look = read_look,
};
