#include "gateway/access/accounts.h"

#include "gateway/access/address.h"
#include "gateway/access/gate.h"
#include "gateway/access/hasher.h"
#include "gateway/access/signin.h"
#include "gateway/access/store.h"
#include "gateway/access/totp.h"
#include "gateway/answer.h"
#include "shared/keys.h"
#include "shared/timestamp.h"

static struct service *service(const struct own *o)
{
    return o->e->x.gateway->service;
}

static struct str my_name(const struct own *o)
{
    return o->e->x.who.name;
}

static bool refuse(struct own *o, enum problem_code code, const char *field)
{
    task_reject(&o->task, code, str_of(field));
    return false;
}

/* A program has no account of its own. */
static bool is_signed_in(struct own *o)
{
    return o->e->x.who.kind == IDENTITY_SESSION ||
           refuse(o, PROBLEM_forbidden, "");
}

static struct str totp_meaning(const struct own *o)
{
    return meaning_totp(o->task.arena, my_name(o));
}

static bool took(struct own *o)
{
    return str_is(value_str(value_at(&o->done, 0)), "done") ||
           refuse(o, PROBLEM_changed_meanwhile, "");
}

/* ---- whose password it is ---- */

/* Whoever found a browser that was left open must not do what only its owner
 * may, nor try passwords in it. Fills `found` with the account. */
struct proving {
    struct task task;
    struct own *o;
    struct str password;
    struct value tries;
    bool holds;
};

static void begin_try(struct proving *p)
{
    const struct exchange *x = &p->o->e->x;
    store_attempt(service(p->o), &p->task, my_name(p->o),
                  address_network(p->task.arena, gate_address(x)), x->who.id,
                  &p->tries);
}

static void check_password(struct proving *p)
{
    hasher_check(p->o->e->x.gateway->hasher, &p->task,
                 value_field(&p->o->found, "password"), p->password, &p->holds);
}

static void proving_run(struct task *t)
{
    struct proving *p = (struct proving *)t;
    TASK_BEGIN(t);
    AWAIT(t, begin_try(p));
    if (t->outcome == DONE && value_num(&p->tries, 0) > 0)
        task_reject(t, PROBLEM_signin_slow, STR_NONE);
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, store_account(service(p->o), t, my_name(p->o), &p->o->found));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, check_password(p));
    if (t->outcome == DONE && !p->holds)
        task_reject(t, PROBLEM_password_wrong, STR("current"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

static void prove(struct own *o, struct str password)
{
    struct proving *p = task_part(&o->task, sizeof(*p), proving_run);
    p->o = o;
    p->password = password;
}

static void send_set(struct own *o, const char *field, struct str value,
                     const char *other, struct str other_value,
                     struct str sessions)
{
    struct account_change change = {
        .name = my_name(o),
        .if_password = value_field(&o->found, "password"),
        .sessions = sessions,
        .pairs = {str_of(field), value, str_of(other), other_value},
        .count = other != NULL ? 4 : 2};
    store_account_set(service(o), &o->task, &change, &o->done);
}

void password_run(struct task *t)
{
    struct own *o = (struct own *)t;
    const struct ask_account *ask = &o->e->ask.account;
    TASK_BEGIN(t);
    if (!is_signed_in(o) || !password_may_be(t, ask->password, my_name(o)))
        TASK_FAIL(t);
    AWAIT(t, prove(o, ask->current));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t,
          hasher_make(o->e->x.gateway->hasher, t, ask->password, &o->text[1]));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    /* Whoever else is signed in with the old one is out. */
    AWAIT(t,
          send_set(o, "password", o->text[1], NULL, STR_NONE, o->e->x.who.id));
    if (t->outcome != DONE || !took(o))
        TASK_FAIL(t);
    TASK_END(t);
}

/* ---- sessions ---- */

void session_end_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    if (!is_signed_in(o))
        TASK_FAIL(t);
    AWAIT(t, store_session_end(service(o), t, my_name(o),
                               o->e->ask.account.session, o->e->x.who.id,
                               &o->done));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

void sign_out_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    if (!is_signed_in(o))
        TASK_FAIL(t);
    AWAIT(t, store_session_end(service(o), t, my_name(o), o->e->x.who.id,
                               STR_NONE, &o->done));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    answer_header(&o->e->x.answer, "Set-Cookie",
                  signin_cookie_gone(&service(o)->settings, t->arena));
    TASK_END(t);
}

/* ---- the second factor ---- */

/* It counts from its first code on. */
void totp_new_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    if (!is_signed_in(o))
        TASK_FAIL(t);
    AWAIT(t, prove(o, o->e->ask.code.current));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (value_field(&o->found, "totp").len > 0) {
        refuse(o, PROBLEM_changed_meanwhile, "");
        TASK_FAIL(t);
    }
    AWAIT(t, send_set(o, "totp_new",
                      vault_seal(service(o)->vault, t->arena,
                                 totp_secret_new(t->arena), totp_meaning(o)),
                      NULL, STR_NONE, STR("keep")));
    if (t->outcome != DONE || !took(o))
        TASK_FAIL(t);
    TASK_END(t);
}

/* That code, too, is good once. */
static bool check_code(struct own *o)
{
    struct str secret = STR_NONE;
    int64_t step = -1;
    if (vault_unseal(service(o)->vault, o->task.arena,
                     value_field(&o->found, "totp_new"), totp_meaning(o),
                     &secret))
        step = totp_step(secret, o->e->ask.code.code, time_now_ms() / 1000, -1);
    o->text[1] = arena_number(o->task.arena, step);
    return step >= 0 || refuse(o, PROBLEM_code_wrong, "code");
}

static void send_confirmed(struct own *o)
{
    struct account_change change = {
        .name = my_name(o),
        .if_password = value_field(&o->found, "password"),
        .sessions = o->e->x.who.id,
        .pairs = {STR("totp"), value_field(&o->found, "totp_new"),
                  STR("totp_new"), STR(""), STR("totp_step"), o->text[1]},
        .count = 6};
    store_account_set(service(o), &o->task, &change, &o->done);
}

void totp_confirm_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    if (!is_signed_in(o))
        TASK_FAIL(t);
    AWAIT(t, store_account(service(o), t, my_name(o), &o->found));
    if (t->outcome != DONE || !check_code(o))
        TASK_FAIL(t);
    AWAIT(t, send_confirmed(o));
    if (t->outcome != DONE || !took(o))
        TASK_FAIL(t);
    TASK_END(t);
}

void totp_remove_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    if (!is_signed_in(o))
        TASK_FAIL(t);
    AWAIT(t, prove(o, o->e->ask.code.current));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, send_set(o, "totp", STR(""), "totp_new", STR(""), o->e->x.who.id));
    if (t->outcome != DONE || !took(o))
        TASK_FAIL(t);
    TASK_END(t);
}
