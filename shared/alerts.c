#include "shared/alerts.h"

#include <stdlib.h>

#include "shared/script.h"
#include "shared/timestamp.h"

SCRIPT(alert_queue);

const char alerts_tag[] = "{alerts}";

struct str alerts_key_due(struct arena *arena)
{
    return arena_printf(arena, "%s:due", alerts_tag);
}

struct str alerts_key_alert(struct arena *arena, struct str id)
{
    return arena_printf(arena, "%s:alert:%.*s", alerts_tag, STR_ARG(id));
}

static struct str body_of(struct arena *arena, const char *type, int64_t at_ms,
                          const cJSON *data)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "type", type);
    cJSON_AddStringToObject(body, "timestamp",
                            arena_cstr(arena, time_text(arena, at_ms)));
    cJSON_AddItemToObject(body, "data", cJSON_Duplicate(data, true));
    char *text = cJSON_PrintUnformatted(body);
    if (text == NULL)
        abort();
    struct str copy = arena_copy(arena, str_of(text));
    cJSON_free(text);
    cJSON_Delete(body);
    return copy;
}

void alert_raise(struct redis *redis, struct task *t, struct str id,
                 const char *type, int64_t at_ms, const cJSON *data)
{
    struct arena *a = t->arena;
    struct str keys[] = {alerts_key_due(a), alerts_key_alert(a, id)};
    struct str args[] = {id, str_of(type), body_of(a, type, at_ms, data),
                         arena_number(a, ALERTS_MOST)};
    redis_script(redis, t, str_of(alerts_tag), &alert_queue, keys, 2, args, 4,
                 NULL);
}
