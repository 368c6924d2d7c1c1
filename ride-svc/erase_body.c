/* An erasure's way, from the record of the person to what is left of them. */
#include "ride-svc/erase_parts.h"

#include "ride-svc/person.h"
#include "ride-svc/person_rides.h"
#include "ride-svc/person_write.h"
#include "shared/fault.h"
#include "shared/log.h"
#include "shared/partition.h"
#include "shared/phonebook.h"
#include "shared/script.h"

SCRIPT(erasure);
SCRIPT(person_unrouted);

enum {
    GOES_ON_MS = 10000,
    MOST_PASSES = 20,
    FIELDS_MOST = 2 * (ERASE_COUNTS + 1)
};

static const char *const names[ERASE_COUNTS] = {
    [ERASE_PEOPLE] = "people",     [ERASE_RIDES] = "rides",
    [ERASE_ENDED] = "rides_ended", [ERASE_ROUTES] = "routes",
    [ERASE_TEXTS] = "texts",       [ERASE_LETTERS] = "letters",
    [ERASE_UNROUTED] = "unrouted", [ERASE_HOLDS] = "holds",
    [ERASE_KEPT] = "kept"};

/* ---- its record ---- */

void erase_write(struct task *t, struct erasure *e, const char *act,
                 const struct str *fields, size_t count)
{
    enum { FIXED = 3, MOST = 64 };
    struct arena *a = t->arena;
    struct str tag = STR("{erasures}");
    struct str keys[] = {
        arena_printf(a, "%.*s:due", STR_ARG(tag)),
        arena_printf(a, "%.*s:%.*s", STR_ARG(tag), STR_ARG(e->id)),
        arena_printf(a, "%.*s:rewrite", STR_ARG(tag))};
    struct str args[MOST] = {str_of(act), e->id, arena_number(a, GOES_ON_MS)};
    for (size_t i = 0; i < count && i < MOST - FIXED; i++)
        args[FIXED + i] = fields[i];
    redis_script(service_of(t)->redis, t, tag, &erasure, keys, 3, args,
                 FIXED + count, &e->stored);
}

/* What was counted since. */
static void go_on_record(struct task *t, struct erasure *e, const char *act)
{
    struct str fields[FIELDS_MOST];
    size_t count = 0;
    for (int i = 0; i < ERASE_COUNTS; i++) {
        if (e->counts[i] == 0)
            continue;
        fields[count++] = str_of(names[i]);
        fields[count++] = arena_number(t->arena, e->counts[i]);
        e->counts[i] = 0;
    }
    if (e->kept_until > 0 && !e->is_sweep) {
        fields[count++] = STR("kept_until");
        fields[count++] = arena_number(t->arena, e->kept_until);
    }
    erase_write(t, e, act, fields, count);
}

static int64_t number_of(const struct erasure *e, const char *field)
{
    int64_t number = 0;
    (void)str_to_num(value_field(&e->stored, field), &number);
    return number;
}

void erase_answer(struct erasure *e)
{
    struct msg_person_erased *reply = e->call.reply;
    int64_t *const counts[ERASE_COUNTS] = {
        [ERASE_PEOPLE] = &reply->people,     [ERASE_RIDES] = &reply->rides,
        [ERASE_ENDED] = &reply->rides_ended, [ERASE_ROUTES] = &reply->routes,
        [ERASE_TEXTS] = &reply->texts,       [ERASE_LETTERS] = &reply->letters,
        [ERASE_UNROUTED] = &reply->unrouted, [ERASE_HOLDS] = &reply->holds,
        [ERASE_KEPT] = &reply->kept};
    for (int i = 0; i < ERASE_COUNTS; i++)
        *counts[i] = number_of(e, names[i]);
    reply->begun = number_of(e, "begun");
    reply->done = number_of(e, "done");
    reply->kept_until = number_of(e, "kept_until");
    struct str also = value_field(&e->stored, "also");
    reply->also.items =
        arena_alloc(e->call.task.arena, WHOSE_PEOPLE * sizeof(struct str));
    while (also.len > 0 && reply->also.count < WHOSE_PEOPLE)
        reply->also.items[reply->also.count++] = str_cut(&also, ',');
}

/* ---- the person's own record ---- */

static void fetch_records(struct task *t, struct erasure *e)
{
    for (size_t i = 0; i < e->whose.record_count; i++) {
        struct whose_record *x = &e->whose.records[i];
        person_fetch(service_of(t), t, x->role, x->id, &x->person);
    }
}

/* From now on they are found by nobody, so that nothing new is made for them;
 * and a late repeat of the request that made them makes no other. */
static void hide_records(struct task *t, struct erasure *e)
{
    struct redis *redis = service_of(t)->redis;
    struct arena *a = t->arena;
    for (size_t i = 0; i < e->whose.record_count; i++) {
        const struct whose_record *x = &e->whose.records[i];
        struct str key = key_person(a, x->role, x->id);
        struct str list = key_people(a, x->role);
        struct str made = value_field(&x->person.fields, "request");
        if (made.len > 0) {
            made = key_person_request(a, x->role, made);
            REDIS_DO(redis, t, made, NULL, STR("SET"), made,
                     arena_printf(a, "%lld removed", (long long)x->id),
                     STR("XX"), STR("KEEPTTL"));
        }
        REDIS_DO(redis, t, key, &e->removed[i], STR("HDEL"), key, STR("name"),
                 STR("phone"));
        REDIS_DO(redis, t, list, NULL, STR("ZREM"), list,
                 arena_number(a, x->id));
    }
}

/* The phones as they were then: an edit may have come just before. */
static void count_records(struct erasure *e)
{
    struct whose *w = &e->whose;
    for (size_t i = 0; i < w->record_count; i++) {
        struct person *person = &w->records[i].person;
        e->counts[ERASE_PEOPLE] += value_num(&e->removed[i], 0) > 0;
        person->key = value_field(&person->fields, "key");
        person->mark = value_field(&person->fields, "mark");
        person->before = value_field(&person->fields, "before");
        if (w->role != NULL)
            whose_add_phones(w, person);
    }
}

static void drop_records(struct task *t, struct erasure *e)
{
    for (size_t i = 0; i < e->whose.record_count; i++) {
        const struct whose_record *x = &e->whose.records[i];
        struct str key = key_person(t->arena, x->role, x->id);
        REDIS_DO(service_of(t)->redis, t, key, NULL, STR("DEL"), key);
    }
}

/* ---- what hangs on a phone, unless others have it ---- */

static void release_marks(struct task *t, struct erasure *e)
{
    for (size_t i = 0; i < e->whose.record_count; i++) {
        const struct whose_record *x = &e->whose.records[i];
        if (x->person.key.len > 0)
            phonebook_release(
                service_of(t)->redis, t, x->person.key,
                person_member(t->arena, x->role, x->id, x->person.mark), 0);
    }
}

static void ask_who_else(struct task *t, struct erasure *e)
{
    phonebook_count(service_of(t)->redis, t, e->whose.phones[e->phone],
                    &e->users);
}

static bool is_others(const struct erasure *e)
{
    return value_num(&e->users, 0) > 0;
}

static void forget_phone(struct task *t, struct erasure *e)
{
    struct service *s = service_of(t);
    struct arena *a = t->arena;
    struct str phone = e->whose.phones[e->phone];
    struct str rides = key_person_rides(a, phone);
    struct str args[] = {STR("erase"), phone};
    for (unsigned p = 0; p < PARTITIONS; p++) {
        struct str key = key_of_partition(a, "unrouted", p);
        redis_script(s->redis, t, partition_tag(p), &person_unrouted, &key, 1,
                     args, 2, &e->unrouted[p]);
    }
    e->ask = (struct msg_person_holds){.phone = phone, .forget = true};
    e->holds = (struct msg_holds){0};
    bus_ask(s->client, t, "pool-svc", &type_person_holds, &e->ask, &e->holds);
    REDIS_DO(s->redis, t, rides, NULL, STR("DEL"), rides);
    phonebook_forget(s->redis, t, phone);
}

static void count_phone(struct erasure *e)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        e->counts[ERASE_UNROUTED] += value_num(value_at(&e->unrouted[p], 0), 0);
    e->counts[ERASE_HOLDS] += (int64_t)e->holds.holds.count;
}

/* ---- the whole way ---- */

static void end_erasure(struct task *t, struct erasure *e)
{
    log_event(LEVEL_INFO, "person.erased", t->trace, "erasure=%.*s",
              STR_ARG(e->id));
    if (e->is_asked)
        erase_answer(e);
}

static void go_on(struct task *t, void (*run)(struct task *))
{
    t->at = 0;
    t->outcome = DONE;
    t->run = run;
    run(t);
}

/* Once nothing is known of them but their phones. */
static void phones_run(struct task *t)
{
    struct erasure *e = (struct erasure *)t;
    TASK_BEGIN(t);
    AWAIT(t, release_marks(t, e));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    for (e->phone = 0; e->phone < e->whose.phone_count; e->phone++) {
        if (e->is_sweep && !e->has_found)
            break;
        AWAIT(t, ask_who_else(t, e));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        if (is_others(e))
            continue;
        AWAIT(t, forget_phone(t, e));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        count_phone(e);
    }
    AWAIT(t, drop_records(t, e));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    FAULT("erase.ended");
    AWAIT(t, go_on_record(t, e, e->is_sweep ? "swept" : "done"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    end_erasure(t, e);
    TASK_END(t);
}

/* What is under way at pool-svc for the slice's ride is settled before the ride
 * forgets whose it was. */
static void settle(struct task *t, struct erasure *e)
{
    struct erase_ride *ride = &e->rides[e->at];
    struct service *s = service_of(t);
    hold_ask(s, t, ride->id, &ride->read.ride, ride->read.now_ms, &e->sync);
}

static void settled(struct task *t, struct erasure *e)
{
    struct erase_ride *ride = &e->rides[e->at];
    struct service *s = service_of(t);
    hold_settled(s, t, ride->id, &ride->read.ride, &e->sync);
    person_rides_add(s, t, ride->id, &ride->read.ride, &e->kept);
}

static void rides_run(struct task *t);

static void slice_run(struct task *t)
{
    struct erasure *e = (struct erasure *)t;
    TASK_BEGIN(t);
    for (e->at = 0; e->at < e->count; e->at++) {
        if (!erase_is_fresh(&e->rides[e->at]))
            continue;
        e->tries = 0;
        if (erase_connects(&e->rides[e->at])) {
            do {
                AWAIT(t, erase_cancel(t, e));
            } while (erase_cancel_again(t, e));
        }
        if (t->outcome == DONE)
            AWAIT(t, settle(t, e));
        if (t->outcome == DONE)
            AWAIT(t, settled(t, e));
        if (t->outcome != DONE)
            TASK_FAIL(t);
    }
    for (e->phone = 0; e->phone < e->whose.phone_count; e->phone++) {
        e->after = STR_NONE;
        do {
            e->texts = (struct value){.kind = VALUE_NIL};
            AWAIT(t, (void)erase_texts(t, e));
            if (t->outcome != DONE)
                TASK_FAIL(t);
        } while (erase_more_texts(e));
    }
    AWAIT(t, erase_slice(t, e));
    erase_count_slice(t, e);
    if (t->outcome != DONE)
        TASK_FAIL(t);
    FAULT("erase.slice");
    AWAIT(t, erase_unlist_slice(t, e));
    if (t->outcome == DONE)
        AWAIT(t, go_on_record(t, e, "go_on"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    go_on(t, rides_run);
    return;
    TASK_END(t);
}

/* Slice after slice; then once more, since some may have been in the making
 * when the person went, until there are none. */
static void rides_run(struct task *t)
{
    struct erasure *e = (struct erasure *)t;
    TASK_BEGIN(t);
    for (;;) {
        if (erase_next_slice(e)) {
            AWAIT(t, erase_read_slice(t, e));
            if (t->outcome != DONE)
                TASK_FAIL(t);
            erase_keep_theirs(t, e);
            if (e->count == 0)
                continue;
            go_on(t, slice_run);
            return;
        }
        if (e->passes > 0 && !e->has_erased)
            break;
        if (++e->passes > MOST_PASSES) {
            task_reject(t, PROBLEM_busy, STR_NONE);
            TASK_FAIL(t);
        }
        e->has_erased = false;
        AWAIT(t, whose_ask_rides(t, &e->whose));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        whose_read_rides(t, &e->whose);
        e->from = 0;
    }
    FAULT("erase.rides");
    go_on(t, phones_run);
    return;
    TASK_END(t);
}

void erase_body(struct task *t)
{
    struct erasure *e = (struct erasure *)t;
    TASK_BEGIN(t);
    AWAIT(t, fetch_records(t, e));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, hide_records(t, e));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, fetch_records(t, e));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    count_records(e);
    AWAIT(t, go_on_record(t, e, "go_on"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    FAULT("erase.hidden");
    e->passes = 0;
    e->whose.ride_count = 0;
    go_on(t, rides_run);
    return;
    TASK_END(t);
}
