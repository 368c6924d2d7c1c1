#include "gateway/fields.h"

#include <stdlib.h>

#include "shared/timestamp.h"

bool field_refuse(struct errand *e, enum problem_code code, const char *name)
{
    task_reject(&e->x.task, code, str_of(name));
    return false;
}

/* NULL where there is none, or null, or nothing was typed. */
static const struct param *given(const struct errand *e, const char *name)
{
    const struct param *param = params_find(&e->params, name);
    if (param == NULL || param->kind == PARAM_NULL ||
        (e->is_form && str_trim(param->value).len == 0))
        return NULL;
    return param;
}

bool field_text_if_any(struct errand *e, const char *name, struct str *out)
{
    const struct param *param = given(e, name);
    *out = STR_NONE;
    if (param == NULL)
        return true;
    if (param->kind != PARAM_TEXT)
        return field_refuse(e, PROBLEM_wrong_kind, name);
    *out = str_trim(param->value);
    return out->len > 0 || field_refuse(e, PROBLEM_missing, name);
}

bool field_text(struct errand *e, const char *name, struct str *out)
{
    if (given(e, name) == NULL)
        return field_refuse(e, PROBLEM_missing, name);
    return field_text_if_any(e, name, out);
}

bool field_text_or_none(struct errand *e, const char *name, bool *is_given,
                        struct str *out)
{
    const struct param *param = params_find(&e->params, name);
    *is_given = param != NULL;
    *out = STR_NONE;
    if (param == NULL || param->kind == PARAM_NULL)
        return true;
    if (param->kind != PARAM_TEXT)
        return field_refuse(e, PROBLEM_wrong_kind, name);
    *out = str_trim(param->value);
    return true;
}

bool field_id(struct errand *e, const char *name, int64_t *out)
{
    const struct param *param = given(e, name);
    if (param == NULL)
        return field_refuse(e, PROBLEM_missing, name);
    if (param->kind != PARAM_TEXT && param->kind != PARAM_NUMBER)
        return field_refuse(e, PROBLEM_wrong_kind, name);
    struct str digits = str_trim(param->value);
    if (digits.len == 0)
        return field_refuse(e, PROBLEM_missing, name);
    return str_to_num(digits, out) || field_refuse(e, PROBLEM_invalid, name);
}

bool field_count_or_none(struct errand *e, const char *name, bool *is_given,
                         int64_t *out)
{
    *is_given = params_find(&e->params, name) != NULL;
    *out = -1;
    if (given(e, name) == NULL)
        return true;
    return field_id(e, name, out) &&
           (*out >= 0 || field_refuse(e, PROBLEM_invalid, name));
}

bool field_id_if_any(struct errand *e, const char *name, int64_t *out)
{
    *out = 0;
    return given(e, name) == NULL ||
           (field_id(e, name, out) &&
            (*out > 0 || field_refuse(e, PROBLEM_unknown_person, name)));
}

bool field_hours_if_any(struct errand *e, const char *name, bool may_be_never,
                        int64_t *out)
{
    const int64_t hour_ms = 3600000, most = 100000;
    const struct param *param = given(e, name);
    if (param == NULL)
        return true;
    if (param->kind != PARAM_TEXT && param->kind != PARAM_NUMBER)
        return field_refuse(e, PROBLEM_wrong_kind, name);
    struct str text = str_trim(param->value);
    if (may_be_never && str_is(text, "never")) {
        *out = -1;
        return true;
    }
    char *end = NULL;
    const char *z = arena_cstr(e->x.task.arena, text);
    double hours = strtod(z, &end);
    bool plain = strspn(z, "0123456789.") == text.len && text.len > 0 &&
                 end == z + text.len;
    if (!plain || hours > (double)most)
        return field_refuse(e, PROBLEM_invalid, name);
    *out = (int64_t)(hours * (double)hour_ms);
    return true;
}

bool field_time_if_any(struct errand *e, const char *name, int64_t *out)
{
    struct str text;
    int64_t ms = 0;
    *out = 0;
    if (!field_text_if_any(e, name, &text))
        return false;
    if (text.len == 0)
        return true;
    if (!time_parse(text, &ms))
        return field_refuse(e, PROBLEM_invalid, name);
    *out = ms != 0 ? ms : 1; /* 0 would say that there is none */
    return true;
}

bool field_time(struct errand *e, const char *name, int64_t *out)
{
    if (given(e, name) == NULL)
        return field_refuse(e, PROBLEM_missing, name);
    return field_time_if_any(e, name, out);
}

bool field_flag_if_any(struct errand *e, const char *name, bool otherwise,
                       bool *out)
{
    const struct param *param = given(e, name);
    *out = otherwise;
    if (param == NULL)
        return true;
    *out = str_is(param->value, "true");
    if (*out || str_is(param->value, "false"))
        return true;
    return field_refuse(e, PROBLEM_wrong_kind, name);
}

bool field_end_if_any(struct errand *e, const char *name, int64_t *out)
{
    const struct param *param = given(e, name);
    if (param == NULL || !str_is(str_trim(param->value), "never"))
        return field_time_if_any(e, name, out);
    *out = NO_END_MS;
    return true;
}

bool field_end(struct errand *e, const char *name, int64_t *out)
{
    if (given(e, name) == NULL)
        return field_refuse(e, PROBLEM_missing, name);
    return field_end_if_any(e, name, out);
}

static bool split_words(struct errand *e, const char *name, struct str typed,
                        struct list *out)
{
    while (typed.len > 0) {
        struct str word = str_trim(str_cut(&typed, ','));
        if (word.len == 0)
            continue;
        if (out->count == MESSAGE_MAX_ITEMS)
            return field_refuse(e, PROBLEM_too_long, name);
        out->items[out->count++] = word;
    }
    return true;
}

/* The parameters leave arrays out, so that this one is read anew. */
static bool read_array(struct errand *e, const char *name, struct list *out)
{
    struct arena *arena = e->x.task.arena;
    struct str body = e->x.request->body;
    const cJSON *item = NULL;
    enum problem_code fault = PROBLEM_COUNT;
    cJSON *root = cJSON_ParseWithLength(body.ptr, body.len);
    const cJSON *array = NULL;
    cJSON_ArrayForEach(item, root)
    {
        if (strcmp(item->string, name) == 0)
            array = item; /* the last one of that name counts */
    }
    if (!cJSON_IsArray(array))
        fault = PROBLEM_wrong_kind;
    else if (cJSON_GetArraySize(array) > MESSAGE_MAX_ITEMS)
        fault = PROBLEM_too_long;
    else
        cJSON_ArrayForEach(item, array)
        {
            if (!cJSON_IsString(item)) {
                fault = PROBLEM_wrong_kind;
                break;
            }
            out->items[out->count++] =
                arena_copy(arena, str_of(item->valuestring));
        }
    cJSON_Delete(root);
    return fault == PROBLEM_COUNT || field_refuse(e, fault, name);
}

bool field_words(struct errand *e, const char *name, struct list *out)
{
    const struct param *param = given(e, name);
    *out = (struct list){NULL, 0};
    if (param == NULL)
        return true;
    out->items =
        arena_alloc(e->x.task.arena, MESSAGE_MAX_ITEMS * sizeof(*out->items));
    return e->is_form ? split_words(e, name, param->value, out)
                      : read_array(e, name, out);
}

bool field_words_or_none(struct errand *e, const char *name, bool *is_given,
                         struct list *out)
{
    *is_given = params_find(&e->params, name) != NULL;
    return field_words(e, name, out);
}

bool field_limit(struct errand *e, int64_t *out)
{
    const struct param *param = params_find(&e->params, "limit");
    *out = LIST_LIMIT;
    if (param == NULL)
        return true;
    if (!str_to_num(param->value, out) || *out < 1 || *out > LIST_LIMIT_MOST)
        return field_refuse(e, PROBLEM_invalid, "limit");
    return true;
}

bool field_once(struct errand *e, bool *out)
{
    static const char key[] = "Idempotency-Key";
    if (!field_flag_if_any(e, "once", false, out))
        return false;
    return !*out || http_header(e->x.request, key).len > 0 ||
           field_refuse(e, PROBLEM_missing, key);
}

bool fields_of_query(struct errand *e)
{
    struct str name = STR_NONE;
    if (params_parse_form(&e->params, e->x.task.arena, e->x.request->query,
                          &name))
        return true;
    task_reject(&e->x.task, PROBLEM_malformed, name);
    return false;
}

bool part_id(struct errand *e, int64_t *out)
{
    if (str_to_num(e->x.part[0], out))
        return true;
    task_reject(&e->x.task, PROBLEM_not_found, STR("id"));
    return false;
}
