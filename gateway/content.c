#include "gateway/content.h"

static unsigned kind_of(const struct exchange *x, unsigned taken)
{
    struct str rest = http_header(x->request, "Content-Type");
    struct str type = str_trim(str_cut(&rest, ';'));
    if (type.len == 0)
        return taken & CONTENT_FORM;
    if (str_same_word(type, STR("application/x-www-form-urlencoded")))
        return taken & CONTENT_FORM;
    if (str_same_word(type, STR("application/json")))
        return taken & CONTENT_JSON;
    if (str_same_word(type, STR("text/csv")))
        return taken & CONTENT_CSV;
    return 0;
}

bool content_read(const struct exchange *x, struct params *params,
                  unsigned taken, struct problem *problem)
{
    const struct http_request *request = x->request;
    struct arena *arena = x->task.arena;
    struct str field = STR_NONE;
    bool good = false;
    *problem = (struct problem){PROBLEM_malformed, STR_NONE, 0};
    if (str_is(request->method, "GET") || str_is(request->method, "DELETE")) {
        good = params_parse_form(params, arena, request->query, &field);
    } else {
        switch (kind_of(x, taken)) {
        case CONTENT_FORM:
            good = params_parse_form(params, arena, request->body, &field);
            break;
        case CONTENT_JSON:
            good = params_parse_json(params, arena, request->body, &field);
            break;
        case CONTENT_CSV: /* whoever it is for reads it */
            good = true;
            break;
        default:
            problem->code = PROBLEM_wrong_type;
        }
    }
    problem->field = field;
    return good;
}
