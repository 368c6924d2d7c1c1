/* NUMBER_GET, NUMBER_EDIT and NUMBER_REMOVE. A number has a key of its own, and
 * a place in its pool, on two hash tags: what goes from one to the other is
 * begun where a repeat of the request finds it, and goes on from there. */
#include "pool-svc/numbers.h"
#include "pool-svc/pool_keys.h"
#include "pool-svc/pools.h"
#include "pool-svc/spot.h"
#include "shared/alerts.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "shared/partition.h"
#include "shared/phone.h"
#include "shared/phonebook.h"
#include "shared/words.h"

enum { ALERTED_AGAIN_MS = 3600000 }; /* about one number */

/* Of a move, each on one hash tag. A repeat of a request that was cut begins
 * anew, and finds done what was done. */
enum step {
    HERE,  /* nothing to move, or moved */
    ASK,   /* may it? */
    BEGIN, /* on record, with what it takes along */
    LEAVE,
    PUT,  /* into its new pool */
    BACK, /* into the old one: the new one does not take it any more */
    STAY, /* it did not move */
    END   /* it did */
};

struct change {
    struct call call;
    struct phone phone;
    struct spot spot;
    struct str to, hash;
    struct luggage luggage;
    enum step step;
    struct value found, known, needs, about, begun, left, put, end, marked;
};

/* ---- where it is ---- */

/* What cannot be read is no number of ours. */
static bool name_number(struct task *t, struct change *c, struct str typed)
{
    enum problem_code why = PROBLEM_invalid;
    if (!phone_parse(typed, &c->phone, &why)) {
        task_reject(t, PROBLEM_not_found, STR("phone"));
        return false;
    }
    c->spot.number = phone_str(&c->phone);
    return true;
}

static void ask_where(struct task *t, struct change *c)
{
    struct str tag = partition_tag(partition_of(c->spot.number));
    REDIS_DO(service_of(t)->redis, t, tag, &c->found, STR("HMGET"),
             number_key(t->arena, c->spot.number), STR("pool"), STR("to"));
}

/* `to`: where it was about to move, else where it is. */
static bool is_somewhere(struct task *t, struct change *c)
{
    struct str to = value_str(value_at(&c->found, 1));
    if (t->outcome != DONE)
        return false;
    c->spot.pool = value_str(value_at(&c->found, 0));
    c->to = to.len > 0 ? to : c->spot.pool;
    if (c->spot.pool.len > 0)
        return true;
    task_reject(t, PROBLEM_not_found, STR("phone"));
    return false;
}

static void tell(struct task *t, struct change *c)
{
    struct msg_number *reply = c->call.reply;
    reply->phone = c->spot.number;
    reply->pool = c->spot.pool;
    spot_read(t->arena, &c->about, 1, reply);
    if (!str_is(value_str(value_at(&c->about, 0)), "ok"))
        task_reject(t, PROBLEM_not_found, STR("phone"));
}

/* True, and the task is rejected: somebody holds it. */
static bool is_held(struct task *t, const struct change *c)
{
    struct str fate = value_str(value_at(&c->left, 0));
    if (!str_is(fate, "held") && !str_is(fate, "kept"))
        return false;
    task_reject(t, PROBLEM_number_held, STR("phone"));
    t->problem.detail = value_num(value_at(&c->left, 2), 0);
    return true;
}

/* ---- NUMBER_GET ---- */

static void get_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_number_get *m = c->call.request;
    TASK_BEGIN(t);
    if (!name_number(t, c, m->phone))
        TASK_FAIL(t);
    AWAIT(t, ask_where(t, c));
    if (!is_somewhere(t, c))
        TASK_FAIL(t);
    AWAIT(t, spot_change(t, c->spot, STR_NONE, false, STR_NONE, &c->about));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    tell(t, c);
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_number_get = {&type_number_get,
                                           sizeof(struct change), get_run};

/* ---- NUMBER_EDIT ---- */

static bool edit_valid(struct task *t, const struct msg_number_edit *m)
{
    if (m->state.len > 0 && !str_is(m->state, "active") &&
        !str_is(m->state, "draining"))
        task_reject(t, PROBLEM_invalid, STR("state"));
    else if (m->pool.len > 0 && !pool_name_valid(m->pool))
        task_reject(t, PROBLEM_unknown_pool, STR("pool"));
    else if (m->label.len > 0)
        (void)words_valid(t, m->label, LABEL_MOST, "label");
    return t->outcome == DONE;
}

static void ask_about_the_pool(struct task *t, struct change *c)
{
    struct redis *redis = service_of(t)->redis;
    REDIS_DO(redis, t, STR("pools"), &c->known, STR("HEXISTS"), STR("pools"),
             c->to);
    REDIS_DO(redis, t, pool_tag(t->arena, c->to), &c->needs, STR("HGET"),
             pool_key_settings(t->arena, c->to), STR("capabilities"));
    spot_change(t, c->spot, STR_NONE, false, STR_NONE, &c->about);
}

static bool may_move(struct task *t, struct change *c)
{
    bool there = str_is(value_str(value_at(&c->about, 0)), "ok");
    struct str needs = value_str(&c->needs);
    c->luggage = luggage_of_number(&c->about);
    if (t->outcome != DONE)
        return false;
    if (value_num(&c->known, 0) == 0)
        task_reject(t, PROBLEM_unknown_pool, STR("pool"));
    else if (there && !capabilities_cover(c->luggage.capabilities,
                                          capabilities_or_all(needs)))
        task_reject(t, PROBLEM_lacks_capability, STR("pool"));
    return t->outcome == DONE;
}

static void step(struct task *t, struct change *c)
{
    struct spot there = {c->to, c->spot.number};
    switch (c->step) {
    case HERE:
        return;
    case ASK:
        ask_about_the_pool(t, c);
        return;
    case BEGIN:
        spot_move_begin(t, c->spot, c->to, c->luggage, &c->begun);
        return;
    case LEAVE:
        spot_leave(t, c->spot, &c->left);
        return;
    case PUT:
        spot_put(t, there, c->luggage, &c->put);
        return;
    case BACK:
        spot_put(t, c->spot, c->luggage, &c->put);
        return;
    case STAY:
        spot_move_end(t, c->spot, c->spot.pool, &c->end);
        return;
    case END:
        spot_move_end(t, c->spot, c->to, &c->end);
        return;
    }
}

static bool refuse(struct task *t, enum problem_code code, const char *field)
{
    task_reject(t, code, str_of(field));
    return false;
}

static bool is(const struct value *fate, const char *word)
{
    return str_is(value_str(value_at(fate, 0)), word);
}

/* A move that was cut is ended first. */
static bool is_to_move(struct change *c)
{
    const struct msg_number_edit *m = c->call.request;
    if (str_eq(c->to, c->spot.pool) && m->pool.len > 0)
        c->to = m->pool;
    c->step = str_eq(c->to, c->spot.pool) ? HERE : ASK;
    return c->step == ASK;
}

/* Chooses the next step by how the last one ended; false: it was the last. */
static bool goes_on(struct task *t, struct change *c)
{
    if (t->outcome != DONE)
        return false;
    switch (c->step) {
    case HERE:
        return false;
    case ASK:
        c->step = BEGIN;
        return may_move(t, c);
    case BEGIN:
        c->step = LEAVE;
        c->luggage = luggage_of_move(&c->begun);
        return is(&c->begun, "ok") ||
               refuse(t, PROBLEM_number_elsewhere, "pool");
    case LEAVE:
        c->step = is(&c->left, "left") || is(&c->left, "gone") ? PUT : STAY;
        return true;
    case PUT:
        c->step = is(&c->put, "ok") ? END : BACK;
        return true;
    case BACK:
        c->step = STAY;
        return true;
    case STAY:
        return !is_held(t, c) && refuse(t, PROBLEM_lacks_capability, "pool");
    case END:
        if (!is(&c->end, "ok"))
            return refuse(t, PROBLEM_number_elsewhere, "pool");
        c->spot.pool = c->to;
        return is_to_move(c);
    }
    return false;
}

static void edit_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_number_edit *m = c->call.request;
    TASK_BEGIN(t);
    if (!edit_valid(t, m) || !name_number(t, c, m->phone))
        TASK_FAIL(t);
    AWAIT(t, ask_where(t, c));
    if (!is_somewhere(t, c))
        TASK_FAIL(t);
    (void)is_to_move(c);
    do {
        AWAIT(t, step(t, c));
    } while (goes_on(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t,
          spot_change(t, c->spot, m->state, m->relabel, m->label, &c->about));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    tell(t, c);
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_number_edit = {&type_number_edit,
                                            sizeof(struct change), edit_run};

/* ---- NUMBER_SET_ASIDE ---- */

static void ask_state(struct task *t, struct change *c)
{
    spot_change(t, c->spot, STR_NONE, false, STR_NONE, &c->about);
    REDIS_DO(service_of(t)->redis, t, STR("time"), &c->known, STR("TIME"));
}

static bool is_active(const struct change *c)
{
    return str_is(luggage_of_number(&c->about).state, "active");
}

/* Before it is: so that who dies in between is followed by one who tells. */
static void raise_alert(struct task *t, struct change *c)
{
    struct arena *a = t->arena;
    int64_t now_ms = redis_time_ms(&c->known);
    struct str id = arena_printf(
        a, "set_aside-%.*s-%lld",
        STR_ARG(vault_hash(service_of(t)->vault, a, "alert", c->spot.number)),
        (long long)(now_ms / ALERTED_AGAIN_MS));
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(
        data, "number", arena_printf(a, "+%.*s", STR_ARG(c->spot.number)).ptr);
    cJSON_AddStringToObject(data, "pool", arena_cstr(a, c->spot.pool));
    alert_raise(service_of(t)->redis, t, id, "number.set_aside", now_ms, data);
    cJSON_Delete(data);
}

static void set_aside_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_number_set_aside *m = c->call.request;
    TASK_BEGIN(t);
    if (!name_number(t, c, m->phone))
        TASK_FAIL(t);
    AWAIT(t, ask_where(t, c));
    if (!is_somewhere(t, c))
        TASK_FAIL(t);
    AWAIT(t, ask_state(t, c));
    if (t->outcome == DONE && is_active(c))
        AWAIT(t, raise_alert(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, spot_change(t, c->spot, STR("set_aside"), false, STR_NONE,
                         &c->about));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (value_num(value_at(&c->about, 5), 0) > 0) {
        metric_add(METRIC_numbers_set_aside_total, 1);
        log_event(LEVEL_WARN, "number.set_aside", t->trace,
                  "pool=%.*s why=refused_as_sender check=account",
                  STR_ARG(c->spot.pool));
    }
    TASK_END(t);
}

const struct bus_route route_number_set_aside = {
    &type_number_set_aside, sizeof(struct change), set_aside_run};

/* ---- NUMBER_REMOVE ---- */

/* Nobody's phone for a moment, and not two's. */
static void look_again(struct task *t, struct change *c)
{
    phonebook_release(service_of(t)->redis, t, c->hash, STR("number"), 0);
    REDIS_DO(service_of(t)->redis, t, pool_tag(t->arena, c->spot.pool),
             &c->known, STR("ZSCORE"), pool_key_index(t->arena, c->spot.pool),
             c->spot.number);
}

static void remember(struct task *t, struct change *c)
{
    phonebook_keep(service_of(t)->redis, t, c->hash, STR("number"), &c->marked);
    spot_register(t, c->spot, &c->end);
}

static void remove_run(struct task *t)
{
    struct change *c = (struct change *)t;
    const struct msg_number_remove *m = c->call.request;
    TASK_BEGIN(t);
    if (!name_number(t, c, m->phone))
        TASK_FAIL(t);
    c->hash = vault_phone(service_of(t)->vault, t->arena, c->spot.number);
    AWAIT(t, ask_where(t, c));
    if (!is_somewhere(t, c))
        TASK_FAIL(t);
    if (!str_eq(c->to, c->spot.pool)) {
        task_reject(t, PROBLEM_number_moving, STR("phone"));
        TASK_FAIL(t);
    }
    AWAIT(t, spot_leave(t, c->spot, &c->left));
    if (t->outcome != DONE || is_held(t, c))
        TASK_FAIL(t);
    AWAIT(t, spot_drop(t, c->spot, &c->end));
    if (t->outcome == DONE && is(&c->end, "elsewhere"))
        task_reject(t, PROBLEM_number_moving, STR("phone"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, look_again(t, c));
    /* Somebody added it while it went. */
    if (t->outcome == DONE && c->known.kind == VALUE_STR)
        AWAIT(t, remember(t, c));
    /* Or it is a person's phone since. */
    if (t->outcome == DONE && c->marked.kind == VALUE_LIST &&
        phonebook_refused(&c->marked))
        AWAIT(t, spot_leave(t, c->spot, &c->left));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

const struct bus_route route_number_remove = {
    &type_number_remove, sizeof(struct change), remove_run};
