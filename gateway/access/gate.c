#include "gateway/access/gate.h"

#include "gateway/access/address.h"
#include "gateway/access/limiter.h"
#include "gateway/access/secrets.h"
#include "gateway/access/store.h"

static const char token_prefix[] = "bc_";

/* ---- credentials ---- */

static struct str bearer_of(const struct http_request *request)
{
    struct str given = str_trim(http_header(request, "Authorization"));
    struct str scheme = str_cut(&given, ' ');
    return str_same_word(scheme, STR("Bearer")) ? str_trim(given) : STR_NONE;
}

const char *gate_cookie_name(const struct settings *settings)
{
    bool tls = str_starts(str_of(settings->public_url), STR("https://"));
    return tls ? "__Host-birdcar" : "birdcar";
}

struct str gate_cookie(const struct http_request *request, const char *name)
{
    struct str rest = http_header(request, "Cookie");
    while (rest.len > 0) {
        struct str value = str_trim(str_cut(&rest, ';'));
        if (str_eq(str_cut(&value, '='), str_of(name)))
            return value;
    }
    return STR_NONE;
}

struct str gate_session_key(const struct service *s, struct arena *arena,
                            struct str cookie)
{
    return vault_hash(s->vault, arena, "session", cookie);
}

struct str gate_token_text(struct arena *arena, struct str id,
                           struct str secret)
{
    return arena_printf(arena, "%s%.*s_%.*s", token_prefix, STR_ARG(id),
                        STR_ARG(secret));
}

struct str gate_token_hash(const struct service *s, struct arena *arena,
                           struct str id, struct str secret)
{
    return vault_hash(
        s->vault, arena, "token",
        arena_printf(arena, "%.*s %.*s", STR_ARG(id), STR_ARG(secret)));
}

/* An id may hold a `_` itself, so it is cut by its length. */
bool gate_token_split(struct str given, struct str *id, struct str *secret)
{
    struct str prefix = str_of(token_prefix);
    if (!str_starts(given, prefix) ||
        given.len < prefix.len + TOKEN_ID_CHARS + 2 ||
        given.ptr[prefix.len + TOKEN_ID_CHARS] != '_')
        return false;
    *id = (struct str){given.ptr + prefix.len, TOKEN_ID_CHARS};
    *secret = str_from(given, prefix.len + TOKEN_ID_CHARS + 1);
    for (size_t i = 0; i < id->len; i++)
        if (!char_is_letter(id->ptr[i]) && !char_is_digit(id->ptr[i]) &&
            id->ptr[i] != '-' && id->ptr[i] != '_')
            return false;
    return true;
}

/* ---- who is it? ---- */

struct looking {
    struct task task;
    struct exchange *x;
    struct str token_id, token_hash; /* else: */
    struct str session;
    struct value found;
};

static void look(struct looking *l)
{
    struct service *s = l->x->gateway->service;
    if (l->token_id.len > 0)
        store_token(s, &l->task, l->token_id, l->token_hash, &l->found);
    else
        store_session(s, &l->task, l->session, s->settings.session_idle_ms,
                      &l->found);
}

static unsigned scopes_may(struct str scopes)
{
    unsigned may = 0;
    while (scopes.len > 0)
        may |= scope_may(str_cut(&scopes, ' '));
    return may;
}

static void take_found(const struct looking *l)
{
    struct str what = value_str(value_at(&l->found, 1));
    if (l->found.count < 2)
        return;
    bool token = l->token_id.len > 0;
    l->x->who =
        (struct identity){.kind = token ? IDENTITY_TOKEN : IDENTITY_SESSION,
                          .name = value_str(value_at(&l->found, 0)),
                          .id = token ? l->token_id : l->session,
                          .may = token ? scopes_may(what) : role_may(what)};
}

static void looking_run(struct task *t)
{
    struct looking *l = (struct looking *)t;
    TASK_BEGIN(t);
    AWAIT(t, look(l));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    take_found(l);
    TASK_END(t);
}

void gate_identify(struct exchange *x)
{
    const struct service *s = x->gateway->service;
    struct arena *arena = x->task.arena;
    struct str bearer = bearer_of(x->request), id, secret;
    x->who = (struct identity){.kind = IDENTITY_NONE};
    if (bearer.len > 0 && secrets_is_token(x->gateway->secrets, bearer)) {
        x->who = (struct identity){.kind = IDENTITY_TOKEN,
                                   .name = STR("api-token"),
                                   .id = STR(""),
                                   .may = role_may(STR("admin"))};
        return;
    }
    /* A session counts on the pages alone: what is no page takes no cookie, so
     * that no site can make a browser ask it. */
    struct str cookie =
        x->route->door == DOOR_PAGE
            ? gate_cookie(x->request, gate_cookie_name(&s->settings))
            : STR_NONE;
    bool token = gate_token_split(bearer, &id, &secret);
    if (!token && (bearer.len > 0 || cookie.len == 0))
        return;
    struct looking *l = task_part(&x->task, sizeof(*l), looking_run);
    l->x = x;
    if (token) {
        l->token_id = id;
        l->token_hash = gate_token_hash(s, arena, id, secret);
    } else {
        l->session = gate_session_key(s, arena, cookie);
    }
}

/* ---- at what pace? ---- */

struct str gate_address(const struct exchange *x)
{
    return address_of(x->request,
                      str_of(x->gateway->service->settings.trusted_proxies));
}

void gate_pace(struct exchange *x)
{
    const struct settings *settings = &x->gateway->service->settings;
    struct limiter *limiter = x->gateway->limiter;
    if (x->who.kind == IDENTITY_TOKEN)
        limiter_take(limiter, &x->task, "pace-token", x->who.id,
                     settings->token_rate);
    else if (x->who.kind == IDENTITY_SESSION)
        limiter_take(limiter, &x->task, "pace-account", x->who.name,
                     settings->account_rate);
    else
        limiter_take(limiter, &x->task, "pace-address",
                     address_network(x->task.arena, gate_address(x)),
                     settings->address_rate);
}
