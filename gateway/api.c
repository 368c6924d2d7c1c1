#include "gateway/api.h"

#include "gateway/access/sight.h"
#include "gateway/answer.h"
#include "gateway/content.h"
#include "gateway/fields.h"

bool api_key(struct errand *e)
{
    static const char name[] = "Idempotency-Key";
    struct str key = http_header(e->x.request, name);
    if (!str_is(e->x.request->method, "POST") &&
        !str_is(e->x.request->method, "DELETE"))
        return true;
    if (key.len > API_KEY_MOST)
        return field_refuse(e, PROBLEM_too_long, name);
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
            return field_refuse(e, PROBLEM_invalid, name);
    e->key = key.len > 0 ? key : vault_random(e->x.task.arena, 16);
    return true;
}

/* Acts that need nothing take an empty body of any type. */
static bool has_content(const struct errand *e)
{
    return e->x.route->act->takes_body || e->x.request->body.len > 0 ||
           str_is(e->x.request->method, "GET");
}

static bool read_request(struct errand *e)
{
    struct problem problem;
    if (has_content(e) &&
        !content_read(&e->x, &e->params,
                      e->x.route->act->takes_csv ? CONTENT_CSV : CONTENT_JSON,
                      &problem)) {
        task_reject(&e->x.task, problem.code, problem.field);
        return false;
    }
    return api_key(e) && e->x.route->act->read(e);
}

/* Ids are numbers, or strings safe in a URL. */
static struct str location_of(struct arena *arena, const char *home,
                              const cJSON *thing)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(thing, "id");
    if (cJSON_IsNumber(id))
        return arena_printf(arena, "%s%.0f", home, id->valuedouble);
    return arena_printf(arena, "%s%s", home, cJSON_GetStringValue(id));
}

static void answer_thing(struct errand *e)
{
    const struct act *act = e->x.route->act;
    struct arena *arena = e->x.task.arena;
    if (act->show == NULL) {
        e->x.answer.status = act->status;
        return;
    }
    cJSON *thing = act->show(arena, &e->got);
    if ((e->x.who.may & MAY_PHONES) == 0)
        sight_hide_phones(thing);
    if (act->home != NULL)
        answer_header(&e->x.answer, "Location",
                      location_of(arena, act->home, thing));
    answer_json(&e->x.answer, arena, act->status, &thing);
}

void api_run(struct task *t)
{
    struct errand *e = (struct errand *)t;
    TASK_BEGIN(t);
    if (!read_request(e))
        TASK_FAIL(t);
    AWAIT(t, errand_send(e));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    answer_thing(e);
    TASK_END(t);
}
