#include "gateway/access/tokens.h"

#include "gateway/access/gate.h"
#include "gateway/access/store.h"

enum { ID_BYTES = 8, SECRET_BYTES = 24 };

static struct service *service(const struct own *o)
{
    return o->e->x.gateway->service;
}

void token_list_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    AWAIT(t, store_tokens(service(o), t, &o->e->got.list));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

static void send_token(struct own *o)
{
    struct arena *arena = o->task.arena;
    const struct ask_token *ask = &o->e->ask.token;
    struct got_token *got = &o->e->got.token;
    struct str secret = vault_random(arena, SECRET_BYTES);
    *got = (struct got_token){.id = vault_random(arena, ID_BYTES),
                              .name = ask->name,
                              .scopes = ask->scopes,
                              .by = o->e->x.who.name,
                              .expires = ask->expires};
    got->token = gate_token_text(arena, got->id, secret);
    struct token_record record = {
        .id = got->id,
        .name = got->name,
        .hash = gate_token_hash(service(o), arena, got->id, secret),
        .scopes = got->scopes,
        .by = got->by,
        .expires_ms = got->expires};
    store_token_add(service(o), &o->task, &record, &o->done);
}

static bool was_added(struct own *o)
{
    struct str said = value_str(value_at(&o->done, 0));
    o->e->got.token.made = value_num(value_at(&o->done, 1), 0);
    if (str_is(said, "made"))
        return true;
    task_reject(&o->task,
                str_is(said, "past") ? PROBLEM_in_the_past
                                     : PROBLEM_no_more_places,
                str_is(said, "past") ? STR("expires_at") : STR_NONE);
    return false;
}

void token_add_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    AWAIT(t, send_token(o));
    if (t->outcome != DONE || !was_added(o))
        TASK_FAIL(t);
    TASK_END(t);
}

void token_remove_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    AWAIT(t, store_token_remove(service(o), t, o->e->ask.token.id, &o->done));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (value_num(value_at(&o->done, 0), 0) == 0) {
        task_reject(t, PROBLEM_not_found, STR("id"));
        TASK_FAIL(t);
    }
    o->e->detail = value_str(value_at(&o->done, 1));
    TASK_END(t);
}
