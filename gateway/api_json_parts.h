/* What things have in common as JSON. Private to api_json*.c. */
#ifndef BIRDCAR_GATEWAY_API_JSON_PARTS_H
#define BIRDCAR_GATEWAY_API_JSON_PARTS_H

#include "gateway/api_json.h"

/* A proxy number: shown plain. */
void json_phone(struct arena *arena, cJSON *object, const char *name,
                struct str digits);
void json_words(struct arena *arena, cJSON *object, const char *name,
                const struct list *words);

/* False, and it is logged, where we cannot read it: one is left out then rather
 * than all the others with it. */
bool json_item(struct arena *arena, const struct message_type *type,
               struct str item, void *out);
/* {"items":[…],"next":cursor or null} */
cJSON *json_list(struct arena *arena, const struct list *list,
                 const struct message_type *type,
                 cJSON *(*show)(struct arena *, const union got *),
                 struct str next);

#endif
