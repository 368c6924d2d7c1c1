/* Proxy numbers, pools, and the jobs about them. */
#include "gateway/answer.h"
#include "gateway/api_json_parts.h"
#include "shared/timestamp.h"

/* ---- numbers ---- */

cJSON *show_number(struct arena *arena, const union got *got)
{
    const struct msg_number *m = &got->number;
    cJSON *json = cJSON_CreateObject();
    json_phone(arena, json, "id", m->phone);
    json_phone(arena, json, "phone", m->phone);
    json_add(arena, json, "pool", m->pool);
    json_add(arena, json, "state", m->state);
    json_add(arena, json, "label", m->label);
    json_words(arena, json, "capabilities", &m->capabilities);
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

cJSON *show_numbers(struct arena *arena, const union got *got)
{
    return json_list(arena, &got->numbers.numbers, &type_number, show_number,
                     got->numbers.next);
}

/* ---- pools ---- */

/* null for -1 */
static void add_unless_none(cJSON *object, const char *name, int64_t num)
{
    if (num >= 0)
        cJSON_AddNumberToObject(object, name, (double)num);
    else
        cJSON_AddNullToObject(object, name);
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
    json_words(arena, json, "prefixes", &m->prefixes);
    json_words(arena, json, "capabilities", &m->capabilities);
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

cJSON *show_pools(struct arena *arena, const union got *got)
{
    return json_list(arena, &got->pools.pools, &type_pool, show_pool_in_list,
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
        (void)json_item(arena, &type_pool, pool->items[0], &one);
    cJSON *json = show_pool(arena, &one);
    cJSON *items = cJSON_AddArrayToObject(json, "days");
    for (size_t i = 0; i < days->count; i++)
        if (json_item(arena, &type_pool_day, days->items[i], &day))
            cJSON_AddItemToArray(items, show_pool_day(arena, &day));
    return json;
}

/* ---- jobs ---- */

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
