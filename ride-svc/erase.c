#include "ride-svc/erase.h"

#include "ride-svc/erase_parts.h"
#include "shared/fault.h"
#include "shared/script.h"

SCRIPT(duties_take);

enum { LOOK_EVERY_MS = 2000, MOST_A_LOOK = 4, DEADLINE_MS = 60000 };

static struct str key_erasure(struct arena *arena, struct str id)
{
    return arena_printf(arena, "{erasures}:%.*s", STR_ARG(id));
}

static void go_on(struct task *t)
{
    t->at = 0;
    t->outcome = DONE;
    t->run = erase_body;
    erase_body(t);
}

/* ---- as it is on record ---- */

static bool is_done(const struct erasure *e)
{
    return value_field(&e->stored, "done").len > 0;
}

/* "customer 7,driver 9" */
static void read_records(struct whose *w, struct str people)
{
    while (people.len > 0 && w->record_count < WHOSE_PEOPLE) {
        struct str id = str_cut(&people, ',');
        bool customer = str_is(str_cut(&id, ' '), "customer");
        struct whose_record *x = &w->records[w->record_count];
        *x = (struct whose_record){.role = customer ? "customer" : "driver"};
        if (str_to_num(id, &x->id))
            w->record_count++;
    }
}

/* About whom it is, without their number. */
static void read_whose(struct erasure *e)
{
    struct whose *w = &e->whose;
    *w = (struct whose){0};
    struct str phones = value_field(&e->stored, "phones");
    while (phones.len > 0 && w->phone_count < WHOSE_PHONES)
        w->phones[w->phone_count++] = str_cut(&phones, ' ');
    read_records(w, value_field(&e->stored, "whom"));
    if (w->record_count == 0 || value_field(&e->stored, "by_id").len == 0)
        return;
    w->role = w->records[0].role;
    w->id = w->records[0].id;
}

static struct str join_phones(struct arena *a, const struct whose *w)
{
    struct str all = STR_NONE;
    for (size_t i = 0; i < w->phone_count; i++)
        all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), i > 0 ? " " : "",
                           STR_ARG(w->phones[i]));
    return all;
}

static struct str join_people(struct arena *a, const struct whose_record *x,
                              size_t count)
{
    struct str all = STR_NONE;
    for (size_t i = 0; i < count; i++)
        all = arena_printf(a, "%.*s%s%s %lld", STR_ARG(all), i > 0 ? "," : "",
                           x[i].role, (long long)x[i].id);
    return all;
}

static void begin(struct task *t, struct erasure *e)
{
    struct arena *a = t->arena;
    const struct whose *w = &e->whose;
    struct str fields[] = {
        STR("phones"), join_phones(a, w),
        STR("whom"),   join_people(a, w->records, w->record_count),
        STR("also"),   join_people(a, w->others, w->other_count),
        STR("by_id"),  w->role != NULL ? STR("1") : STR("")};
    erase_write(t, e, "begin", fields, sizeof(fields) / sizeof(*fields));
}

/* ---- PERSON_ERASE ---- */

static bool erase_valid(struct task *t, struct erasure *e)
{
    const struct msg_person_erase *m = e->call.request;
    return key_valid(t, m->key) &&
           whose_valid(t, &e->whose, m->role, m->id, m->phone);
}

/* Another person under the same key is another erasure: what is erased has to
 * be what was asked for. */
static void name_it(struct task *t, struct erasure *e)
{
    const struct msg_person_erase *m = e->call.request;
    struct str about = arena_printf(
        t->arena, "%.*s\n%.*s\n%lld\n%.*s", STR_ARG(m->key), STR_ARG(m->role),
        (long long)m->id, STR_ARG(phone_str(&e->whose.phone)));
    e->id = vault_hash(service_of(t)->vault, t->arena, "erasure", about);
    e->is_asked = true;
}

/* Where they may not be ended, nothing is begun. */
static bool may_begin(struct task *t, struct erasure *e)
{
    const struct msg_person_erase *m = e->call.request;
    for (size_t i = 0; i < e->count && t->outcome == DONE; i++)
        if (!m->end_rides && erase_connects(&e->rides[i]))
            task_reject(t, PROBLEM_has_live_rides, STR("end_rides"));
    return t->outcome == DONE;
}

static void erase_run(struct task *t)
{
    struct erasure *e = (struct erasure *)t;
    struct whose *w = &e->whose;
    TASK_BEGIN(t);
    if (!erase_valid(t, e))
        TASK_FAIL(t);
    name_it(t, e);
    AWAIT(t, REDIS_DO(service_of(t)->redis, t, STR("{erasures}"), &e->stored,
                      STR("HGETALL"), key_erasure(t->arena, e->id)));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (e->stored.count == 0) {
        AWAIT(t, whose_ask_record(t, w));
        if (!whose_read_record(t, w))
            TASK_FAIL(t);
        AWAIT(t, whose_ask_users(t, w));
        if (t->outcome == DONE)
            AWAIT(t, whose_ask_others(t, w));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        whose_read_others(t, w);
        AWAIT(t, whose_ask_rides(t, w));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        whose_read_rides(t, w);
        while (erase_next_slice(e)) {
            AWAIT(t, erase_read_slice(t, e));
            erase_keep_theirs(t, e);
            if (!may_begin(t, e))
                TASK_FAIL(t);
        }
        AWAIT(t, begin(t, e));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        FAULT("erase.begun");
    }
    if (is_done(e)) {
        erase_answer(e);
    } else {
        if (e->stored.count > 0)
            read_whose(e);
        go_on(t);
        return;
    }
    TASK_END(t);
}

const struct bus_route route_person_erase = {&type_person_erase,
                                             sizeof(struct erasure), erase_run};

/* ---- those that nobody carries out any more ---- */

static void again_run(struct task *t)
{
    struct erasure *e = (struct erasure *)t;
    TASK_BEGIN(t);
    AWAIT(t, REDIS_DO(service_of(t)->redis, t, STR("{erasures}"), &e->stored,
                      STR("HGETALL"), key_erasure(t->arena, e->id)));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (e->stored.count == 0) {
        AWAIT(t, erase_write(t, e, "swept", NULL, 0));
    } else {
        e->is_sweep = is_done(e);
        read_whose(e);
        go_on(t);
        return;
    }
    TASK_END(t);
}

struct look {
    struct round_task round;
    struct value due;
};

static void look_run(struct task *t)
{
    struct look *l = (struct look *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    struct str key = STR("{erasures}:due");
    struct str args[] = {arena_number(t->arena, MOST_A_LOOK),
                         arena_number(t->arena, DEADLINE_MS)};
    AWAIT(t, redis_script(s->redis, t, key, &duties_take, &key, 1, args, 2,
                          &l->due));
    for (size_t i = 0; i < l->due.count && t->outcome == DONE; i++) {
        struct erasure *e = service_task(s, sizeof(*e), again_run, DEADLINE_MS);
        e->id = arena_copy(e->call.task.arena, value_str(value_at(&l->due, i)));
        task_start(&e->call.task);
    }
    TASK_END(t);
}

struct rounds *erasures_new(struct service *s)
{
    return rounds_new(s, LOOK_EVERY_MS, sizeof(struct look), look_run,
                      DEADLINE_MS);
}
