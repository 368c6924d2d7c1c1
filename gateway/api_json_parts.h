/* What things have in common as JSON. Private to api_json*.c. */
#ifndef BIRDCAR_GATEWAY_API_JSON_PARTS_H
#define BIRDCAR_GATEWAY_API_JSON_PARTS_H

#include "gateway/api_json.h"

/* A proxy number: shown plain. */
void json_phone(struct arena *arena, cJSON *object, const char *name,
                struct str digits);
void json_words(struct arena *arena, cJSON *object, const char *name,
                const struct list *words);

void json_time(struct arena *arena, cJSON *object, const char *name,
               int64_t ms);
/* null: it has none. */
void json_end(struct arena *arena, cJSON *object, const char *name, int64_t ms);
/* t: text, n: notice, a: answer; else null. */
void json_kind(cJSON *object, struct str kind);
cJSON *json_event(struct arena *arena, const struct msg_event *m);

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
