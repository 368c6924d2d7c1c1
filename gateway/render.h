/* Fills a page: `{{name}}` is replaced by the escaped value, `{{#list}}…
 * {{/list}}` is repeated for each item (or shown once for a true value or an
 * object), `{{^name}}…{{/name}}` is shown where it is missing, empty or false.
 * Values are cJSON; a name is looked up in the innermost object first, then
 * outwards. There is no way to put in raw HTML. */
#ifndef BIRDCAR_GATEWAY_RENDER_H
#define BIRDCAR_GATEWAY_RENDER_H

#include <cjson/cJSON.h>

#include "shared/arena.h"

struct str render(struct arena *arena, struct str page, const cJSON *values);

#endif
