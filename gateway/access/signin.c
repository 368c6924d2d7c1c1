#include "gateway/access/signin.h"

#include "gateway/access/address.h"
#include "gateway/access/audit.h"
#include "gateway/access/form.h"
#include "gateway/access/gate.h"
#include "gateway/access/hasher.h"
#include "gateway/access/secrets.h"
#include "gateway/access/store.h"
#include "gateway/access/totp.h"
#include "gateway/answer.h"
#include "gateway/console/console.h"
#include "gateway/content.h"
#include "shared/keys.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/timestamp.h"

enum {
    COOKIE_BYTES = 16, /* 128 bits */
    AGENT_MOST = 160,
    DEVICE_DAYS = 180,
    DAY_S = 24 * 3600
};

static struct service *service(const struct signin *c)
{
    return c->x.gateway->service;
}

/* ---- cookies ---- */

static const char *device_name(const struct settings *settings)
{
    bool tls = str_starts(str_of(settings->public_url), STR("https://"));
    return tls ? "__Host-birdcar-device" : "birdcar-device";
}

static struct str cookie_text(const struct settings *settings,
                              struct arena *arena, const char *name,
                              struct str value, int64_t seconds)
{
    bool tls = str_starts(str_of(settings->public_url), STR("https://"));
    return arena_printf(
        arena, "%s=%.*s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax%s", name,
        STR_ARG(value), (long long)seconds, tls ? "; Secure" : "");
}

struct str signin_cookie_gone(const struct settings *settings,
                              struct arena *arena)
{
    return cookie_text(settings, arena, gate_cookie_name(settings), STR(""), 0);
}

/* A browser that was in with this name has "<nonce>.<mac>", over both and over
 * the password's hash, so that it is known no more when that is new. Its
 * attempts are counted for themselves, so that no stranger's lock it out. */
static struct str device_said(struct signin *c, struct str nonce)
{
    return arena_printf(c->x.task.arena, "%.*s %.*s %.*s", STR_ARG(nonce),
                        STR_ARG(c->name), STR_ARG(c->stored));
}

static struct str known_device(struct signin *c)
{
    struct str mac =
        gate_cookie(c->x.request, device_name(&service(c)->settings));
    struct str nonce = str_cut(&mac, '.');
    bool ours = nonce.len > 0 && vault_mac_holds(service(c)->vault, "device",
                                                 device_said(c, nonce), mac);
    return ours ? nonce : STR_NONE;
}

static void set_cookies(struct signin *c)
{
    struct arena *arena = c->x.task.arena;
    const struct settings *settings = &service(c)->settings;
    struct str nonce =
        c->device.len > 0 ? c->device : vault_random(arena, COOKIE_BYTES);
    struct str mac =
        vault_mac(service(c)->vault, arena, "device", device_said(c, nonce));
    answer_header(&c->x.answer, "Set-Cookie",
                  cookie_text(settings, arena, gate_cookie_name(settings),
                              c->cookie, settings->session_ms / 1000));
    answer_header(&c->x.answer, "Set-Cookie",
                  cookie_text(settings, arena, device_name(settings),
                              arena_printf(arena, "%.*s.%.*s", STR_ARG(nonce),
                                           STR_ARG(mac)),
                              (int64_t)DEVICE_DAYS * DAY_S));
}

struct str signin_next(struct str given)
{
    bool ours = given.len > 0 && given.len <= NEXT_MOST &&
                given.ptr[0] == '/' &&
                memchr(given.ptr, '\\', given.len) == NULL;
    if (given.len > 1 && given.ptr[1] == '/')
        ours = false; /* another host */
    for (size_t i = 0; ours && i < given.len; i++)
        ours = given.ptr[i] > ' ' && given.ptr[i] != 0x7f;
    return ours ? given : STR("/");
}

/* ---- steps ---- */

/* False: `problem` says what is wrong with the form itself. */
static bool read_form(struct signin *c)
{
    struct task *t = &c->x.task;
    struct problem problem;
    if (!content_read(&c->x, &c->params, CONTENT_FORM, &problem)) {
        task_reject(t, problem.code, problem.field);
        return false;
    }
    c->next = signin_next(params_get(&c->params, "next"));
    c->password = params_get(&c->params, "password");
    c->code = str_trim(params_get(&c->params, "code"));
    c->address = gate_address(&c->x);
    c->network = address_network(t->arena, c->address);
    if (form_is_foreign(c->x.request)) {
        task_reject(t, PROBLEM_forbidden_form, STR_NONE);
        return false;
    }
    if (!account_name_parse(t->arena, params_get(&c->params, "name"),
                            &c->name) ||
        c->password.len == 0 || c->password.len > PASSWORD_MOST) {
        task_reject(t, PROBLEM_signin_wrong, STR_NONE);
        return false;
    }
    return true;
}

static bool has_to_wait(struct signin *c)
{
    int64_t wait_ms = value_num(&c->tries, 0);
    if (wait_ms <= 0)
        return false;
    task_reject(&c->x.task, PROBLEM_signin_slow, STR_NONE);
    c->x.task.problem.detail = (wait_ms + 999) / 1000;
    return true;
}

/* The first admin signs in with the password of the deployment's first start,
 * as long as there is no account of that name. */
static bool is_first_admin(const struct signin *c)
{
    return !c->holds && c->account.count == 0 && str_is(c->name, "admin") &&
           secrets_is_password(c->x.gateway->secrets, c->password);
}

/* False: the code is wrong, or needed and not given. */
static bool check_code(struct signin *c)
{
    struct arena *arena = c->x.task.arena;
    struct str sealed = value_field(&c->account, "totp"), secret;
    int64_t used = -1;
    c->step = STR("");
    if (sealed.len == 0)
        return true;
    c->needs_code = c->code.len == 0;
    (void)str_to_num(value_field(&c->account, "totp_step"), &used);
    if (c->needs_code || !vault_unseal(service(c)->vault, arena, sealed,
                                       meaning_totp(arena, c->name), &secret))
        return false;
    int64_t step = totp_step(secret, c->code, time_now_ms() / 1000, used);
    if (step < 0)
        return false;
    c->step = arena_number(arena, step);
    return true;
}

static bool may_enter(struct signin *c)
{
    return c->holds && value_field(&c->account, "disabled").len == 0 &&
           check_code(c);
}

static void start_session(struct signin *c)
{
    struct arena *arena = c->x.task.arena;
    struct service *s = service(c);
    struct str agent = http_header(c->x.request, "User-Agent");
    c->cookie = vault_random(arena, COOKIE_BYTES);
    c->key = gate_session_key(s, arena, c->cookie);
    struct session_start start = {
        .name = c->name,
        .password = c->stored,
        .totp_step = c->step,
        .address = c->address,
        .network = c->network,
        .agent = {agent.ptr, agent.len < AGENT_MOST ? agent.len : AGENT_MOST},
        .device = c->device,
        .key = c->key,
        .idle_ms = s->settings.session_idle_ms,
        .most_ms = s->settings.session_ms};
    if (!str_is_utf8(start.agent))
        start.agent = STR_NONE;
    store_session_new(s, &c->x.task, &start, &c->got);
}

/* A session that this browser had before is over, whosever it was. */
static void end_old_session(struct signin *c)
{
    struct service *s = service(c);
    struct str old = gate_cookie(c->x.request, gate_cookie_name(&s->settings));
    if (old.len > 0)
        store_session_drop(s, &c->x.task,
                           gate_session_key(s, c->x.task.arena, old));
}

/* Of who has no account the name is not written: it may be a password. */
static void write_down(struct signin *c, bool is_in, const char *outcome)
{
    bool known = c->account.count > 0 || is_in;
    const struct msg_audit_entry entry = {.what = STR("signin"),
                                          .outcome = str_of(outcome),
                                          .who = known ? c->name : STR(""),
                                          .with =
                                              is_in ? STR("session") : STR(""),
                                          .address = c->address,
                                          .object = known ? c->name : STR(""),
                                          .trace = c->x.task.trace};
    audit_add(c->x.gateway->audit, &c->x.task, AUDIT_ACCESS, &entry);
}

static const char *outcome_of(const struct signin *c)
{
    return c->needs_code ? "signin_code" : "signin_wrong";
}

static void refuse(struct signin *c)
{
    task_reject(&c->x.task,
                c->needs_code ? PROBLEM_signin_code : PROBLEM_signin_wrong,
                STR_NONE);
}

static void begin_first_admin(struct signin *c)
{
    store_account_add(service(c), &c->x.task, c->name, STR("admin"), c->made,
                      STR("admin-password"), 1, &c->got);
}

static void hash_password(struct signin *c)
{
    hasher_check(c->x.gateway->hasher, &c->x.task, c->stored, c->password,
                 &c->holds);
}

/* ---- the whole ---- */

void signin_run(struct task *t)
{
    struct signin *c = (struct signin *)t;
    struct service *s = service(c);
    TASK_BEGIN(t);
    if (!read_form(c))
        TASK_FAIL(t);
    AWAIT(t, gate_pace(&c->x));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, store_account(s, t, c->name, &c->account));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    c->stored = value_field(&c->account, "password");
    c->device = known_device(c);
    AWAIT(t, store_attempt(s, t, c->name, c->network, c->device, &c->tries));
    if (t->outcome != DONE || has_to_wait(c))
        TASK_FAIL(t);
    AWAIT(t, hash_password(c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (is_first_admin(c)) {
        AWAIT(t, hasher_make_random(c->x.gateway->hasher, t, c->password,
                                    &c->made));
        if (t->outcome == DONE)
            AWAIT(t, begin_first_admin(c));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        c->holds = str_is(value_str(value_at(&c->got, 0)), "made");
        c->stored = c->made;
    }
    if (may_enter(c)) {
        AWAIT(t, start_session(c));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        c->holds = str_is(value_str(value_at(&c->got, 0)), "made");
    } else {
        c->holds = false;
    }
    if (!c->holds) {
        AWAIT(t, write_down(c, false, outcome_of(c)));
        log_sparse(LEVEL_WARN, "signin.refused", "reason=%s", outcome_of(c));
        refuse(c);
        TASK_FAIL(t);
    }
    AWAIT(t, end_old_session(c));
    AWAIT(t, write_down(c, true, "done"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    set_cookies(c);
    answer_see_other(&c->x.answer, c->next);
    TASK_END(t);
}
