#include "gateway/webhooks.h"

#include <sodium.h>

#include "gateway/access/gate.h"
#include "gateway/answer.h"
#include "gateway/content.h"
#include "gateway/flow.h"
#include "gateway/signature_old.h"
#include "gateway/webhook_fields.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "shared/timestamp.h"

/* ---- who sent it? ---- */

enum { TOKEN_LEAST = 16 /* characters, to be no guess */ };

#define WHAT_TO_SET                                                            \
    "set MESSAGEBIRD_SIGNING_KEY, or WEBHOOK_TOKEN for flows that cannot sign"

static bool has_key(const struct settings *settings)
{
    return settings->signing_key[0] != '\0';
}

static bool has_token(const struct settings *settings)
{
    return settings->webhook_token[0] != '\0';
}

void webhooks_announce(const struct settings *settings)
{
    if (!settings->webhook_auth)
        log_event(LEVEL_WARN, "webhooks.open", STR_NONE,
                  "WEBHOOK_AUTH=off hint=\"anybody can send texts and calls; "
                  "for a first try only\"");
    else if (!has_key(settings) && !has_token(settings))
        log_event(LEVEL_WARN, "webhooks.closed", STR_NONE,
                  "hint=\"all are refused; " WHAT_TO_SET "\"");
    if (has_token(settings) && strlen(settings->webhook_token) < TOKEN_LEAST)
        log_event(LEVEL_WARN, "webhooks.token_short", STR_NONE,
                  "hint=\"WEBHOOK_TOKEN can be guessed; give it %d characters "
                  "or more\"",
                  TOKEN_LEAST);
}

static bool is_token(const struct settings *settings, struct str given)
{
    struct str token = str_of(settings->webhook_token);
    return token.len > 0 && given.len == token.len &&
           sodium_memcmp(given.ptr, token.ptr, token.len) == 0;
}

static enum signature_fault check_jwt(struct exchange *x, struct str token,
                                      const char *key,
                                      struct signature_claims *claims)
{
    struct str url = arena_printf(x->task.arena, "%s%.*s",
                                  x->gateway->service->settings.public_url,
                                  STR_ARG(x->request->target));
    return signature_check(x->task.arena, token, str_of(key), url,
                           x->request->body, time_now_ms(), claims);
}

static enum signature_fault check_old(struct exchange *x, struct str signature,
                                      const char *key)
{
    return signature_old_check(
        x->task.arena, signature,
        http_header(x->request, "MessageBird-Request-Timestamp"), str_of(key),
        x->request->query, x->request->body, time_now_ms());
}

/* NULL where it is signed, by one key or the other; else the reason, for the
 * log. */
static const char *signature_fault(struct exchange *x,
                                   struct signature_claims *claims)
{
    const struct settings *settings = &x->gateway->service->settings;
    const char *const keys[] = {settings->signing_key,
                                settings->old_signing_key};
    struct str token = http_header(x->request, "MessageBird-Signature-JWT");
    struct str old = settings->old_signatures
                         ? http_header(x->request, "MessageBird-Signature")
                         : STR_NONE;
    enum signature_fault fault = SIGNATURE_MISMATCH;
    if (!has_key(settings))
        return "no_key";
    if (token.len == 0 && old.len == 0)
        return "unsigned";
    for (size_t i = 0; i < 2 && fault == SIGNATURE_MISMATCH; i++)
        if (keys[i][0] != '\0')
            fault = token.len > 0 ? check_jwt(x, token, keys[i], claims)
                                  : check_old(x, old, keys[i]);
    return fault == SIGNATURE_OK ? NULL : signature_fault_name(fault);
}

static void log_refusal(const struct exchange *x, const char *reason)
{
    const struct settings *settings = &x->gateway->service->settings;
    bool set_up = has_key(settings) || has_token(settings);
    metric_add(METRIC_webhooks_unsigned_total, 1);
    /* The pattern, not the path: that may hold the token. */
    log_sparse(LEVEL_WARN, "webhook.refused", "route=%s reason=%s%s",
               x->route->pattern, reason,
               set_up ? "" : " hint=\"" WHAT_TO_SET "\"");
}

/* False: the task has its problem. */
static bool let_in(struct exchange *x, struct signature_claims *claims)
{
    const struct settings *settings = &x->gateway->service->settings;
    const char *reason = NULL;
    if (!settings->webhook_auth)
        return true;
    if (x->part[0].len > 0)
        reason = is_token(settings, x->part[0]) ? NULL : "wrong_token";
    else
        reason = signature_fault(x, claims);
    if (reason == NULL)
        return true;
    log_refusal(x, reason);
    task_reject(&x->task, PROBLEM_bad_signature, STR_NONE);
    return false;
}

/* ---- what it says ---- */

/* The body of a POST, else the query. */
static bool read_params(struct exchange *x, struct params *params)
{
    struct problem problem;
    if (content_read(x, params, CONTENT_FORM | CONTENT_JSON, &problem))
        return true;
    task_reject(&x->task, problem.code, problem.field);
    return false;
}

static void answer_taken(struct exchange *x)
{
    x->answer.status = 200;
    x->answer.content_type = STR("application/json");
    x->answer.body = STR("{\"taken\":true}");
}

/* ---- texts ---- */

static bool text_read(struct text_hook *c)
{
    struct exchange *x = &c->x;
    const struct http_request *request = x->request;
    struct arena *arena = x->task.arena;
    struct signature_claims claims = {STR_NONE, 0};
    struct problem problem;
    struct params *params = arena_alloc(arena, sizeof(*params));
    if (!let_in(x, &claims) || !read_params(x, params))
        return false;
    if (!webhook_text(arena, params, &c->ask, &problem)) {
        task_reject(&x->task, problem.code, problem.field);
        return false;
    }
    c->ask.jti = claims.jti;
    c->ask.content = vault_hash(x->gateway->service->vault, arena, "content",
                                str_is(request->method, "GET") ? request->query
                                                               : request->body);
    if (c->ask.id.len == 0)
        c->ask.id = c->ask.content;
    return true;
}

void text_hook_run(struct task *t)
{
    struct text_hook *c = (struct text_hook *)t;
    TASK_BEGIN(t);
    if (!service_of(t)->settings.webhook_auth) { /* then anybody may write */
        AWAIT(t, gate_pace(&c->x));
        if (t->outcome != DONE)
            TASK_FAIL(t);
    }
    if (!text_read(c))
        TASK_FAIL(t);
    AWAIT(t, bus_ask(service_of(t)->client, t, "ride-svc", &type_sms_received,
                     &c->ask, &c->got));
    if (t->outcome == REJECT && t->problem.code == PROBLEM_bad_signature)
        log_refusal(&c->x, "replay");
    if (t->outcome != DONE)
        TASK_FAIL(t);
    answer_taken(&c->x);
    TASK_END(t);
}

/* ---- calls: whoever is let in hears something, whatever is broken ---- */

static void call_read(struct call_hook *c)
{
    struct arena *arena = c->x.task.arena;
    struct params *params = arena_alloc(arena, sizeof(*params));
    struct str fault;
    /* What stands before a broken part is as good as ever. */
    (void)params_parse_form(params, arena, c->x.request->query, &fault);
    webhook_call(arena, params, &c->ask);
}

static void answer_flow(struct call_hook *c)
{
    const struct settings *settings = &c->x.gateway->service->settings;
    enum flow_format format = flow_format_of(
        http_header(c->x.request, "Accept"),
        strcmp(settings->voice_format, "json") == 0 ? FLOW_JSON : FLOW_XML);
    c->x.answer.status = 200;
    c->x.answer.content_type = str_of(flow_content_type(format));
    c->x.answer.body = flow_render(c->x.task.arena, format, &c->got);
}

void call_hook_run(struct task *t)
{
    struct call_hook *c = (struct call_hook *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    struct signature_claims claims;
    if (!let_in(&c->x, &claims))
        TASK_FAIL(t);
    call_read(c);
    if (!s->settings.webhook_auth)
        AWAIT(t, gate_pace(&c->x));
    if (t->outcome == DONE)
        AWAIT(t, bus_ask(s->client, t, "voice-svc", &type_call_received,
                         &c->ask, &c->got));
    if (t->outcome != DONE) {
        log_sparse(LEVEL_WARN, "call.unanswered", "problem=%s",
                   problem_name(t->problem.code));
        c->got = (struct msg_call_flow){.action = STR("say"),
                                        .words = str_of(s->settings.try_again),
                                        .language =
                                            str_of(s->settings.voice_language)};
    }
    answer_flow(c);
    TASK_END(t);
}

/* ---- delivery reports ---- */

/* The MAC stands in the URL that we gave the provider for this very text. */
static bool mac_holds(struct exchange *x, struct str reference)
{
    struct arena *arena = x->task.arena;
    struct params *query = arena_alloc(arena, sizeof(*query));
    struct str fault;
    return params_parse_form(query, arena, x->request->query, &fault) &&
           vault_mac_holds(x->gateway->service->vault, "report", reference,
                           params_get(query, "mac"));
}

static bool report_read(struct report_hook *c)
{
    struct exchange *x = &c->x;
    struct signature_claims claims;
    struct problem problem;
    struct params *params = arena_alloc(x->task.arena, sizeof(*params));
    bool readable = read_params(x, params);
    if (!(readable && mac_holds(x, params_get(params, "reference"))) &&
        !let_in(x, &claims))
        return false;
    if (!readable)
        return false;
    if (webhook_report(params, &c->ask, &problem))
        return true;
    task_reject(&x->task, problem.code, problem.field);
    return false;
}

void report_hook_run(struct task *t)
{
    struct report_hook *c = (struct report_hook *)t;
    TASK_BEGIN(t);
    if (!report_read(c))
        TASK_FAIL(t);
    AWAIT(t, bus_ask(service_of(t)->client, t, "notifier", &type_report,
                     &c->ask, &c->got));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    answer_taken(&c->x);
    TASK_END(t);
}
