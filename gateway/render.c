#include "gateway/render.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

enum { MOST_NAME = 63 };

/* The objects that names are looked up in, the innermost first. */
struct scope {
    const cJSON *values;
    const struct scope *outer;
};

struct tag {
    struct str before; /* the text up to it */
    char kind;         /* '#', '^', '/', or 0 for a value */
    struct str name;
};

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') ||
              (s.ptr[i] >= '0' && s.ptr[i] <= '9') || s.ptr[i] == '_'))
            return false;
    return s.len > 0 && s.len <= MOST_NAME;
}

/* Cuts the text up to the next tag, and the tag; false at the page's end. */
static bool next_tag(struct str *page, struct tag *tag)
{
    const char *open =
        page->len > 0 ? memmem(page->ptr, page->len, "{{", 2) : NULL;
    *tag = (struct tag){.before = *page};
    if (open == NULL) {
        *page = STR_NONE;
        return false;
    }
    tag->before.len = (size_t)(open - page->ptr);
    struct str rest = str_from(*page, tag->before.len + 2);
    const char *close =
        rest.len > 0 ? memmem(rest.ptr, rest.len, "}}", 2) : NULL;
    assert(close != NULL);
    tag->name = (struct str){rest.ptr, (size_t)(close - rest.ptr)};
    if (tag->name.len > 0 && strchr("#^/", tag->name.ptr[0]) != NULL) {
        tag->kind = *tag->name.ptr++;
        tag->name.len--;
    }
    assert(is_name(tag->name));
    *page = str_from(rest, (size_t)(close - rest.ptr) + 2);
    return true;
}

/* Cuts the inside of a section whose opening tag was just cut, and its closing
 * tag. A page whose sections do not pair up is our own defect. */
static struct str cut_section(struct str *page, struct str name)
{
    struct str inside = *page;
    size_t depth = 1;
    struct tag tag = {0};
    while (depth > 0) {
        bool found = next_tag(page, &tag);
        assert(found);
        if (tag.kind == '#' || tag.kind == '^')
            depth++;
        else if (tag.kind == '/')
            depth--;
    }
    assert(str_eq(tag.name, name));
    inside.len = (size_t)(tag.before.ptr + tag.before.len - inside.ptr);
    return inside;
}

static const cJSON *look_up(const struct scope *scope, struct str name)
{
    char key[MOST_NAME + 1];
    (void)snprintf(key, sizeof(key), "%.*s", STR_ARG(name));
    for (; scope != NULL; scope = scope->outer) {
        const cJSON *value =
            cJSON_GetObjectItemCaseSensitive(scope->values, key);
        if (value != NULL)
            return value;
    }
    return NULL;
}

static void add_escaped(struct buffer *out, const char *z)
{
    for (;;) {
        size_t plain = strcspn(z, "&<>\"'");
        buffer_add(out, z, plain);
        z += plain;
        switch (*z++) {
        case '&':
            buffer_str(out, STR("&amp;"));
            break;
        case '<':
            buffer_str(out, STR("&lt;"));
            break;
        case '>':
            buffer_str(out, STR("&gt;"));
            break;
        case '"':
            buffer_str(out, STR("&quot;"));
            break;
        case '\'':
            buffer_str(out, STR("&#39;"));
            break;
        default:
            return;
        }
    }
}

static void add_value(struct buffer *out, const cJSON *value)
{
    if (cJSON_IsString(value))
        add_escaped(out, value->valuestring);
    else if (cJSON_IsNumber(value) &&
             value->valuedouble == trunc(value->valuedouble))
        buffer_printf(out, "%.0f", value->valuedouble);
    else if (cJSON_IsNumber(value))
        buffer_printf(out, "%.15g", value->valuedouble);
    else if (cJSON_IsBool(value))
        buffer_str(out, cJSON_IsTrue(value) ? STR("true") : STR("false"));
}

static bool is_shown(const cJSON *value)
{
    if (value == NULL || cJSON_IsNull(value) || cJSON_IsFalse(value))
        return false;
    if (cJSON_IsString(value))
        return value->valuestring[0] != '\0';
    return !cJSON_IsArray(value) || value->child != NULL;
}

static void render_part(struct buffer *out, struct str page,
                        const struct scope *scope);

static void render_section(struct buffer *out, struct str inside,
                           const cJSON *value, const struct scope *scope)
{
    const cJSON *item = NULL;
    if (!cJSON_IsArray(value)) {
        render_part(out, inside, &(struct scope){value, scope});
        return;
    }
    cJSON_ArrayForEach(item, value)
    {
        render_part(out, inside, &(struct scope){item, scope});
    }
}

static void render_part(struct buffer *out, struct str page,
                        const struct scope *scope)
{
    struct tag tag;
    while (next_tag(&page, &tag)) {
        buffer_str(out, tag.before);
        assert(tag.kind != '/');
        const cJSON *value = look_up(scope, tag.name);
        if (tag.kind == 0) {
            add_value(out, value);
            continue;
        }
        struct str inside = cut_section(&page, tag.name);
        if (is_shown(value) != (tag.kind == '#'))
            continue;
        if (tag.kind == '#')
            render_section(out, inside, value, scope);
        else
            render_part(out, inside, scope);
    }
    buffer_str(out, tag.before);
}

struct str render(struct arena *arena, struct str page, const cJSON *values)
{
    struct buffer out = {0};
    render_part(&out, page, &(struct scope){values, NULL});
    struct str rendered = arena_copy(arena, buffer_view(&out));
    buffer_free(&out);
    return rendered;
}
