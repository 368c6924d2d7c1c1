/* Builds answers: JSON, problems, redirections. Strings stand in the request's
 * arena; nothing here sends. */
#ifndef BIRDCAR_GATEWAY_ANSWER_H
#define BIRDCAR_GATEWAY_ANSWER_H

#include <cjson/cJSON.h>

#include "gateway/http.h"
#include "shared/problem.h"

/* Takes the next free place among the headers; there must be one. */
void answer_header(struct http_answer *answer, const char *name,
                   struct str value);

/* The JSON text of `value`, which it takes and frees. */
struct str json_text(struct arena *arena, cJSON **value);
/* Adds a member; the text need not end in a NUL. */
void json_add(struct arena *arena, cJSON *object, const char *name,
              struct str value);

void answer_json(struct http_answer *answer, struct arena *arena, int status,
                 cJSON **value);

/* application/problem+json (RFC 9457), with Retry-After where it is worth
 * another try. */
void answer_problem(struct http_answer *answer, struct arena *arena,
                    const struct problem *problem);

/* 303 See Other. */
void answer_see_other(struct http_answer *answer, struct str location);

/* Retry-After, where `problem` is worth another try: its detail, in seconds, or
 * 1. */
void answer_retry(struct http_answer *answer, struct arena *arena,
                  const struct problem *problem);

#endif
