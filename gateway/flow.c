#include "gateway/flow.h"

#include "gateway/answer.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

/* ---- which format ---- */

/* `0`, `0.5`, `1.000` in thousandths; anything odd counts as 1. */
static int quality(struct str text)
{
    int value = 0, weight = 1000;
    if (text.len == 0 || text.len > 5 || text.ptr[0] < '0' || text.ptr[0] > '1')
        return 1000;
    for (size_t i = 0; i < text.len; i++) {
        if (i == 1) {
            if (text.ptr[i] != '.')
                return 1000;
            continue;
        }
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 1000;
        value += (text.ptr[i] - '0') * weight;
        weight /= 10;
    }
    return value < 1000 ? value : 1000;
}

/* How much this entry of an Accept header is wanted, and what it names. */
static int wanted(struct str entry, struct str *type)
{
    int q = 1000;
    *type = str_trim(str_cut(&entry, ';'));
    while (entry.len > 0) {
        struct str value = str_trim(str_cut(&entry, ';'));
        struct str name = str_trim(str_cut(&value, '='));
        if (str_same_word(name, STR("q")))
            q = quality(str_trim(value));
    }
    return q;
}

enum flow_format flow_format_of(struct str accept, enum flow_format otherwise)
{
    int xml = 0, json = 0;
    while (accept.len > 0) {
        struct str type;
        int q = wanted(str_cut(&accept, ','), &type);
        if (str_same_word(type, STR("application/json")) && q > json)
            json = q;
        else if ((str_same_word(type, STR("application/xml")) ||
                  str_same_word(type, STR("text/xml"))) &&
                 q > xml)
            xml = q;
    }
    return json > xml ? FLOW_JSON : otherwise;
}

const char *flow_content_type(enum flow_format format)
{
    return format == FLOW_JSON ? "application/json" : "application/xml";
}

/* ---- the flow ---- */

static struct str escape(char c)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    default:
        return STR_NONE;
    }
}

/* Control characters, which XML cannot hold in any form, become spaces. */
static struct str xml_words(struct arena *arena, struct str words)
{
    struct buffer out = {0};
    for (size_t i = 0; i < words.len; i++) {
        char c = words.ptr[i];
        struct str escaped = escape(c);
        if (escaped.len > 0)
            buffer_str(&out, escaped);
        else
            buffer_add(&out, (unsigned char)c < ' ' ? " " : &c, 1);
    }
    struct str copy = arena_copy(arena, buffer_view(&out));
    buffer_free(&out);
    return copy;
}

static struct str render_xml(struct arena *arena,
                             const struct msg_call_flow *flow, bool transfer)
{
    if (transfer)
        return arena_printf(
            arena, XML "<Transfer destination=\"%.*s\" mask=\"true\" />",
            STR_ARG(xml_words(arena, flow->destination)));
    return arena_printf(
        arena, XML "<Say language=\"%.*s\" voice=\"female\">%.*s</Say>",
        STR_ARG(xml_words(arena, flow->language)),
        STR_ARG(xml_words(arena, flow->words)));
}

static struct str render_json(struct arena *arena,
                              const struct msg_call_flow *flow, bool transfer)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "title", "BirdCar");
    cJSON *step = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(root, "steps"), step);
    cJSON_AddStringToObject(step, "action", transfer ? "transfer" : "say");
    cJSON *options = cJSON_AddObjectToObject(step, "options");
    if (transfer) {
        json_add(arena, options, "destination", flow->destination);
        cJSON_AddBoolToObject(options, "mask", true);
    } else {
        json_add(arena, options, "payload", flow->words);
        json_add(arena, options, "language", flow->language);
        cJSON_AddStringToObject(options, "voice", "female");
    }
    return json_text(arena, &root);
}

struct str flow_render(struct arena *arena, enum flow_format format,
                       const struct msg_call_flow *flow)
{
    bool transfer =
        str_is(flow->action, "transfer") && flow->destination.len > 0;
    return format == FLOW_JSON ? render_json(arena, flow, transfer)
                               : render_xml(arena, flow, transfer);
}
