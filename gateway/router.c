#include "gateway/router.h"

#include <unistd.h>

#include "gateway/access/gate.h"
#include "gateway/acts.h"
#include "gateway/answer.h"
#include "gateway/console/page.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"

enum { REFUSED_WITHIN_MS = 5000 };

/* ---- paths ---- */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    int value = at != NULL ? (int)(at - digits) : -1;
    return value < 16 ? value : value - 6;
}

/* %XX of a path's part; `+` stands for itself here. */
static bool decode_part(struct arena *arena, struct str raw, struct str *out)
{
    char *to = arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '%') {
            int high = i + 2 < raw.len ? hex_digit(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? hex_digit(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(unsigned char)(high << 4 | low);
            i += 2;
        }
        to[len++] = c;
    }
    *out = (struct str){to, len};
    return str_is_utf8(*out);
}

bool route_matches(struct arena *arena, const char *pattern, struct str path,
                   struct str part[ROUTE_PARTS])
{
    size_t parts = 0;
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at != '{') {
            if (path.len == 0 || path.ptr[0] != *at)
                return false;
            path = str_from(path, 1);
            continue;
        }
        size_t len = 0;
        while (len < path.len && path.ptr[len] != '/')
            len++;
        if (len == 0 || parts == ROUTE_PARTS ||
            !decode_part(arena, (struct str){path.ptr, len}, &part[parts++]))
            return false;
        path = str_from(path, len);
        at++; /* the `}` */
    }
    return path.len == 0;
}

/* The route, or the one of another method at this path; then `allow` lists the
 * methods that it takes. */
static const struct route *find(const struct gateway *g,
                                const struct http_request *request,
                                struct str part[ROUTE_PARTS], struct str *allow)
{
    const struct route *other = NULL;
    *allow = STR_NONE;
    for (const struct route *r = g->routes; r->pattern != NULL; r++) {
        if (!route_matches(request->arena, r->pattern, request->path, part))
            continue;
        if (str_is(request->method, r->method)) {
            *allow = STR_NONE;
            return r;
        }
        other = r;
        *allow = arena_printf(request->arena, "%.*s%s%s%s", STR_ARG(*allow),
                              allow->len > 0 ? ", " : "", r->method,
                              strcmp(r->method, "GET") == 0 ? ", HEAD" : "");
    }
    return other;
}

unsigned route_needs(const struct route *route)
{
    if (route->act != NULL) /* one that says nothing is for admins */
        return route->act->may != 0 ? route->act->may : MAY_ADMIN;
    return route->view != NULL ? route->view->may | MAY_READ : 0;
}

/* ---- answers ---- */

static void finish(struct task *t)
{
    struct exchange *x = (struct exchange *)t;
    if (x->admission != NULL)
        admission_leave(x->admission, x->entered_ms, loop_now_ms());
    if (t->outcome != DONE) {
        if (x->route->door == DOOR_PAGE || x->route->door == DOOR_SIGNIN)
            console_problem(x, &t->problem);
        else
            answer_problem(&x->answer, t->arena, &t->problem);
    }
    http_answer(x->gateway->http, x->request->ticket, &x->answer);
}

static void refused_run(struct task *t)
{
    const struct exchange *x = (struct exchange *)t;
    task_reject(t, x->refusal, STR_NONE);
    TASK_FAIL(t);
}

/* Where no route is: told in the form that its neighbours have. */
static const struct route nowhere[] = {
    [DOOR_API] = {.door = DOOR_API, .within_ms = REFUSED_WITHIN_MS},
    [DOOR_PAGE] = {.door = DOOR_PAGE, .within_ms = REFUSED_WITHIN_MS},
};

static const struct route *neighbours(struct str path)
{
    return &nowhere[str_starts(path, STR("/api/")) ? DOOR_API : DOOR_PAGE];
}

static void demand_sign_in(struct exchange *x)
{
    x->refusal = PROBLEM_unauthorized;
    answer_header(&x->answer, "WWW-Authenticate",
                  STR("Bearer realm=\"BirdCar\""));
    if (http_header(x->request, "Authorization").len > 0)
        log_sparse(LEVEL_WARN, "access.refused", "reason=wrong_token");
}

/* Who is in and tries other doors. A token's name is anybody's words, its id
 * ours. */
static void forbid(struct exchange *x)
{
    struct str who = x->who.kind == IDENTITY_SESSION ? x->who.name : x->who.id;
    x->refusal = PROBLEM_forbidden;
    log_sparse(LEVEL_WARN, "access.forbidden", "who=%.*s route=%s %s",
               STR_ARG(who), x->route->method, x->route->pattern);
}

/* False: too much is under way already. */
static bool enter(struct exchange *x)
{
    struct gateway *g = x->gateway;
    struct admission *lanes[] = {
        [LANE_FREE] = NULL, [LANE_TEXTS] = &g->texts, [LANE_API] = &g->api};
    struct admission *lane = lanes[x->route->lane];
    if (lane == NULL)
        return true;
    if (!admission_enter(lane)) {
        metric_add(METRIC_http_shed_total, 1);
        return false;
    }
    x->admission = lane;
    x->entered_ms = loop_now_ms();
    return true;
}

/* True: the route may run. */
static bool admit(struct exchange *x)
{
    unsigned needs = route_needs(x->route);
    bool guarded = x->route->door == DOOR_API || x->route->door == DOOR_PAGE;
    if (guarded && x->who.kind == IDENTITY_NONE) {
        demand_sign_in(x);
    } else if (!x->known) {
        x->refusal = PROBLEM_not_found;
    } else if (x->allow.len > 0) {
        x->refusal = PROBLEM_wrong_method;
        answer_header(&x->answer, "Allow", x->allow);
    } else if ((x->who.may & needs) != needs) {
        forbid(x);
    } else if (!enter(x)) {
        x->refusal = PROBLEM_busy;
    } else {
        return true;
    }
    return false;
}

/* From here on the task is the route's. */
static void hand_over(struct task *t, void (*run)(struct task *))
{
    t->run = run;
    t->at = 0;
    run(t);
}

static void guarded_run(struct task *t)
{
    struct exchange *x = (struct exchange *)t;
    TASK_BEGIN(t);
    AWAIT(t, gate_identify(x));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, gate_pace(x));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    hand_over(t, admit(x) ? x->route->run : refused_run);
    return;
    TASK_END(t);
}

void router_handle(void *arg, struct http_request *request)
{
    struct gateway *g = arg;
    struct service *s = g->service;
    struct str part[ROUTE_PARTS] = {STR_NONE};
    struct str allow = STR_NONE;
    const struct route *found = find(g, request, part, &allow);
    const struct route *route =
        found != NULL ? found : neighbours(request->path);
    size_t size = route->run != NULL ? route->size : sizeof(struct exchange);
    struct exchange *x = task_new(s->tasks, size, route->run, request->arena);
    x->gateway = g;
    x->route = route;
    x->request = request;
    x->known = found != NULL;
    x->allow = allow;
    memcpy(x->part, part, sizeof(part));
    x->task.finish = finish;
    x->task.owner = s;
    x->task.deadline_ms = loop_now_ms() + route->within_ms;
    x->task.trace = arena_printf(request->arena, "%x-%llx", (unsigned)getpid(),
                                 (unsigned long long)request->ticket);
    if (route->door == DOOR_API || route->door == DOOR_PAGE)
        x->task.run = guarded_run;
    else if (!admit(x))
        x->task.run = refused_run;
    task_start(&x->task);
}

/* What the server refused before anybody knew what it was meant for. */
void router_refuse(void *arg, int status, struct http_answer *answer)
{
    static char body[256]; /* copied before the next one is built */
    enum problem_code code = status == 405   ? PROBLEM_wrong_method
                             : status == 413 ? PROBLEM_too_large
                                             : PROBLEM_malformed;
    (void)arg;
    (void)snprintf(body, sizeof(body),
                   "{\"type\":\"about:blank\",\"title\":\"%s\","
                   "\"status\":%d,\"code\":\"%s\"}",
                   problem_sentence(code), status, problem_name(code));
    answer->content_type = STR("application/problem+json");
    answer->body = str_of(body);
}
