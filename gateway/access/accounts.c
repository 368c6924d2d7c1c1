#include "gateway/access/accounts.h"

#include "gateway/access/hasher.h"
#include "gateway/access/store.h"

static struct service *service(const struct own *o)
{
    return o->e->x.gateway->service;
}

static struct hasher *hasher(const struct own *o)
{
    return o->e->x.gateway->hasher;
}

static bool refuse(struct own *o, enum problem_code code, const char *field)
{
    task_reject(&o->task, code, str_of(field));
    return false;
}

bool password_may_be(struct task *t, struct str password, struct str name)
{
    bool good = str_is_utf8(password) && password.len <= PASSWORD_MOST &&
                str_characters(password) >= PASSWORD_LEAST &&
                memmem(password.ptr, password.len, name.ptr, name.len) == NULL;
    if (!good)
        task_reject(t, PROBLEM_password_weak, STR("password"));
    return good;
}

/* What account_set.lua said. */
static bool took(struct own *o)
{
    static const struct {
        const char *word;
        enum problem_code code;
    } refusals[] = {{"gone", PROBLEM_not_found},
                    {"changed", PROBLEM_changed_meanwhile},
                    {"last", PROBLEM_last_admin}};
    struct str said = value_str(value_at(&o->done, 0));
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
        if (str_is(said, refusals[i].word))
            return refuse(o, refusals[i].code, "");
    return true;
}

/* ---- all of them ---- */

void account_list_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    AWAIT(t, store_accounts(service(o), t, &o->e->got.list));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

/* One that nobody could think of, where none was given. */
static bool choose_password(struct own *o)
{
    struct ask_account *ask = &o->e->ask.account;
    if (ask->password.len > 0)
        return password_may_be(&o->task, ask->password, ask->name);
    ask->password = vault_random(o->task.arena, 15);
    o->e->got.account.password = ask->password;
    return true;
}

static void hash_chosen(struct own *o)
{
    struct str password = o->e->ask.account.password;
    bool ours = o->e->got.account.password.len > 0;
    (ours ? hasher_make_random : hasher_make)(hasher(o), &o->task, password,
                                              &o->text[0]);
}

static bool was_added(struct own *o)
{
    struct str said = value_str(value_at(&o->done, 0));
    if (str_is(said, "there"))
        return refuse(o, PROBLEM_account_exists, "name");
    return str_is(said, "made") || refuse(o, PROBLEM_no_more_places, "");
}

void account_add_run(struct task *t)
{
    struct own *o = (struct own *)t;
    const struct ask_account *ask = &o->e->ask.account;
    TASK_BEGIN(t);
    if (!choose_password(o))
        TASK_FAIL(t);
    AWAIT(t, hash_chosen(o));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, store_account_add(service(o), t, ask->name, ask->role, o->text[0],
                               o->e->x.who.name, ACCOUNTS_MOST, &o->done));
    if (t->outcome != DONE || !was_added(o))
        TASK_FAIL(t);
    o->e->got.account.name = ask->name;
    o->e->got.account.role = ask->role;
    TASK_END(t);
}

static void add_pair(struct account_change *change, const char *field,
                     struct str value)
{
    change->pairs[change->count++] = str_of(field);
    change->pairs[change->count++] = value;
}

static void send_edit(struct own *o)
{
    const struct ask_account *ask = &o->e->ask.account;
    struct account_change change = {.name = ask->name, .sessions = STR("keep")};
    if (ask->role.len > 0)
        add_pair(&change, "role", ask->role);
    if (ask->sets_disabled)
        add_pair(&change, "disabled", ask->disabled ? STR("1") : STR(""));
    if (o->text[0].len > 0)
        add_pair(&change, "password", o->text[0]);
    if (ask->drops_totp)
        add_pair(&change, "totp", STR(""));
    if (o->text[0].len > 0 || ask->drops_totp || ask->disabled)
        change.sessions = STR("end");
    store_account_set(service(o), &o->task, &change, &o->done);
}

void account_edit_run(struct task *t)
{
    struct own *o = (struct own *)t;
    const struct ask_account *ask = &o->e->ask.account;
    TASK_BEGIN(t);
    if (ask->password.len > 0 && !password_may_be(t, ask->password, ask->name))
        TASK_FAIL(t);
    if (ask->password.len > 0)
        AWAIT(t, hasher_make(hasher(o), t, ask->password, &o->text[0]));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, send_edit(o));
    if (t->outcome != DONE || !took(o))
        TASK_FAIL(t);
    AWAIT(t, store_account(service(o), t, ask->name, &o->found));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    o->e->got.account.name = ask->name;
    o->e->got.account.role = value_field(&o->found, "role");
    TASK_END(t);
}

static void send_removal(struct own *o)
{
    const struct account_change change = {.name = o->e->ask.account.name,
                                          .removes = true,
                                          .sessions = STR("end")};
    store_account_set(service(o), &o->task, &change, &o->done);
}

void account_remove_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    AWAIT(t, send_removal(o));
    if (t->outcome != DONE || !took(o))
        TASK_FAIL(t);
    TASK_END(t);
}

void account_sessions_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    AWAIT(t, store_sessions(service(o), t, o->e->ask.account.name,
                            &o->e->got.list));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

void account_sign_out_run(struct task *t)
{
    struct own *o = (struct own *)t;
    TASK_BEGIN(t);
    AWAIT(t, store_session_end(service(o), t, o->e->ask.account.name, STR_NONE,
                               STR_NONE, &o->done));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}
