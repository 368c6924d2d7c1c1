/* Forms and queries, and what webhooks make of them. */
#include "tests/fuzz/fuzz.h"

#include "gateway/params.h"
#include "gateway/webhook_fields.h"

FUZZ(arena, input)
{
    struct params *params = arena_alloc(arena, sizeof(*params));
    struct str fault;
    struct msg_sms_received text = {.created = 0};
    struct msg_call_received call = {.from = STR_NONE};
    struct msg_report report = {.at = 0};
    struct problem problem;
    (void)params_parse_form(params, arena, input, &fault);
    HOLDS(params->count <= PARAMS_MOST);
    if (webhook_text(arena, params, &text, &problem))
        HOLDS(text.text.len <= WEBHOOK_TEXT_MOST && text.text.len > 0 &&
              text.id.len <= WEBHOOK_ID_MOST && str_is_utf8(text.text));
    webhook_call(arena, params, &call);
    (void)webhook_report(params, &report, &problem);
}
