/* PERSON_ADD. */
#include "ride-svc/people.h"

#include "ride-svc/person_write.h"
#include "ride-svc/ride.h"
#include "shared/phone.h"
#include "shared/phonebook.h"
#include "shared/script.h"
#include "shared/words.h"

SCRIPT(person_new);

enum { OWNERS_LOOKED_AT = 8 };

/* Somebody of that role who may have the phone already. */
struct owner {
    struct person person;
    int64_t id;
};

struct add {
    struct call call;
    const char *role;
    struct phone phone;
    struct str hash, request;
    struct value marked, made, written;
    struct person person;
    int64_t id;
    struct owner owners[OWNERS_LOOKED_AT]; /* ends at an id of 0 */
};

static bool add_valid(struct task *t, struct add *c)
{
    const struct msg_person_add *m = c->call.request;
    enum problem_code why = PROBLEM_invalid;
    c->role = role_of(t, m->role);
    if (c->role == NULL || !key_valid(t, m->key) ||
        !words_valid(t, m->name, NAME_MOST, "name"))
        return false;
    if (phone_parse(m->phone, &c->phone, &why))
        return true;
    task_reject(t, why, STR("phone"));
    return false;
}

/* A key that holds for good makes nobody who is there already. */
static void look_for_owners(struct task *t, struct add *c)
{
    const struct msg_person_add *m = c->call.request;
    size_t found = 0;
    for (size_t i = 0; m->once && i < OWNERS_LOOKED_AT; i++) {
        struct owner *owner = &c->owners[found];
        if (!person_of_member(phonebook_user(&c->marked, i), c->role,
                              &owner->id))
            continue;
        person_fetch(service_of(t), t, c->role, owner->id, &owner->person);
        found++;
    }
}

/* Whose phone it still is; empty: nobody's. */
static struct str owner_id(struct task *t, struct add *c)
{
    for (size_t i = 0; i < OWNERS_LOOKED_AT && c->owners[i].id != 0; i++) {
        struct owner *owner = &c->owners[i];
        if (person_decode(service_of(t), t, c->role, owner->id,
                          &owner->person) &&
            str_eq(owner->person.key, c->hash))
            return arena_number(t->arena, owner->id);
    }
    return STR("");
}

static void ask_id(struct task *t, struct add *c)
{
    const struct msg_person_add *m = c->call.request;
    struct service *s = service_of(t);
    struct str tag = arena_printf(t->arena, "{%ss}", c->role);
    struct str keys[] = {arena_printf(t->arena, "%.*s:last", STR_ARG(tag)),
                         key_person_request(t->arena, c->role, c->request)};
    struct str phone =
        vault_hash(s->vault, t->arena, "phone", phone_str(&c->phone));
    phone.len = VAULT_PHONE_CHARS;
    struct str content =
        arena_printf(t->arena, "%.*s\n%.*s",
                     STR_ARG(m->once ? STR_NONE : m->name), STR_ARG(phone));
    struct str args[] = {
        vault_phone_hash(s->vault, t->arena, "content", content),
        m->once ? STR("1") : STR(""), owner_id(t, c)};
    redis_script(s->redis, t, tag, &person_new, keys, 2, args, 3, &c->made);
}

/* The mark under the request's name. */
static void drop_claim(struct task *t, struct add *c)
{
    phonebook_release(service_of(t)->redis, t, c->hash, c->request, 0);
}

/* A repeat finds the person, unless the first one ended half way. */
static bool was_made(const struct add *c)
{
    return str_is(value_str(value_at(&c->made, 0)), "made");
}

static void look_for_person(struct task *t, struct add *c)
{
    if (was_made(c) || str_is(value_str(value_at(&c->made, 0)), "again"))
        person_fetch(service_of(t), t, c->role, c->id, &c->person);
}

/* Nothing where the person is there: a late repeat undoes no edit. */
static void write_new(struct task *t, struct add *c)
{
    const struct msg_person_add *m = c->call.request;
    struct service *s = service_of(t);
    if (person_decode(s, t, c->role, c->id, &c->person))
        return;
    c->person = (struct person){
        .name = m->name, .digits = phone_str(&c->phone), .key = c->hash};
    person_write_new(s, t, c->role, c->id, &c->person, c->request, &c->written);
}

/* For good, before anybody sees the person; not where an edit came between. */
static void mark_person(struct task *t, struct add *c)
{
    if (str_eq(c->person.key, c->hash))
        phonebook_keep(service_of(t)->redis, t, c->hash,
                       person_member(t->arena, c->role, c->id, c->person.mark),
                       &c->marked);
}

/* The person first, then the list: what a crash leaves is not shown, and the
 * same request goes on from there. */
static void list_person(struct task *t, struct add *c)
{
    struct service *s = service_of(t);
    struct str key = key_people(t->arena, c->role);
    struct str id = arena_number(t->arena, c->id);
    REDIS_DO(s->redis, t, key, NULL, STR("ZADD"), key, id, id);
    drop_claim(t, c);
}

/* Under the request's name until there is an id: a refusal uses up none. */
static void claim_phone(struct task *t, struct add *c)
{
    phonebook_claim(service_of(t)->redis, t, c->hash, c->request, &c->marked);
}

static bool phone_is_theirs(struct task *t, const struct add *c)
{
    if (t->outcome == DONE && phonebook_refused(&c->marked))
        task_reject(t, PROBLEM_phone_in_use, STR("phone"));
    return t->outcome == DONE;
}

static bool needs_none(const struct add *c)
{
    return was_made(c) || str_is(value_str(value_at(&c->made, 0)), "reused") ||
           value_field(&c->person.fields, "removed").len > 0;
}

/* Who it is that is not made again, or why not. */
static void tell_none(struct task *t, struct add *c)
{
    t->outcome = DONE;
    if (str_is(value_str(value_at(&c->made, 0)), "reused"))
        task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
    else if (person_decode(service_of(t), t, c->role, c->id, &c->person))
        person_describe(t, c->role, c->id, &c->person, c->call.reply);
    else
        task_reject(t, PROBLEM_person_removed, STR("phone"));
}

static void add_run(struct task *t)
{
    struct add *c = (struct add *)t;
    const struct msg_person_add *m = c->call.request;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!add_valid(t, c))
        TASK_FAIL(t);
    c->hash = vault_phone(s->vault, t->arena, phone_str(&c->phone));
    c->request = vault_hash(s->vault, t->arena, "request", m->key);
    AWAIT(t, claim_phone(t, c));
    if (!phone_is_theirs(t, c))
        TASK_FAIL(t);
    AWAIT(t, look_for_owners(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_id(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    c->id = value_num(value_at(&c->made, 1), 0);
    AWAIT(t, look_for_person(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (needs_none(c)) {
        AWAIT(t, drop_claim(t, c));
        tell_none(t, c);
        TASK_FAIL(t);
    }
    AWAIT(t, write_new(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, mark_person(t, c));
    if (!phone_is_theirs(t, c))
        TASK_FAIL(t);
    AWAIT(t, list_person(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    person_describe(t, c->role, c->id, &c->person, c->call.reply);
    TASK_END(t);
}

const struct bus_route route_person_add = {&type_person_add, sizeof(struct add),
                                           add_run};
