#include "gateway/webhook_fields.h"

#include "shared/phone.h"
#include "shared/timestamp.h"

/* Each field's names, the one that problems are told under first. */
static const char *const originator[] = {"originator", "sender", NULL};
static const char *const recipient[] = {"recipient", "receiver", "shortcode",
                                        NULL};
static const char *const payload[] = {"payload", "body", "message",
                                      "incomingMessage", NULL};
static const char *const text_id[] = {"message_id", "id", NULL};
static const char *const source[] = {"source", NULL};
static const char *const destination[] = {"destination", NULL};

/* The first of the names that has a value. */
static struct str find(const struct params *params, const char *const *names)
{
    for (; *names != NULL; names++) {
        struct str value = params_get(params, *names);
        if (value.len > 0)
            return value;
    }
    return STR_NONE;
}

static struct str find_phone(struct arena *arena, const struct params *params,
                             const char *const *names)
{
    struct phone phone;
    enum problem_code why = PROBLEM_invalid;
    if (!phone_parse(find(params, names), &phone, &why))
        return STR_NONE;
    return arena_copy(arena, phone_str(&phone));
}

static bool refuse(struct problem *problem, enum problem_code code,
                   const char *field)
{
    *problem = (struct problem){code, str_of(field), 0};
    return false;
}

/* When the text was written; the provider's `date` is local time, and tells
 * nothing. 0: unknown. */
static int64_t find_created(const struct params *params)
{
    int64_t ms = 0;
    int64_t seconds = 0;
    if (time_parse(params_get(params, "createdDatetime"), &ms))
        return ms > 0 ? ms : 0;
    if (str_to_num(params_get(params, "date_utc"), &seconds) && seconds > 0 &&
        seconds < INT64_MAX / 1000)
        return seconds * 1000;
    return 0;
}

bool webhook_text(struct arena *arena, const struct params *params,
                  struct msg_sms_received *out, struct problem *problem)
{
    if (find(params, recipient).len == 0)
        return refuse(problem, PROBLEM_missing, recipient[0]);
    out->text = find(params, payload);
    if (out->text.len == 0)
        return refuse(problem, PROBLEM_missing, payload[0]);
    if (out->text.len > WEBHOOK_TEXT_MOST)
        return refuse(problem, PROBLEM_too_long, payload[0]);
    out->id = find(params, text_id);
    if (out->id.len > WEBHOOK_ID_MOST)
        return refuse(problem, PROBLEM_too_long, text_id[0]);
    out->from = find_phone(arena, params, originator);
    out->to = find_phone(arena, params, recipient);
    out->created = find_created(params);
    return true;
}

void webhook_call(struct arena *arena, const struct params *params,
                  struct msg_call_received *out)
{
    out->from = find_phone(arena, params, source);
    out->to = find_phone(arena, params, destination);
}

bool webhook_report(const struct params *params, struct msg_report *out,
                    struct problem *problem)
{
    int64_t at = 0;
    out->reference = params_get(params, "reference");
    out->status = params_get(params, "status");
    if (out->reference.len == 0)
        return refuse(problem, PROBLEM_missing, "reference");
    if (out->reference.len > WEBHOOK_ID_MOST)
        return refuse(problem, PROBLEM_too_long, "reference");
    if (out->status.len == 0)
        return refuse(problem, PROBLEM_missing, "status");
    if (out->status.len > WEBHOOK_ID_MOST)
        return refuse(problem, PROBLEM_too_long, "status");
    if (time_parse(params_get(params, "statusDatetime"), &at) && at > 0)
        out->at = at;
    return true;
}
