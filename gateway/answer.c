#include "gateway/answer.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/timestamp.h"

enum {
    HEADERS =
        sizeof((struct http_answer){0}.headers) / sizeof(struct http_header)
};

void answer_header(struct http_answer *answer, const char *name,
                   struct str value)
{
    size_t at = 0;
    while (at < HEADERS && answer->headers[at].name.len > 0)
        at++;
    assert(at < HEADERS);
    answer->headers[at] = (struct http_header){str_of(name), value};
}

struct str json_text(struct arena *arena, cJSON **value)
{
    char *text = cJSON_PrintUnformatted(*value);
    struct str copy = arena_copy(arena, str_of(text));
    free(text);
    cJSON_Delete(*value);
    *value = NULL;
    return copy;
}

void json_add(struct arena *arena, cJSON *object, const char *name,
              struct str value)
{
    (void)cJSON_AddStringToObject(object, name, arena_cstr(arena, value));
}

void answer_json(struct http_answer *answer, struct arena *arena, int status,
                 cJSON **value)
{
    answer->status = status;
    answer->content_type = STR("application/json");
    answer->body = json_text(arena, value);
}

void answer_retry(struct http_answer *answer, struct arena *arena,
                  const struct problem *problem)
{
    if (problem_outcome(problem->code) != RETRY)
        return;
    answer_header(answer, "Retry-After",
                  problem->detail > 0 ? arena_number(arena, problem->detail)
                                      : STR("1"));
}

void answer_problem(struct http_answer *answer, struct arena *arena,
                    const struct problem *problem)
{
    cJSON *json = cJSON_CreateObject();
    int status = problem_status(problem->code);
    cJSON_AddStringToObject(json, "type", "about:blank");
    cJSON_AddStringToObject(json, "title", problem_sentence(problem->code));
    cJSON_AddNumberToObject(json, "status", status);
    cJSON_AddStringToObject(json, "code", problem_name(problem->code));
    if (problem->field.len > 0)
        json_add(arena, json, "field", problem->field);
    if ((problem->code == PROBLEM_no_number ||
         problem->code == PROBLEM_proxy_held ||
         problem->code == PROBLEM_number_held) &&
        problem->detail > 0)
        json_add(arena, json, "next_free_at",
                 time_text(arena, problem->detail));
    answer_retry(answer, arena, problem);
    answer_json(answer, arena, status, &json);
    answer->content_type = STR("application/problem+json");
}

void answer_see_other(struct http_answer *answer, struct str location)
{
    answer->status = 303;
    answer_header(answer, "Location", location);
}
