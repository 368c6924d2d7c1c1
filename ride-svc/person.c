/* Reading a person, and the handlers that only read. */
#include "ride-svc/person.h"
#include "ride-svc/people.h"
#include "shared/log.h"
#include "shared/phone.h"

enum { PAGE_MOST = 200 };

struct str key_person(struct arena *arena, const char *role, int64_t id)
{
    return arena_printf(arena, "%s:%lld", role, (long long)id);
}

struct str key_people(struct arena *arena, const char *role)
{
    return arena_printf(arena, "%ss", role);
}

struct str key_person_request(struct arena *arena, const char *role,
                              struct str request)
{
    return arena_printf(arena, "{%ss}:request:%.*s", role, STR_ARG(request));
}

const char *role_of(struct task *t, struct str role)
{
    if (str_is(role, "customer"))
        return "customer";
    if (str_is(role, "driver"))
        return "driver";
    task_reject(t, PROBLEM_invalid, STR("role"));
    return NULL;
}

void person_fetch(struct service *s, struct task *t, const char *role,
                  int64_t id, struct person *out)
{
    struct str key = key_person(t->arena, role, id);
    REDIS_DO(s->redis, t, key, &out->fields, STR("HGETALL"), key);
}

bool person_decode(struct service *s, struct task *t, const char *role,
                   int64_t id, struct person *person)
{
    person->name = value_field(&person->fields, "name");
    person->key = value_field(&person->fields, "key");
    person->mark = value_field(&person->fields, "mark");
    person->before = value_field(&person->fields, "before");
    if (person->name.len == 0)
        return false;
    bool opens =
        vault_unseal(s->vault, t->arena, value_field(&person->fields, "phone"),
                     meaning_person(t->arena, role, id), &person->digits);
    if (!opens)
        log_sparse(LEVEL_ERROR, "person.does_not_open", "role=%s id=%lld", role,
                   (long long)id);
    return opens;
}

void person_describe(struct task *t, const char *role, int64_t id,
                     const struct person *person, struct msg_person *out)
{
    *out = (struct msg_person){.id = id,
                               .role = str_of(role),
                               .name = person->name,
                               .phone = phone_masked(t->arena, person->digits)};
}

/* ---- PERSON_GET ---- */

struct get {
    struct call call;
    const char *role;
    struct person person;
};

static void get_run(struct task *t)
{
    struct get *c = (struct get *)t;
    struct service *s = service_of(t);
    const struct msg_person_get *m = c->call.request;
    TASK_BEGIN(t);
    c->role = role_of(t, m->role);
    if (c->role == NULL)
        TASK_FAIL(t);
    AWAIT(t, person_fetch(s, t, c->role, m->id, &c->person));
    if (t->outcome == DONE && !person_decode(s, t, c->role, m->id, &c->person))
        task_reject(t, PROBLEM_not_found, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    person_describe(t, c->role, m->id, &c->person, c->call.reply);
    TASK_END(t);
}

const struct bus_route route_person_get = {&type_person_get, sizeof(struct get),
                                           get_run};

/* ---- PERSON_REVEAL: to whom gateway lets see it ---- */

static void reveal_run(struct task *t)
{
    struct get *c = (struct get *)t;
    struct service *s = service_of(t);
    const struct msg_person_reveal *m = c->call.request;
    struct msg_person_revealed *reply = c->call.reply;
    TASK_BEGIN(t);
    c->role = role_of(t, m->role);
    if (c->role == NULL)
        TASK_FAIL(t);
    AWAIT(t, person_fetch(s, t, c->role, m->id, &c->person));
    if (t->outcome == DONE && !person_decode(s, t, c->role, m->id, &c->person))
        task_reject(t, PROBLEM_not_found, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    reply->phone = c->person.digits;
    TASK_END(t);
}

const struct bus_route route_person_reveal = {&type_person_reveal,
                                              sizeof(struct get), reveal_run};

/* ---- PERSON_LIST ---- */

struct list_people {
    struct call call;
    const char *role;
    struct value ids;
    struct person *people;
};

static void ask_ids(struct task *t, struct list_people *c)
{
    const struct msg_person_list *m = c->call.request;
    struct str key = key_people(t->arena, c->role);
    REDIS_DO(service_of(t)->redis, t, key, &c->ids, STR("ZRANGE"), key,
             arena_printf(t->arena, "(%lld", (long long)m->after), STR("+inf"),
             STR("BYSCORE"), STR("LIMIT"), STR("0"),
             arena_number(t->arena, m->limit));
}

static void ask_people(struct task *t, struct list_people *c)
{
    c->people = arena_alloc(t->arena, c->ids.count * sizeof(*c->people) + 1);
    for (size_t i = 0; i < c->ids.count; i++)
        person_fetch(service_of(t), t, c->role,
                     value_num(value_at(&c->ids, i), 0), &c->people[i]);
}

static void fill_people(struct task *t, struct list_people *c)
{
    const struct msg_person_list *m = c->call.request;
    struct msg_people *reply = c->call.reply;
    reply->people.items =
        arena_alloc(t->arena, c->ids.count * sizeof(struct str) + 1);
    for (size_t i = 0; i < c->ids.count; i++) {
        int64_t id = value_num(value_at(&c->ids, i), 0);
        struct msg_person person;
        if (!person_decode(service_of(t), t, c->role, id, &c->people[i]))
            continue; /* removed between the two reads */
        person_describe(t, c->role, id, &c->people[i], &person);
        reply->people.items[reply->people.count++] =
            message_pack(t->arena, &type_person, &person);
    }
    if ((int64_t)c->ids.count == m->limit)
        reply->next = value_num(value_at(&c->ids, c->ids.count - 1), 0);
}

static void list_run(struct task *t)
{
    struct list_people *c = (struct list_people *)t;
    const struct msg_person_list *m = c->call.request;
    TASK_BEGIN(t);
    c->role = role_of(t, m->role);
    if (c->role == NULL)
        TASK_FAIL(t);
    if (m->limit < 1 || m->limit > PAGE_MOST) {
        task_reject(t, PROBLEM_invalid, STR("limit"));
        TASK_FAIL(t);
    }
    AWAIT(t, ask_ids(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_people(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    fill_people(t, c);
    TASK_END(t);
}

const struct bus_route route_person_list = {
    &type_person_list, sizeof(struct list_people), list_run};
