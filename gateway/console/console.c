#include "gateway/console/console.h"

#include "gateway/access/form.h"
#include "gateway/access/signin.h"
#include "gateway/api.h"
#include "gateway/console/page.h"
#include "gateway/content.h"
#include "shared/loop.h"
#include "shared/timestamp.h"

ASSET_DECLARE(problem_html);
ASSET_DECLARE(signin_html);
ASSET_DECLARE(style_css);
ASSET_DECLARE(icon_svg);

enum { SHOW_WITHIN_MS = 2500 };

/* ---- forms ---- */

static bool refuse(struct page *p, enum problem_code code)
{
    task_reject(&p->e.x.task, code, STR_NONE);
    return false;
}

/* What a form's token is bound to. */
static struct str session_of(const struct page *p)
{
    const struct identity *who = &p->e.x.who;
    return who->kind == IDENTITY_SESSION ? who->id : STR("");
}

/* A browser sends its cookie along whoever made the form; the token tells that
 * we did, for this session. What holds an API token is no browser. */
static bool check_token(struct page *p)
{
    struct exchange *x = &p->e.x;
    bool ours =
        form_token_holds(x->gateway->service->vault, x->task.arena,
                         params_get(&p->e.params, "form_token"), session_of(p),
                         time_now_ms() / 1000, &p->nonce);
    if (x->who.kind == IDENTITY_TOKEN)
        return true;
    return (ours && !form_is_foreign(x->request)) ||
           refuse(p, PROBLEM_forbidden_form);
}

static bool read_form(struct page *p)
{
    struct errand *e = &p->e;
    struct problem problem;
    e->is_form = true;
    if (!content_read(&e->x, &e->params, CONTENT_FORM, &problem)) {
        task_reject(&e->x.task, problem.code, problem.field);
        return false;
    }
    if (!check_token(p) || !api_key(e))
        return false;
    if (p->nonce.len > 0)
        e->key = p->nonce;
    return e->x.route->act->read(e);
}

static void go_on(struct page *p)
{
    struct exchange *x = &p->e.x;
    const struct act *act = x->route->act;
    const char *done = act->done, *page = act->page;
    if (act->leads_to_job) {
        answer_see_other(&x->answer, arena_printf(x->task.arena, "/jobs/%.*s",
                                                  STR_ARG(p->e.got.job.id)));
        return;
    }
    struct str to = arena_printf(x->task.arena, "%s?done=%s",
                                 page != NULL ? page : "/", done);
    /* Back to the page of the thing itself. */
    struct str from = params_get(&p->e.params, "from");
    if (str_is(from, "ride") || str_is(from, "number") || str_is(from, "pool"))
        to = arena_printf(x->task.arena, "/%.*ss/%.*s?done=%s", STR_ARG(from),
                          STR_ARG(x->part[0]), done);
    answer_see_other(&x->answer, to);
}

/* The same token again where nobody knows what became of the act: sent once
 * more it is the same act, and not a second one. */
static void choose_token(struct page *p)
{
    const struct service *s = p->e.x.gateway->service;
    bool again = p->has_failed && p->nonce.len > 0 &&
                 problem_outcome(p->failed.code) == RETRY;
    p->token = again ? params_get(&p->e.params, "form_token")
                     : form_token_new(s->vault, p->e.x.task.arena,
                                      session_of(p), time_now_ms() / 1000);
}

static void note_failure(struct page *p)
{
    struct task *t = &p->e.x.task;
    p->failed = t->problem;
    p->has_failed = true;
}

static void read_query(struct page *p)
{
    struct problem problem;
    (void)content_read(&p->e.x, &p->e.params, CONTENT_FORM, &problem);
}

/* A failed act may have used up its time; the page gets its own. */
static void ask_what_it_shows(struct page *p)
{
    p->e.x.task.deadline_ms = loop_now_ms() + SHOW_WITHIN_MS;
    p->e.x.route->view->ask(p);
}

static void show(struct page *p)
{
    choose_token(p);
    p->e.x.route->view->show(p);
    if (p->has_failed)
        answer_retry(&p->e.x.answer, p->e.x.task.arena, &p->failed);
}

void console_run(struct task *t)
{
    struct page *p = (struct page *)t;
    const struct route *route = p->e.x.route;
    TASK_BEGIN(t);
    if (route->act == NULL) {
        read_query(p);
    } else {
        if (read_form(p))
            AWAIT(t, errand_send(&p->e));
        if (t->outcome != DONE)
            note_failure(p);
    }
    if (route->act != NULL && !p->has_failed && !route->act->shows_answer) {
        go_on(p);
    } else {
        AWAIT(t, ask_what_it_shows(p));
        if (t->outcome != DONE && route->view->needs_all)
            TASK_FAIL(t);
        show(p);
    }
    TASK_END(t);
}

/* ---- problems ---- */

/* Where to sign in, and where it leads: to the page that was asked for. */
static void add_sign_in(const struct exchange *x, cJSON *values,
                        const struct problem *problem)
{
    struct arena *arena = x->task.arena;
    bool tried = x->route->door == DOOR_SIGNIN;
    const struct signin *c = (const struct signin *)x;
    struct str next = tried ? c->next
                      : str_is(x->request->method, "GET")
                          ? signin_next(x->request->target)
                          : STR("/");
    json_add(arena, values, "next", next.len > 0 ? next : STR("/"));
    if (!tried)
        return;
    json_add(arena, values, "name", params_get(&c->params, "name"));
    json_add(arena, values, "fault", str_of(problem_sentence(problem->code)));
    if (problem->code == PROBLEM_signin_code)
        cJSON_AddTrueToObject(values, "code");
}

void console_problem(struct exchange *x, const struct problem *problem)
{
    bool sign_in =
        problem->code == PROBLEM_unauthorized || x->route->door == DOOR_SIGNIN;
    cJSON *values = cJSON_CreateObject();
    cJSON_AddStringToObject(values, "title",
                            sign_in ? "Sign in" : "Not possible");
    cJSON_AddStringToObject(values, "sentence",
                            problem_sentence(problem->code));
    if (sign_in)
        add_sign_in(x, values, problem);
    answer_retry(&x->answer, x->task.arena, problem);
    page_answer(x, problem_status(problem->code),
                sign_in ? ASSET(signin_html) : ASSET(problem_html), &values);
}

/* ---- assets ---- */

void console_asset_run(struct task *t)
{
    struct exchange *x = (struct exchange *)t;
    TASK_BEGIN(t);
    if (str_is(x->part[0], "style.css")) {
        x->answer.content_type = STR("text/css; charset=utf-8");
        x->answer.body = ASSET(style_css);
    } else if (str_is(x->part[0], "icon.svg")) {
        x->answer.content_type = STR("image/svg+xml");
        x->answer.body = ASSET(icon_svg);
    } else {
        task_reject(t, PROBLEM_not_found, STR_NONE);
        TASK_FAIL(t);
    }
    x->answer.status = 200;
    TASK_END(t);
}
