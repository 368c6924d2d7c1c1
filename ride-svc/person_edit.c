/* PERSON_EDIT and PERSON_REMOVE: a person is read, and written only if nobody
 * else changed them since; else read again. */
#include "ride-svc/people.h"
#include "ride-svc/person_rides.h"
#include "ride-svc/person_write.h"
#include "ride-svc/ride.h"
#include "shared/phone.h"
#include "shared/phonebook.h"
#include "shared/words.h"

enum { RIDES_LOOKED_AT = 1000, MOST_TRIES = 8, MARK_BYTES = 9 };

struct change {
    struct call call;
    const char *role;
    int64_t id;
    struct person person; /* as it was read */
    struct person wanted; /* of an edit */
    struct phone phone;
    struct str request;
    struct value marked, written, rides, time;
    struct ride_read *read;
    int64_t mark_until_ms;
    unsigned tries;
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

static void release(struct task *t, struct change *c,
                    const struct person *person, int64_t until_ms)
{
    phonebook_release(service_of(t)->redis, t, person->key,
                      person_member(t->arena, c->role, c->id, person->mark),
                      until_ms);
}

/* Somebody else was first: read again. False: too often, or not at all. */
static bool goes_on(struct task *t, struct change *c)
{
    if (t->outcome != DONE)
        return false;
    if (person_written(&c->written) != WRITTEN_CHANGED)
        return false;
    if (++c->tries < MOST_TRIES)
        return true;
    task_reject(t, PROBLEM_busy, STR_NONE);
    return false;
}

static bool was_written(struct task *t, const struct change *c)
{
    enum written how = person_written(&c->written);
    if (t->outcome == DONE && how == WRITTEN_NONE)
        task_reject(t, PROBLEM_not_found, STR("id"));
    return t->outcome == DONE;
}

/* ---- PERSON_EDIT ---- */

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

static bool changes_phone(const struct change *c)
{
    return !str_eq(c->wanted.key, c->person.key);
}

static bool read_well(struct task *t, struct change *c)
{
    const struct msg_person_edit *m = c->call.request;
    struct service *s = service_of(t);
    if (t->outcome == DONE && !person_decode(s, t, c->role, c->id, &c->person))
        task_reject(t, PROBLEM_not_found, STR("id"));
    if (t->outcome != DONE)
        return false;
    c->wanted = c->person;
    if (m->name.len > 0)
        c->wanted.name = m->name;
    if (c->phone.len > 0) {
        c->wanted.digits = phone_str(&c->phone);
        c->wanted.key = vault_phone(s->vault, t->arena, c->wanted.digits);
    }
    if (changes_phone(c))
        c->wanted.mark = vault_random(t->arena, MARK_BYTES);
    return true;
}

/* The new phone is marked for good before it is the person's: what a crash
 * leaves is a mark too many, never a person without one. */
static void mark_new(struct task *t, struct change *c)
{
    c->marked = (struct value){.kind = VALUE_NIL};
    if (changes_phone(c))
        phonebook_keep(service_of(t)->redis, t, c->wanted.key,
                       person_member(t->arena, c->role, c->id, c->wanted.mark),
                       &c->marked);
}

static bool is_marked(struct task *t, const struct change *c)
{
    if (t->outcome == DONE && phonebook_refused(&c->marked))
        task_reject(t, PROBLEM_phone_in_use, STR("phone"));
    return t->outcome == DONE;
}

/* The mark of the phone that the person does not have: the new one where the
 * edit came too late, else the old one. */
static void let_go(struct task *t, struct change *c)
{
    if (!changes_phone(c))
        return;
    if (person_written(&c->written) == WRITTEN)
        release(t, c, &c->person, c->mark_until_ms);
    else
        release(t, c, &c->wanted, 0);
}

/* Only what is to change: what another edit wrote meanwhile stays. */
static void write_edit(struct task *t, struct change *c)
{
    const struct msg_person_edit *m = c->call.request;
    struct person patch = {.name = m->name};
    if (changes_phone(c)) {
        patch = c->wanted;
        patch.name = m->name;
    }
    person_write_edit(service_of(t), t, c->role, c->id, c->person.mark, &patch,
                      &c->written);
}

static void edit_run(struct task *t)
{
    struct change *c = (struct change *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!edit_valid(t, c))
        TASK_FAIL(t);
    do {
        AWAIT(t, person_fetch(s, t, c->role, c->id, &c->person));
        if (!read_well(t, c))
            TASK_FAIL(t);
        AWAIT(t, ask_rides(t, c));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        remember_mark(c);
        AWAIT(t, mark_new(t, c));
        if (!is_marked(t, c))
            TASK_FAIL(t);
        AWAIT(t, write_edit(t, c));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        AWAIT(t, let_go(t, c));
    } while (goes_on(t, c));
    if (!was_written(t, c))
        TASK_FAIL(t);
    person_describe(t, c->role, c->id, &c->wanted, c->call.reply);
    TASK_END(t);
}

const struct bus_route route_person_edit = {&type_person_edit,
                                            sizeof(struct change), edit_run};

/* ---- PERSON_REMOVE ---- */

/* A repeat of the request that removed them sees to the rest once more. */
static bool is_there(struct task *t, struct change *c)
{
    struct service *s = service_of(t);
    if (t->outcome != DONE)
        return false;
    if (person_decode(s, t, c->role, c->id, &c->person) ||
        (c->request.len > 0 &&
         str_eq(value_field(&c->person.fields, "removed"), c->request)))
        return true;
    task_reject(t, PROBLEM_not_found, STR("id"));
    return false;
}

static void forget_person(struct task *t, struct change *c)
{
    struct service *s = service_of(t);
    struct str list = key_people(t->arena, c->role);
    if (person_written(&c->written) == WRITTEN_CHANGED)
        return;
    REDIS_DO(s->redis, t, list, NULL, STR("ZREM"), list,
             arena_number(t->arena, c->id));
    /* A late repeat of the request that made this person makes no other. */
    struct str made = key_person_request(
        t->arena, c->role, value_field(&c->person.fields, "request"));
    REDIS_DO(s->redis, t, made, NULL, STR("SET"), made,
             arena_printf(t->arena, "%lld removed", (long long)c->id),
             STR("XX"), STR("KEEPTTL"));
    release(t, c, &c->person, c->mark_until_ms);
}

static bool remove_valid(struct task *t, struct change *c)
{
    const struct msg_person_remove *m = c->call.request;
    c->id = m->id;
    c->role = role_of(t, m->role);
    if (m->key.len > 0)
        c->request =
            vault_hash(service_of(t)->vault, t->arena, "request", m->key);
    return c->role != NULL;
}

static void remove_run(struct task *t)
{
    struct change *c = (struct change *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (!remove_valid(t, c))
        TASK_FAIL(t);
    do {
        AWAIT(t, person_fetch(s, t, c->role, c->id, &c->person));
        if (!is_there(t, c))
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
        AWAIT(t, person_write_gone(s, t, c->role, c->id, c->person.mark,
                                   c->request, &c->written));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        AWAIT(t, forget_person(t, c));
    } while (goes_on(t, c));
    if (!was_written(t, c))
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_person_remove = {
    &type_person_remove, sizeof(struct change), remove_run};
