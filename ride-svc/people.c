/* The handlers that write people. */
#include "ride-svc/people.h"

#include "ride-svc/person.h"
#include "ride-svc/person_rides.h"
#include "ride-svc/ride.h"
#include "shared/phone.h"
#include "shared/phonebook.h"
#include "shared/script.h"

SCRIPT(person_new);

enum { RIDES_LOOKED_AT = 1000 };

/* "customer:7": who uses this phone */
static struct str mark_of(struct task *t, const char *role, int64_t id)
{
    return key_person(t->arena, role, id);
}

static void write_person(struct task *t, const char *role, int64_t id,
                         struct str name, const struct phone *phone)
{
    struct service *s = service_of(t);
    struct str key = key_person(t->arena, role, id);
    struct str digits = phone_str(phone);
    REDIS_DO(s->redis, t, key, NULL, STR("HSET"), key, STR("name"), name,
             STR("phone"),
             vault_seal(s->vault, t->arena, digits,
                        meaning_person(t->arena, role, id)),
             STR("key"), vault_phone(s->vault, t->arena, digits));
}

/* Which person a request made; the same for its repeats. */
static struct str key_request(struct task *t, const char *role,
                              struct str request)
{
    return arena_printf(t->arena, "{%ss}:request:%.*s", role, STR_ARG(request));
}

/* ---- PERSON_ADD ---- */

struct add {
    struct call call;
    const char *role;
    struct phone phone;
    struct str hash, request;
    struct value marked, made;
    struct person person;
    int64_t id;
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

static void ask_id(struct task *t, struct add *c)
{
    const struct msg_person_add *m = c->call.request;
    struct service *s = service_of(t);
    struct str tag = arena_printf(t->arena, "{%ss}", c->role);
    struct str keys[] = {arena_printf(t->arena, "%.*s:last", STR_ARG(tag)),
                         key_request(t, c->role, c->request)};
    struct str content = arena_printf(t->arena, "%.*s\n%.*s", STR_ARG(m->name),
                                      STR_ARG(c->hash));
    struct str args[] = {vault_hash(s->vault, t->arena, "content", content)};
    redis_script(s->redis, t, tag, &person_new, keys, 2, args, 1, &c->made);
}

/* The mark under the request's name. */
static void drop_claim(struct task *t, struct add *c)
{
    phonebook_release(service_of(t)->redis, t, c->hash, c->request, 0);
}

/* A repeat finds the person, unless the first one ended half way. */
static void look_for_person(struct task *t, struct add *c)
{
    if (str_is(value_str(value_at(&c->made, 0)), "again"))
        person_fetch(service_of(t), t, c->role, c->id, &c->person);
}

/* Nothing where the person is there: a late repeat undoes no edit. */
static void write_new(struct task *t, struct add *c)
{
    const struct msg_person_add *m = c->call.request;
    if (person_decode(service_of(t), t, c->role, c->id, &c->person))
        return;
    c->person = (struct person){
        .name = m->name, .digits = phone_str(&c->phone), .key = c->hash};
    write_person(t, c->role, c->id, m->name, &c->phone);
    struct str key = key_person(t->arena, c->role, c->id);
    REDIS_DO(service_of(t)->redis, t, key, NULL, STR("HSET"), key,
             STR("request"), c->request);
}

/* For good, before anybody sees the person; not where an edit came between. */
static void mark_person(struct task *t, struct add *c)
{
    if (str_eq(c->person.key, c->hash))
        phonebook_keep(service_of(t)->redis, t, c->hash,
                       mark_of(t, c->role, c->id), &c->marked);
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
    /* Under the request's name until there is an id: a refusal uses up none. */
    AWAIT(t, phonebook_claim(s->redis, t, c->hash, c->request, &c->marked));
    if (t->outcome == DONE && phonebook_refused(&c->marked))
        task_reject(t, PROBLEM_phone_in_use, STR("phone"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_id(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (str_is(value_str(value_at(&c->made, 0)), "reused")) {
        AWAIT(t, drop_claim(t, c));
        task_reject(t, PROBLEM_key_reused, STR("Idempotency-Key"));
        TASK_FAIL(t);
    }
    c->id = value_num(value_at(&c->made, 1), 0);
    AWAIT(t, look_for_person(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, write_new(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, mark_person(t, c));
    if (t->outcome == DONE && phonebook_refused(&c->marked))
        task_reject(t, PROBLEM_phone_in_use, STR("phone"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, list_person(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    person_describe(t, c->role, c->id, &c->person, c->call.reply);
    TASK_END(t);
}

const struct bus_route route_person_add = {&type_person_add, sizeof(struct add),
                                           add_run};

/* ---- PERSON_EDIT and PERSON_REMOVE ---- */

struct change {
    struct call call;
    const char *role;
    int64_t id;
    struct person person;
    struct phone phone;
    struct str hash, name;
    struct value marked, rides, time;
    struct ride_read *read;
    int64_t mark_until_ms;
};

static void ask_rides(struct task *t, struct change *c)
{
    struct service *s = service_of(t);
    struct str key = key_person_rides(t->arena, c->person.key);
    REDIS_DO(s->redis, t, key, &c->rides, STR("ZRANGE"), key, STR("+inf"),
             STR("-inf"), STR("BYSCORE"), STR("REV"), STR("LIMIT"), STR("0"),
             arena_number(t->arena, RIDES_LOOKED_AT), STR("WITHSCORES"));
    REDIS_DO(s->redis, t, key, &c->time, STR("TIME"));
}

/* The phone stays marked until the last of its rides is closed. */
static void remember_mark(struct change *c)
{
    c->mark_until_ms = value_num(value_at(&c->rides, 1), 0);
}

static void read_rides(struct task *t, struct change *c)
{
    size_t count = c->rides.count / 2;
    c->read = arena_alloc(t->arena, count * sizeof(*c->read) + 1);
    for (size_t i = 0; i < count; i++)
        ride_fetch_packed(service_of(t), t,
                          value_str(value_at(&c->rides, i * 2)), &c->read[i]);
}

static bool has_live_ride(struct task *t, struct change *c)
{
    bool customer = strcmp(c->role, "customer") == 0;
    int64_t now_ms = redis_time_ms(&c->time);
    for (size_t i = 0; i < c->rides.count / 2; i++) {
        struct ride_read *r = &c->read[i];
        if (ride_decode(t, r) && now_ms < r->ride.grace &&
            (customer ? r->ride.customer : r->ride.driver) == c->id)
            return true;
    }
    return false;
}

static bool edit_valid(struct task *t, struct change *c)
{
    const struct msg_person_edit *m = c->call.request;
    enum problem_code why = PROBLEM_invalid;
    c->id = m->id;
    c->role = role_of(t, m->role);
    if (c->role == NULL ||
        (m->name.len > 0 && !words_valid(t, m->name, NAME_MOST, "name")))
        return false;
    if (m->phone.len == 0 || phone_parse(m->phone, &c->phone, &why))
        return true;
    task_reject(t, why, STR("phone"));
    return false;
}

static void edit_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_person_edit *m = c->call.request;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!edit_valid(t, c))
        TASK_FAIL(t);
    AWAIT(t, person_fetch(s, t, c->role, c->id, &c->person));
    if (t->outcome == DONE && !person_decode(s, t, c->role, c->id, &c->person))
        task_reject(t, PROBLEM_not_found, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (m->name.len > 0)
        c->person.name = m->name;
    if (c->phone.len == 0) {
        enum problem_code why = PROBLEM_invalid;
        (void)phone_parse(c->person.digits, &c->phone, &why);
    }
    c->hash = vault_phone(s->vault, t->arena, phone_str(&c->phone));
    AWAIT(t, phonebook_keep(s->redis, t, c->hash, mark_of(t, c->role, c->id),
                            &c->marked));
    if (t->outcome == DONE && phonebook_refused(&c->marked))
        task_reject(t, PROBLEM_phone_in_use, STR("phone"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, write_person(t, c->role, c->id, c->person.name, &c->phone));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (!str_eq(c->hash, c->person.key)) {
        AWAIT(t, ask_rides(t, c));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        remember_mark(c);
        AWAIT(t,
              phonebook_release(s->redis, t, c->person.key,
                                mark_of(t, c->role, c->id), c->mark_until_ms));
    }
    c->person.digits = phone_str(&c->phone);
    person_describe(t, c->role, c->id, &c->person, c->call.reply);
    TASK_END(t);
}

const struct bus_route route_person_edit = {&type_person_edit,
                                            sizeof(struct change), edit_run};

static void forget_person(struct task *t, struct change *c)
{
    struct service *s = service_of(t);
    struct str list = key_people(t->arena, c->role);
    struct str key = key_person(t->arena, c->role, c->id);
    REDIS_DO(s->redis, t, list, NULL, STR("ZREM"), list,
             arena_number(t->arena, c->id));
    REDIS_DO(s->redis, t, key, NULL, STR("DEL"), key);
    /* A late repeat of the request that made this person makes no other. */
    struct str made =
        key_request(t, c->role, value_field(&c->person.fields, "request"));
    REDIS_DO(s->redis, t, made, NULL, STR("SET"), made,
             arena_printf(t->arena, "%lld removed", (long long)c->id),
             STR("XX"), STR("KEEPTTL"));
    phonebook_release(s->redis, t, c->person.key, mark_of(t, c->role, c->id),
                      c->mark_until_ms);
}

static void remove_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_person_remove *m = c->call.request;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    c->id = m->id;
    c->role = role_of(t, m->role);
    if (c->role == NULL)
        TASK_FAIL(t);
    AWAIT(t, person_fetch(s, t, c->role, c->id, &c->person));
    if (t->outcome == DONE && !person_decode(s, t, c->role, c->id, &c->person))
        task_reject(t, PROBLEM_not_found, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_rides(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    remember_mark(c);
    AWAIT(t, read_rides(t, c));
    if (t->outcome == DONE && has_live_ride(t, c))
        task_reject(t, PROBLEM_has_live_rides, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, forget_person(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_person_remove = {
    &type_person_remove, sizeof(struct change), remove_run};
