#include "gateway/access/gate.h"
#include "gateway/acts.h"

/* An act whose trace stays: what was asked, what came of it, the audit log's
 * entry; and only then the answer. Where that cannot be written nothing is
 * answered, so that nothing is revealed unseen; asked again, an act that was
 * done comes to the same. */
struct sending {
    struct task task;
    struct errand *e;
    struct problem problem; /* where the act was refused */
    bool refused;
};

static void ask(struct errand *e, struct task *t)
{
    const struct act *act = e->x.route->act;
    if (act->own != NULL) {
        struct own *own = task_part(t, sizeof(*own), act->own);
        own->e = e;
    } else {
        bus_ask(e->x.gateway->service->client, t, act->service, act->type,
                &e->ask, &e->got);
    }
}

enum { PHONE_DIGITS = 7 };

/* So many digits, with what people write between them: it may be somebody's
 * phone, typed where an id belongs. */
static bool may_be_phone(struct str typed)
{
    size_t digits = 0;
    for (size_t i = 0; i < typed.len && digits < PHONE_DIGITS; i++) {
        if (char_is_digit(typed.ptr[i]))
            digits++;
        else if (strchr(" +-.()/", typed.ptr[i]) == NULL)
            digits = 0;
    }
    return digits >= PHONE_DIGITS;
}

/* What was found here is a number of ours; anything else may be anybody's. */
static struct str noted_object(const struct sending *c, struct str object)
{
    bool ours = !c->refused || c->problem.code == PROBLEM_number_held ||
                c->problem.code == PROBLEM_number_moving;
    return !ours && may_be_phone(object) ? STR("hidden") : object;
}

/* The id in the address, or of what was made. */
static struct str object_of(struct errand *e, bool refused)
{
    const struct act *act = e->x.route->act;
    struct str id = e->x.part[0];
    if (id.len > 0 || refused || act->show == NULL || act->status != 201)
        return id;
    cJSON *thing = act->show(e->x.task.arena, &e->got);
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(thing, "id");
    if (cJSON_IsNumber(member))
        id = arena_number(e->x.task.arena, (int64_t)member->valuedouble);
    else if (cJSON_IsString(member))
        id = arena_copy(e->x.task.arena, str_of(member->valuestring));
    cJSON_Delete(thing);
    return id;
}

static void note(struct sending *c)
{
    struct errand *e = c->e;
    const struct act *act = e->x.route->act;
    const struct identity *who = &e->x.who;
    const struct msg_audit_entry entry = {
        .what = str_of(act->audit),
        .outcome = str_of(c->refused ? problem_name(c->problem.code) : "done"),
        .who = who->name,
        .with = who->kind == IDENTITY_TOKEN ? STR("token") : STR("session"),
        .address = gate_address(&e->x),
        .object = noted_object(c, object_of(e, c->refused)),
        .detail = act->note != NULL && !c->refused ? act->note(e) : e->detail,
        .trace = e->x.task.trace};
    audit_add(e->x.gateway->audit, &c->task, act->trail, &entry);
}

static void sending_run(struct task *t)
{
    struct sending *c = (struct sending *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask(c->e, t));
    c->refused = t->outcome != DONE;
    c->problem = t->problem;
    AWAIT(t, note(c));
    if (t->outcome == DONE && c->refused) {
        t->problem = c->problem;
        t->outcome = problem_outcome(c->problem.code);
    }
    if (t->outcome != DONE)
        TASK_FAIL(t);
    TASK_END(t);
}

void errand_send(struct errand *e)
{
    if (e->x.route->act->audit == NULL) {
        ask(e, &e->x.task);
        return;
    }
    struct sending *c = task_part(&e->x.task, sizeof(*c), sending_run);
    c->e = e;
}
