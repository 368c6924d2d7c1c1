#include "gateway/api_json.h"

#include "gateway/answer.h"
#include "shared/log.h"
#include "shared/timestamp.h"

static void add_time(struct arena *arena, cJSON *object, const char *name,
                     int64_t ms)
{
    json_add(arena, object, name, time_text(arena, ms));
}

/* null: it has none. */
static void add_end(struct arena *arena, cJSON *object, const char *name,
                    int64_t ms)
{
    if (ms >= 0 && ms < NO_END_MS)
        add_time(arena, object, name, ms);
    else
        cJSON_AddNullToObject(object, name);
}

/* Proxy numbers are shown plain. */
static void add_phone(struct arena *arena, cJSON *object, const char *name,
                      struct str digits)
{
    json_add(arena, object, name,
             arena_printf(arena, "+%.*s", STR_ARG(digits)));
}

/* null for -1 */
static void add_unless_none(cJSON *object, const char *name, int64_t num)
{
    if (num >= 0)
        cJSON_AddNumberToObject(object, name, (double)num);
    else
        cJSON_AddNullToObject(object, name);
}

static cJSON *person(struct arena *arena, int64_t id, struct str name,
                     struct str phone)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "id", (double)id);
    json_add(arena, json, "name", name);
    json_add(arena, json, "phone", phone);
    return json;
}

cJSON *show_person(struct arena *arena, const union got *got)
{
    const struct msg_person *m = &got->person;
    return person(arena, m->id, m->name, m->phone);
}

static void add_words(struct arena *arena, cJSON *object, const char *name,
                      const struct list *words)
{
    cJSON *array = cJSON_AddArrayToObject(object, name);
    for (size_t i = 0; i < words->count; i++)
        cJSON_AddItemToArray(
            array, cJSON_CreateString(arena_cstr(arena, words->items[i])));
}

cJSON *show_number(struct arena *arena, const union got *got)
{
    const struct msg_number *m = &got->number;
    cJSON *json = cJSON_CreateObject();
    add_phone(arena, json, "id", m->phone);
    add_phone(arena, json, "phone", m->phone);
    json_add(arena, json, "pool", m->pool);
    json_add(arena, json, "state", m->state);
    json_add(arena, json, "label", m->label);
    add_words(arena, json, "capabilities", &m->capabilities);
    cJSON_AddNumberToObject(json, "rides", (double)m->rides);
    return json;
}

static cJSON *show_fate(struct arena *arena, struct str line)
{
    cJSON *json = cJSON_CreateObject();
    int64_t number = 0;
    (void)str_to_num(str_cut(&line, '\t'), &number);
    struct str fate = str_cut(&line, '\t'), phone = str_cut(&line, '\t');
    struct str code = str_cut(&line, '\t');
    cJSON_AddNumberToObject(json, "line", (double)number);
    json_add(arena, json, "fate", fate);
    json_add(arena, json, "phone", phone);
    if (code.len > 0)
        json_add(arena, json, "code", code);
    if (line.len > 0)
        json_add(arena, json, "field", line);
    return json;
}

cJSON *show_numbers_imported(struct arena *arena, const union got *got)
{
    const struct msg_numbers_imported *m = &got->numbers_imported;
    struct str fates = m->fates;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddBoolToObject(json, "dry_run", m->dry);
    cJSON_AddNumberToObject(json, "added", (double)m->added);
    cJSON_AddNumberToObject(json, "there", (double)m->there);
    cJSON_AddNumberToObject(json, "refused", (double)m->refused);
    cJSON *items = cJSON_AddArrayToObject(json, "items");
    while (fates.len > 0)
        cJSON_AddItemToArray(items, show_fate(arena, str_cut(&fates, '\n')));
    return json;
}

static void add_text_or_null(struct arena *arena, cJSON *object,
                             const char *name, struct str text)
{
    if (text.len > 0)
        json_add(arena, object, name, text);
    else
        cJSON_AddNullToObject(object, name);
}

/* As a list has it: without its own words, which would be too much. */
static cJSON *show_pool_in_list(struct arena *arena, const union got *got)
{
    const struct msg_pool *m = &got->pool;
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "id", m->name);
    json_add(arena, json, "name", m->name);
    add_words(arena, json, "prefixes", &m->prefixes);
    add_words(arena, json, "capabilities", &m->capabilities);
    cJSON_AddNumberToObject(json, "numbers", (double)m->numbers);
    cJSON_AddNumberToObject(json, "held", (double)m->held);
    cJSON_AddNumberToObject(json, "busiest", (double)m->busiest);
    cJSON_AddNumberToObject(json, "peak_need", (double)m->need);
    cJSON_AddBoolToObject(json, "refused", m->refused);
    add_unless_none(json, "short_in_days", m->short_in);
    add_unless_none(json, "low_water", m->low_water);
    cJSON_AddBoolToObject(json, "low", m->low);
    return json;
}

cJSON *show_pool(struct arena *arena, const union got *got)
{
    const struct msg_pool *m = &got->pool;
    cJSON *json = show_pool_in_list(arena, got);
    add_text_or_null(arena, json, "customer_notice", m->customer_notice);
    add_text_or_null(arena, json, "driver_notice", m->driver_notice);
    add_text_or_null(arena, json, "closed_answer", m->closed_answer);
    add_text_or_null(arena, json, "closed_caller", m->closed_caller);
    add_text_or_null(arena, json, "language", m->language);
    return json;
}

static void add_hours(cJSON *object, const char *name, int64_t ms)
{
    if (ms >= 0)
        cJSON_AddNumberToObject(object, name, (double)ms / 3600000);
    else
        cJSON_AddStringToObject(object, name, "never");
}

cJSON *show_job(struct arena *arena, const union got *got)
{
    const struct msg_job *m = &got->job;
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "id", m->id);
    json_add(arena, json, "state", m->state);
    cJSON_AddNumberToObject(json, "percent", (double)m->percent);
    json_add(arena, json, "pool", m->pool);
    add_hours(json, "grace_hours", m->grace);
    add_hours(json, "cooldown_hours", m->cooldown);
    cJSON_AddNumberToObject(json, "rides", (double)m->rides);
    cJSON_AddNumberToObject(json, "numbers", (double)m->numbers);
    cJSON_AddNumberToObject(json, "numbers_as_was", (double)m->as_was);
    cJSON_AddNumberToObject(json, "busiest", (double)m->busiest);
    return json;
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
    add_phone(arena, json, "proxy", m->proxy);
    add_time(arena, json, "created_at", m->created);
    if (m->next.len > 0)
        json_add(arena, json, "next", m->next);
    cJSON *channels = cJSON_AddArrayToObject(json, "channels");
    if (!str_is(m->channels, "voice"))
        cJSON_AddItemToArray(channels, cJSON_CreateString("sms"));
    if (!str_is(m->channels, "sms"))
        cJSON_AddItemToArray(channels, cJSON_CreateString("voice"));
    add_end(arena, json, "ends_at", m->ends);
    add_end(arena, json, "grace_ends_at", m->grace);
    add_end(arena, json, "number_kept_until", m->closed);
    return json;
}

static cJSON *show_event(struct arena *arena, const struct msg_event *m)
{
    cJSON *json = cJSON_CreateObject();
    add_time(arena, json, "at", m->at);
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

static cJSON *show_letter(struct arena *arena, const union got *got)
{
    const struct msg_letter *m = &got->letter;
    const char *kind = kind_of(m->kind);
    cJSON *json = cJSON_CreateObject();
    json_add(arena, json, "reference", m->reference);
    json_add(arena, json, "ride", m->ride);
    json_add(arena, json, "role", m->role);
    json_add(arena, json, "reason", m->reason);
    if (kind != NULL)
        cJSON_AddStringToObject(json, "kind", kind);
    else
        cJSON_AddNullToObject(json, "kind");
    add_phone(arena, json, "proxy", m->proxy);
    add_time(arena, json, "queued_at", m->queued);
    add_time(arena, json, "died_at", m->died);
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

/* One that we cannot read is left out rather than all the others with it. */
static bool decode(struct arena *arena, const struct message_type *type,
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

static cJSON *show_list(struct arena *arena, const struct list *list,
                        const struct message_type *type,
                        cJSON *(*show)(struct arena *, const union got *),
                        struct str next)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *items = cJSON_AddArrayToObject(json, "items");
    union got one;
    for (size_t i = 0; i < list->count; i++)
        if (decode(arena, type, list->items[i], &one))
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
    return show_list(arena, &got->people.people, &type_person, show_person,
                     next);
}

cJSON *show_numbers(struct arena *arena, const union got *got)
{
    return show_list(arena, &got->numbers.numbers, &type_number, show_number,
                     got->numbers.next);
}

cJSON *show_pools(struct arena *arena, const union got *got)
{
    return show_list(arena, &got->pools.pools, &type_pool, show_pool_in_list,
                     STR_NONE);
}

static cJSON *show_pool_day(struct arena *arena, const struct msg_pool_day *m)
{
    cJSON *json = cJSON_CreateObject();
    struct str time = time_text(arena, m->day);
    json_add(arena, json, "day", str_cut(&time, 'T'));
    cJSON_AddNumberToObject(json, "peak_need", (double)m->need);
    cJSON_AddNumberToObject(json, "busiest", (double)m->busiest);
    cJSON_AddBoolToObject(json, "refused", m->refused);
    return json;
}

cJSON *show_pool_figures(struct arena *arena, const union got *got)
{
    const struct list *days = &got->pool_figures.days;
    const struct list *pool = &got->pool_figures.pool;
    union got one = {0};
    struct msg_pool_day day;
    if (pool->count > 0)
        (void)decode(arena, &type_pool, pool->items[0], &one);
    cJSON *json = show_pool(arena, &one);
    cJSON *items = cJSON_AddArrayToObject(json, "days");
    for (size_t i = 0; i < days->count; i++)
        if (decode(arena, &type_pool_day, days->items[i], &day))
            cJSON_AddItemToArray(items, show_pool_day(arena, &day));
    return json;
}

cJSON *show_rides(struct arena *arena, const union got *got)
{
    return show_list(arena, &got->rides.rides, &type_ride, show_ride,
                     got->rides.next);
}

cJSON *show_letters(struct arena *arena, const union got *got)
{
    return show_list(arena, &got->letters.letters, &type_letter, show_letter,
                     got->letters.next);
}

cJSON *show_timeline(struct arena *arena, const union got *got)
{
    const struct list *events = &got->timeline.events;
    cJSON *json = cJSON_CreateObject();
    cJSON *items = cJSON_AddArrayToObject(json, "items");
    struct msg_event event;
    for (size_t i = 0; i < events->count; i++)
        if (decode(arena, &type_event, events->items[i], &event))
            cJSON_AddItemToArray(items, show_event(arena, &event));
    cJSON_AddNullToObject(json, "next");
    return json;
}

/* ---- why this number ---- */

static void add_phone_or_null(struct arena *arena, cJSON *object,
                              const char *name, struct str digits)
{
    if (digits.len > 0)
        add_phone(arena, object, name, digits);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_time_or_null(struct arena *arena, cJSON *object,
                             const char *name, int64_t ms)
{
    if (ms > 0)
        add_time(arena, object, name, ms);
    else
        cJSON_AddNullToObject(object, name);
}

static cJSON *show_reason(struct arena *arena,
                          const struct msg_number_reason *m, struct str proxy)
{
    cJSON *json = cJSON_CreateObject();
    add_phone(arena, json, "number", m->number);
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
        if (decode(arena, &type_number_reason, m->numbers.items[i], &one))
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
