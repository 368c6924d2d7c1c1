#include "gateway/params.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

enum { MOST_DEPTH = 8 };

static bool refuse(struct str *fault, struct str name)
{
    *fault = name;
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool decode(struct arena *arena, struct str raw, struct str *out)
{
    char *to = arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < raw.len ? hex_digit(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? hex_digit(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        to[len++] = c;
    }
    *out = (struct str){to, len};
    return str_is_utf8(*out);
}

bool params_parse_form(struct params *params, struct arena *arena,
                       struct str raw, struct str *fault)
{
    params->count = 0;
    *fault = STR_NONE;
    while (raw.len > 0) {
        struct str value = str_cut(&raw, '&');
        if (value.len == 0)
            continue;
        if (params->count == PARAMS_MOST)
            return false;
        struct str name = str_cut(&value, '=');
        struct param *param = &params->items[params->count];
        param->kind = PARAM_TEXT;
        if (!decode(arena, name, &param->name))
            return false;
        if (!decode(arena, value, &param->value))
            return refuse(fault, param->name);
        params->count++;
    }
    return true;
}

void params_add_encoded(struct buffer *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (char_is_letter(c) || char_is_digit(c) ||
            (c != '\0' && strchr("-._~", c) != NULL))
            buffer_add(out, &c, 1);
        else if (c == ' ')
            buffer_add(out, "+", 1);
        else
            buffer_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

/* What cJSON does not tell of the text that it parses: how deep it nests, how
 * each member of the outermost object was written, and which held a NUL. */
struct scan {
    struct str written[PARAMS_MOST];
    size_t members, depth;
    const char *value; /* where the member's value begins; NULL in its name */
    bool has_nul;
    size_t nul_at; /* the member */
};

static void member_ends(struct scan *scan, const char *at)
{
    if (scan->value == NULL)
        return;
    struct str text = {scan->value, (size_t)(at - scan->value)};
    if (scan->members < PARAMS_MOST)
        scan->written[scan->members] = str_trim(text);
    scan->members++;
    scan->value = NULL;
}

/* Returns where the string that begins behind `at` ends; NULL: nowhere. */
static const char *skip_string(struct scan *scan, const char *at,
                               const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at != '\\')
            continue;
        if (end - at >= 6 && memcmp(at, "\\u0000", 6) == 0 && !scan->has_nul) {
            scan->has_nul = true;
            scan->nul_at = scan->value != NULL ? scan->members : PARAMS_MOST;
        }
        at++;
    }
    return at < end ? at : NULL;
}

static bool scan_json(struct scan *scan, struct str raw)
{
    const char *end = raw.ptr + raw.len;
    for (const char *at = raw.ptr; at < end; at++) {
        if (*at == '"') {
            at = skip_string(scan, at, end);
            if (at == NULL)
                return false;
        } else if (*at == '{' || *at == '[') {
            if (++scan->depth > MOST_DEPTH)
                return false;
        } else if (*at == '}' || *at == ']') {
            if (scan->depth == 0)
                return false;
            if (scan->depth-- == 1)
                member_ends(scan, at);
        } else if (scan->depth == 1 && *at == ',') {
            member_ends(scan, at);
        } else if (scan->depth == 1 && *at == ':') {
            scan->value = at + 1;
        }
    }
    return scan->depth == 0;
}

static void take_member(struct param *param, struct arena *arena,
                        const cJSON *member, struct str written)
{
    param->name = arena_copy(arena, str_of(member->string));
    param->value = STR_NONE;
    param->kind = PARAM_OTHER;
    if (cJSON_IsString(member)) {
        param->kind = PARAM_TEXT;
        param->value = arena_copy(arena, str_of(member->valuestring));
    } else if (cJSON_IsNumber(member)) {
        /* As written: through a double a long number loses digits. */
        param->kind = PARAM_NUMBER;
        param->value = arena_copy(arena, written);
    } else if (cJSON_IsBool(member)) {
        param->value = arena_copy(arena, written);
    } else if (cJSON_IsNull(member)) {
        param->kind = PARAM_NULL;
    }
}

static bool take_members(struct params *params, struct arena *arena,
                         const cJSON *object, const struct scan *scan,
                         struct str *fault)
{
    const cJSON *member = NULL;
    size_t i = 0;
    if (!cJSON_IsObject(object))
        return false;
    cJSON_ArrayForEach(member, object)
    {
        if (scan->has_nul && scan->nul_at == i)
            return refuse(fault, arena_copy(arena, str_of(member->string)));
        if (i == PARAMS_MOST || i >= scan->members)
            return false;
        take_member(&params->items[i], arena, member, scan->written[i]);
        i++;
    }
    params->count = i;
    return !scan->has_nul && i == scan->members;
}

bool params_parse_json(struct params *params, struct arena *arena,
                       struct str raw, struct str *fault)
{
    struct scan scan = {.members = 0};
    params->count = 0;
    *fault = STR_NONE;
    if (raw.len == 0 || !str_is_utf8(raw) || !scan_json(&scan, raw))
        return false;
    /* Parsed with its NUL: only so does cJSON refuse bytes behind the end. */
    const char *text = arena_cstr(arena, raw);
    cJSON *object = cJSON_ParseWithLengthOpts(text, raw.len + 1, NULL, 1);
    bool good = take_members(params, arena, object, &scan, fault);
    cJSON_Delete(object);
    return good;
}

const struct param *params_find(const struct params *params, const char *name)
{
    for (size_t i = params->count; i > 0; i--)
        if (str_is(params->items[i - 1].name, name))
            return &params->items[i - 1];
    return NULL;
}

struct str params_get(const struct params *params, const char *name)
{
    const struct param *param = params_find(params, name);
    return param != NULL ? param->value : STR_NONE;
}
