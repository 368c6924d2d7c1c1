/* JSON bodies, and what webhooks make of them. */
#include "tests/fuzz/fuzz.h"

#include "gateway/params.h"
#include "gateway/webhook_fields.h"

FUZZ(arena, input)
{
    struct params *params = arena_alloc(arena, sizeof(*params));
    struct str fault;
    struct msg_sms_received text = {.created = 0};
    struct problem problem;
    if (!params_parse_json(params, arena, input, &fault))
        return;
    HOLDS(params->count <= PARAMS_MOST);
    for (size_t i = 0; i < params->count; i++)
        HOLDS(str_is_utf8(params->items[i].name) &&
              str_is_utf8(params->items[i].value));
    (void)webhook_text(arena, params, &text, &problem);
}
