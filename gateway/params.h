/* Names and values out of a raw query, a form or a JSON object.
 * Decodes; decides nothing. Repeated names: the last one wins. */
#ifndef BIRDCAR_GATEWAY_PARAMS_H
#define BIRDCAR_GATEWAY_PARAMS_H

#include "shared/arena.h"

enum { PARAMS_MOST = 100 };

enum param_kind { PARAM_TEXT, PARAM_NUMBER, PARAM_OTHER, PARAM_NULL };

struct param {
    struct str name, value;
    enum param_kind kind; /* PARAM_TEXT for queries and forms */
};

struct params {
    struct param items[PARAMS_MOST];
    size_t count;
};

/* application/x-www-form-urlencoded: `+` is a space, %XX decodes. False for a
 * broken escape, a decoded NUL, bytes that are no UTF-8, or over PARAMS_MOST
 * names: `*fault` is the name at fault, or empty. */
bool params_parse_form(struct params *params, struct arena *arena,
                       struct str raw, struct str *fault);

/* The way back, of a name or a value; all but letters, digits and "-._~" is
 * escaped, and a space is `+`. */
void params_add_encoded(struct buffer *out, struct str text);

/* A JSON object (cJSON), at most 8 deep. Numbers come as their text, arrays and
 * objects as PARAM_OTHER with an empty value. False where it is no such object,
 * holds a NUL or bad UTF-8, or has bytes behind it. */
bool params_parse_json(struct params *params, struct arena *arena,
                       struct str raw, struct str *fault);

/* The last value of that name; NULL where there is none. */
const struct param *params_find(const struct params *params, const char *name);

/* Its value, empty where it is not there. */
struct str params_get(const struct params *params, const char *name);

#endif
