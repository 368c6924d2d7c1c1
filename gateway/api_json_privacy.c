/* What is kept of one person, and what was erased, as JSON. */
#include "gateway/answer.h"
#include "gateway/api_json_parts.h"

static void add_or_null(struct arena *arena, cJSON *object, const char *name,
                        struct str text)
{
    if (text.len > 0)
        json_add(arena, object, name, text);
    else
        cJSON_AddNullToObject(object, name);
}

static cJSON *show_record(struct arena *arena, const union got *got)
{
    const struct msg_person *m = &got->person;
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "role", m->role);
    cJSON_AddNumberToObject(json, "id", (double)m->id);
    json_add(arena, json, "name", m->name);
    json_phone(arena, json, "phone", m->phone);
    return json;
}

static cJSON *show_kept_ride(struct arena *arena, const union got *got)
{
    const struct msg_kept_ride *m = &got->kept_ride;
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "id", m->id);
    add_or_null(arena, json, "role", m->role);
    if (m->left)
        cJSON_AddTrueToObject(json, "left");
    json_add(arena, json, "state", m->state);
    json_add(arena, json, "start", m->start);
    json_add(arena, json, "destination", m->destination);
    json_add(arena, json, "datetime", m->datetime);
    json_add(arena, json, "pool", m->pool);
    json_phone(arena, json, "proxy", m->proxy);
    json_time(arena, json, "created_at", m->created);
    json_end(arena, json, "ends_at", m->ends);
    json_end(arena, json, "grace_ends_at", m->grace);
    json_end(arena, json, "number_kept_until", m->closed);
    cJSON *timeline = cJSON_AddArrayToObject(json, "timeline");
    struct msg_event event;
    for (size_t i = 0; i < m->events.count; i++)
        if (json_item(arena, &type_event, m->events.items[i], &event))
            cJSON_AddItemToArray(timeline, json_event(arena, &event));
    return json;
}

static cJSON *show_kept_text(struct arena *arena, const union got *got)
{
    const struct msg_kept_text *m = &got->kept_text;
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "reference", m->reference);
    add_or_null(arena, json, "ride", m->ride);
    json_kind(json, m->kind);
    json_add(arena, json, "state", m->state);
    json_add(arena, json, "direction", m->direction);
    json_time(arena, json, "at", m->at);
    add_or_null(arena, json, "text", m->text);
    return json;
}

static cJSON *show_hold(struct arena *arena, const union got *got)
{
    const struct msg_hold *m = &got->hold;
    cJSON *json = cJSON_CreateObject();
    json_phone(arena, json, "number", m->number);
    json_add(arena, json, "pool", m->pool);
    json_end(arena, json, "until", m->until);
    if (m->until == -1)
        cJSON_AddTrueToObject(json, "for_good");
    return json;
}

static void add_list(struct arena *arena, cJSON *json, const char *name,
                     const struct list *list, const struct message_type *type,
                     cJSON *(*show)(struct arena *, const union got *))
{
    cJSON *array = cJSON_AddArrayToObject(json, name);
    union got one;
    for (size_t i = 0; i < list->count; i++)
        if (json_item(arena, type, list->items[i], &one))
            cJSON_AddItemToArray(array, show(arena, &one));
}

cJSON *show_kept(struct arena *arena, const union got *got)
{
    const struct msg_person_kept *m = &got->kept;
    cJSON *json = cJSON_CreateObject();
    json_time(arena, json, "at", m->at);
    json_phone(arena, json, "phone", m->phone);
    add_list(arena, json, "people", &m->people, &type_person, show_record);
    json_words(arena, json, "also_with_this_phone", &m->also);
    add_list(arena, json, "rides", &m->rides, &type_kept_ride, show_kept_ride);
    add_list(arena, json, "texts", &m->texts, &type_kept_text, show_kept_text);
    add_list(arena, json, "numbers", &m->holds, &type_hold, show_hold);
    add_or_null(arena, json, "next", m->next);
    return json;
}

cJSON *show_erased(struct arena *arena, const union got *got)
{
    const struct msg_person_erased *m = &got->erased;
    const struct {
        const char *name;
        int64_t count;
    } counts[] = {{"people", m->people},
                  {"rides", m->rides},
                  {"rides_ended", m->rides_ended},
                  {"routes", m->routes},
                  {"texts", m->texts},
                  {"dead_letters", m->letters},
                  {"unrouted_texts", m->unrouted},
                  {"numbers", m->holds}};
    cJSON *json = cJSON_CreateObject();
    json_time(arena, json, "begun_at", m->begun);
    json_time(arena, json, "done_at", m->done);
    cJSON *erased = cJSON_AddObjectToObject(json, "erased");
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        cJSON_AddNumberToObject(erased, counts[i].name,
                                (double)counts[i].count);
    cJSON *kept = cJSON_AddObjectToObject(json, "kept");
    cJSON_AddNumberToObject(kept, "routes", (double)m->kept);
    if (m->kept_until > 0)
        json_time(arena, kept, "until", m->kept_until);
    else
        cJSON_AddNullToObject(kept, "until");
    json_words(arena, json, "also_with_this_phone", &m->also);
    return json;
}
