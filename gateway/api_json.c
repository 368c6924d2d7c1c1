#include "gateway/api_json_parts.h"

#include "gateway/answer.h"
#include "shared/log.h"
#include "shared/timestamp.h"

void json_time(struct arena *arena, cJSON *object, const char *name, int64_t ms)
{
    json_add(arena, object, name, time_text(arena, ms));
}

void json_end(struct arena *arena, cJSON *object, const char *name, int64_t ms)
{
    if (ms >= 0 && ms < NO_END_MS)
        json_time(arena, object, name, ms);
    else
        cJSON_AddNullToObject(object, name);
}

void json_phone(struct arena *arena, cJSON *object, const char *name,
                struct str digits)
{
    json_add(arena, object, name,
             arena_printf(arena, "+%.*s", STR_ARG(digits)));
}

static cJSON *person(struct arena *arena, int64_t id, struct str name,
                     struct str phone)
{
    cJSON *json = cJSON_CreateObject();
    if (id == 0) { /* of a ride: they were erased since */
        cJSON_AddNullToObject(json, "id");
        cJSON_AddTrueToObject(json, "erased");
    } else {
        cJSON_AddNumberToObject(json, "id", (double)id);
    }
    json_add(arena, json, "name", name);
    json_add(arena, json, "phone", id == 0 ? STR("") : phone);
    return json;
}

cJSON *show_person(struct arena *arena, const union got *got)
{
    const struct msg_person *m = &got->person;
    return person(arena, m->id, m->name, m->phone);
}

void json_words(struct arena *arena, cJSON *object, const char *name,
                const struct list *words)
{
    cJSON *array = cJSON_AddArrayToObject(object, name);
    for (size_t i = 0; i < words->count; i++)
        cJSON_AddItemToArray(
            array, cJSON_CreateString(arena_cstr(arena, words->items[i])));
}

cJSON *show_ride(struct arena *arena, const union got *got)
{
    const struct msg_ride *m = &got->ride;
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "id", m->id);
    json_add(arena, json, "state", m->state);
    cJSON_AddItemToObject(
        json, "customer",
        person(arena, m->customer, m->customer_name, m->customer_phone));
    cJSON_AddItemToObject(
        json, "driver",
        person(arena, m->driver, m->driver_name, m->driver_phone));
    json_add(arena, json, "start", m->start);
    json_add(arena, json, "destination", m->destination);
    json_add(arena, json, "datetime", m->datetime);
    json_add(arena, json, "pool", m->pool);
    json_phone(arena, json, "proxy", m->proxy);
    json_time(arena, json, "created_at", m->created);
    if (m->next.len > 0)
        json_add(arena, json, "next", m->next);
    cJSON *channels = cJSON_AddArrayToObject(json, "channels");
    if (!str_is(m->channels, "voice"))
        cJSON_AddItemToArray(channels, cJSON_CreateString("sms"));
    if (!str_is(m->channels, "sms"))
        cJSON_AddItemToArray(channels, cJSON_CreateString("voice"));
    json_end(arena, json, "ends_at", m->ends);
    json_end(arena, json, "grace_ends_at", m->grace);
    json_end(arena, json, "number_kept_until", m->closed);
    return json;
}

cJSON *json_event(struct arena *arena, const struct msg_event *m)
{
    cJSON *json = cJSON_CreateObject();
    json_time(arena, json, "at", m->at);
    json_add(arena, json, "what", m->what);
    if (m->role.len > 0)
        json_add(arena, json, "role", m->role);
    if (m->reference.len > 0)
        json_add(arena, json, "reference", m->reference);
    if (m->detail.len > 0)
        json_add(arena, json, "detail", m->detail);
    return json;
}

static const char *kind_of(struct str kind)
{
    static const struct {
        const char *kind, *word;
    } words[] = {{"t", "text"}, {"n", "notice"}, {"a", "answer"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_is(kind, words[i].kind))
            return words[i].word;
    return NULL;
}

void json_kind(cJSON *object, struct str kind)
{
    const char *word = kind_of(kind);
    if (word != NULL)
        cJSON_AddStringToObject(object, "kind", word);
    else
        cJSON_AddNullToObject(object, "kind");
}

static cJSON *show_letter(struct arena *arena, const union got *got)
{
    const struct msg_letter *m = &got->letter;
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "reference", m->reference);
    json_add(arena, json, "ride", m->ride);
    json_add(arena, json, "role", m->role);
    json_add(arena, json, "reason", m->reason);
    json_kind(json, m->kind);
    json_phone(arena, json, "proxy", m->proxy);
    json_time(arena, json, "queued_at", m->queued);
    json_time(arena, json, "died_at", m->died);
    cJSON_AddNumberToObject(json, "parts", (double)m->parts);
    cJSON_AddBoolToObject(json, "sendable", m->sendable);
    return json;
}

cJSON *show_letters_taken(struct arena *arena, const union got *got)
{
    const struct msg_letters_taken *m = &got->letters_taken;
    (void)arena;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "done", (double)m->done);
    cJSON_AddNumberToObject(json, "left", (double)m->left);
    return json;
}

/* ---- lists ---- */

bool json_item(struct arena *arena, const struct message_type *type,
               struct str item, void *out)
{
    const char *fault = NULL;
    bool missing = false;
    if (message_decode(type, item, arena, out, &fault, &missing))
        return true;
    log_sparse(LEVEL_ERROR, "list.item", "type=%s field=%s fault=%s",
               type->name, fault, missing ? "missing" : "malformed");
    return false;
}

cJSON *json_list(struct arena *arena, const struct list *list,
                 const struct message_type *type,
                 cJSON *(*show)(struct arena *, const union got *),
                 struct str next)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *items = cJSON_AddArrayToObject(json, "items");
    union got one;
    for (size_t i = 0; i < list->count; i++)
        if (json_item(arena, type, list->items[i], &one))
            cJSON_AddItemToArray(items, show(arena, &one));
    if (next.len > 0)
        json_add(arena, json, "next", next);
    else
        cJSON_AddNullToObject(json, "next");
    return json;
}

cJSON *show_people(struct arena *arena, const union got *got)
{
    struct str next = STR_NONE;
    if (got->people.next != 0)
        next = arena_printf(arena, "%lld", (long long)got->people.next);
    return json_list(arena, &got->people.people, &type_person, show_person,
                     next);
}

cJSON *show_rides(struct arena *arena, const union got *got)
{
    return json_list(arena, &got->rides.rides, &type_ride, show_ride,
                     got->rides.next);
}

cJSON *show_letters(struct arena *arena, const union got *got)
{
    return json_list(arena, &got->letters.letters, &type_letter, show_letter,
                     got->letters.next);
}

cJSON *show_timeline(struct arena *arena, const union got *got)
{
    const struct list *events = &got->timeline.events;
    cJSON *json = cJSON_CreateObject();
    cJSON *items = cJSON_AddArrayToObject(json, "items");
    struct msg_event event;
    for (size_t i = 0; i < events->count; i++)
        if (json_item(arena, &type_event, events->items[i], &event))
            cJSON_AddItemToArray(items, json_event(arena, &event));
    cJSON_AddNullToObject(json, "next");
    return json;
}

/* ---- why this number ---- */

static void add_phone_or_null(struct arena *arena, cJSON *object,
                              const char *name, struct str digits)
{
    if (digits.len > 0)
        json_phone(arena, object, name, digits);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_time_or_null(struct arena *arena, cJSON *object,
                             const char *name, int64_t ms)
{
    if (ms > 0)
        json_time(arena, object, name, ms);
    else
        cJSON_AddNullToObject(object, name);
}

static cJSON *show_reason(struct arena *arena,
                          const struct msg_number_reason *m, struct str proxy)
{
    cJSON *json = cJSON_CreateObject();
    json_phone(arena, json, "number", m->number);
    json_add(arena, json, "verdict", m->verdict);
    add_time_or_null(arena, json, "until", m->until);
    if (m->until == -1)
        cJSON_AddTrueToObject(json, "for_good");
    if (str_eq(m->number, proxy))
        cJSON_AddTrueToObject(json, "of_this_ride");
    return json;
}

static void add_walk(struct arena *arena, cJSON *json,
                     const struct msg_ride_reasons *m)
{
    cJSON *now = cJSON_AddObjectToObject(json, "as_it_stands_now");
    struct msg_number_reason one;
    add_time_or_null(arena, now, "at", m->now);
    add_phone_or_null(arena, now, "chosen", m->number);
    add_time_or_null(arena, now, "next_free_at", m->next_free);
    cJSON *numbers = cJSON_AddArrayToObject(now, "numbers");
    for (size_t i = 0; i < m->numbers.count; i++)
        if (json_item(arena, &type_number_reason, m->numbers.items[i], &one))
            cJSON_AddItemToArray(numbers, show_reason(arena, &one, m->proxy));
    cJSON_AddNumberToObject(now, "left_out", (double)m->left_out);
    cJSON_AddNumberToObject(now, "more", (double)m->more);
}

cJSON *show_reasons(struct arena *arena, const union got *got)
{
    const struct msg_ride_reasons *m = &got->reasons;
    cJSON *json = cJSON_CreateObject();
    if (m->id.len > 0)
        json_add(arena, json, "ride", m->id);
    else
        cJSON_AddNullToObject(json, "ride");
    add_phone_or_null(arena, json, "proxy", m->proxy);
    cJSON_AddItemToObject(
        json, "customer",
        person(arena, m->customer, m->customer_name, m->customer_phone));
    cJSON_AddItemToObject(
        json, "driver",
        person(arena, m->driver, m->driver_name, m->driver_phone));
    if (m->pool.len > 0)
        json_add(arena, json, "pool", m->pool);
    else
        cJSON_AddNullToObject(json, "pool");
    add_walk(arena, json, m);
    return json;
}
