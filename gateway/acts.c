#include "gateway/acts.h"

#include "gateway/api_json.h"
#include "gateway/fields.h"

static const char customer[] = "customer", driver[] = "driver";

static const char *const person_fields[] = {"name", "phone", NULL};
static const char *const number_fields[] = {"phone", "pool", "label", NULL};
static const char *const number_edit_fields[] = {"label", "pool", "state",
                                                 NULL};
static const char *const import_fields[] = {"csv", NULL};
static const char *const pool_fields[] = {"name", "prefixes", "capabilities",
                                          NULL};
static const char *const pool_edit_fields[] = {"low_water", "prefixes", NULL};
static const char *const no_fields[] = {NULL};

static struct str role_of(const struct errand *e)
{
    return str_of(e->x.route->act->role);
}

/* ---- people ---- */

static bool read_person_add(struct errand *e)
{
    struct msg_person_add *m = &e->ask.person_add;
    m->key = e->key;
    m->role = role_of(e);
    return field_text(e, "name", &m->name) &&
           field_text(e, "phone", &m->phone) &&
           field_flag_if_any(e, "once", false, &m->once);
}

/* What is not there stays as it was. */
static bool read_person_edit(struct errand *e)
{
    struct msg_person_edit *m = &e->ask.person_edit;
    m->role = role_of(e);
    if (!part_id(e, &m->id) || !field_text_if_any(e, "name", &m->name) ||
        !field_text_if_any(e, "phone", &m->phone))
        return false;
    /* The form shows the name, so that an empty one was emptied. */
    return !e->is_form || m->name.len > 0 ||
           field_refuse(e, PROBLEM_missing, "name");
}

static bool read_person_replace(struct errand *e)
{
    struct msg_person_edit *m = &e->ask.person_edit;
    m->role = role_of(e);
    return part_id(e, &m->id) && field_text(e, "name", &m->name) &&
           field_text(e, "phone", &m->phone);
}

static bool read_person_get(struct errand *e)
{
    e->ask.person_get.role = role_of(e);
    return part_id(e, &e->ask.person_get.id);
}

static bool read_person_remove(struct errand *e)
{
    e->ask.person_remove.role = role_of(e);
    e->ask.person_remove.key = e->key;
    return part_id(e, &e->ask.person_remove.id);
}

static bool read_person_list(struct errand *e)
{
    struct msg_person_list *m = &e->ask.person_list;
    struct str cursor = params_get(&e->params, "cursor");
    m->role = role_of(e);
    if (cursor.len > 0 && !str_to_num(cursor, &m->after))
        return field_refuse(e, PROBLEM_invalid, "cursor");
    return field_limit(e, &m->limit);
}

#define PEOPLE(who)                                                            \
    const struct act act_##who##_add = {.service = "ride-svc",                 \
                                        .type = &type_person_add,              \
                                        .read = read_person_add,               \
                                        .takes_body = true,                    \
                                        .role = who,                           \
                                        .show = show_person,                   \
                                        .status = 201,                         \
                                        .home = "/api/v1/" #who "s/",          \
                                        .done = #who "_added",                 \
                                        .form = #who "_form",                  \
                                        .fields = person_fields};              \
    const struct act act_##who##_edit = {.service = "ride-svc",                \
                                         .type = &type_person_edit,            \
                                         .read = read_person_edit,             \
                                         .takes_body = true,                   \
                                         .role = who,                          \
                                         .show = show_person,                  \
                                         .status = 200,                        \
                                         .done = #who "_saved",                \
                                         .form = "edit_form",                  \
                                         .fields = person_fields};             \
    const struct act act_##who##_replace = {.service = "ride-svc",             \
                                            .type = &type_person_edit,         \
                                            .read = read_person_replace,       \
                                            .takes_body = true,                \
                                            .role = who,                       \
                                            .show = show_person,               \
                                            .status = 200};                    \
    const struct act act_##who##_get = {.service = "ride-svc",                 \
                                        .type = &type_person_get,              \
                                        .read = read_person_get,               \
                                        .role = who,                           \
                                        .show = show_person,                   \
                                        .status = 200};                        \
    const struct act act_##who##_remove = {.service = "ride-svc",              \
                                           .type = &type_person_remove,        \
                                           .read = read_person_remove,         \
                                           .role = who,                        \
                                           .status = 204,                      \
                                           .done = #who "_deleted",            \
                                           .form = "delete_form",              \
                                           .fields = no_fields};               \
    const struct act act_##who##_list = {.service = "ride-svc",                \
                                         .type = &type_person_list,            \
                                         .read = read_person_list,             \
                                         .role = who,                          \
                                         .show = show_people,                  \
                                         .status = 200}

PEOPLE(customer);
PEOPLE(driver);

/* ---- numbers and pools ---- */

static bool read_number_add(struct errand *e)
{
    struct msg_number_add *m = &e->ask.number_add;
    return field_text(e, "phone", &m->phone) &&
           field_text_if_any(e, "pool", &m->pool) &&
           field_text_if_any(e, "label", &m->label) &&
           field_words(e, "capabilities", &m->capabilities);
}

static bool read_number_get(struct errand *e)
{
    e->ask.number_get.phone = e->x.part[0];
    return true;
}

/* What is not there stays as it was; a label that is empty, or null, is taken
 * away. */
static bool read_number_edit(struct errand *e)
{
    struct msg_number_edit *m = &e->ask.number_edit;
    m->phone = e->x.part[0];
    return field_text_if_any(e, "state", &m->state) &&
           field_text_if_any(e, "pool", &m->pool) &&
           field_text_or_none(e, "label", &m->relabel, &m->label);
}

static bool read_number_remove(struct errand *e)
{
    e->ask.number_remove.phone = e->x.part[0];
    return true;
}

static bool read_number_import(struct errand *e)
{
    struct msg_number_import *m = &e->ask.number_import;
    struct str dry;
    if (e->is_form) {
        m->csv = params_get(&e->params, "csv");
    } else {
        m->csv = e->x.request->body;
        if (!fields_of_query(e))
            return false;
    }
    if (!field_text_if_any(e, "dry_run", &dry))
        return false;
    m->dry = str_is(dry, "1") || str_is(dry, "true");
    return m->dry || dry.len == 0 || str_is(dry, "0") || str_is(dry, "false") ||
           field_refuse(e, PROBLEM_invalid, "dry_run");
}

static bool read_number_list(struct errand *e)
{
    struct msg_number_list *m = &e->ask.number_list;
    m->after = params_get(&e->params, "cursor");
    return field_limit(e, &m->limit);
}

static bool read_pool_add(struct errand *e)
{
    struct msg_pool_add *m = &e->ask.pool_add;
    return field_text(e, "name", &m->name) &&
           field_words(e, "prefixes", &m->prefixes) &&
           field_words(e, "capabilities", &m->capabilities);
}

/* There are never so many that they would need pages. */
static bool read_pool_list(struct errand *e)
{
    int64_t limit = 0;
    return field_limit(e, &limit);
}

/* What is not there stays as it was; null takes the mark away. */
static bool read_pool_edit(struct errand *e)
{
    struct msg_pool_edit *m = &e->ask.pool_edit;
    m->name = e->x.part[0];
    return field_count_or_none(e, "low_water", &m->remark, &m->low_water) &&
           field_words_or_none(e, "prefixes", &m->reprefix, &m->prefixes);
}

static bool read_pool_remove(struct errand *e)
{
    e->ask.pool_remove.name = e->x.part[0];
    return true;
}

static bool read_pool_stats(struct errand *e)
{
    e->ask.pool_stats.name = e->x.part[0];
    return true;
}

const struct act act_number_add = {.service = "pool-svc",
                                   .type = &type_number_add,
                                   .read = read_number_add,
                                   .takes_body = true,
                                   .show = show_number,
                                   .status = 201,
                                   .done = "number_added",
                                   .form = "number_form",
                                   .fields = number_fields};
const struct act act_number_get = {.service = "pool-svc",
                                   .type = &type_number_get,
                                   .read = read_number_get,
                                   .show = show_number,
                                   .status = 200};
const struct act act_number_edit = {.service = "pool-svc",
                                    .type = &type_number_edit,
                                    .read = read_number_edit,
                                    .takes_body = true,
                                    .show = show_number,
                                    .status = 200,
                                    .done = "number_saved",
                                    .form = "number_edit_form",
                                    .fields = number_edit_fields};
const struct act act_number_remove = {.service = "pool-svc",
                                      .type = &type_number_remove,
                                      .read = read_number_remove,
                                      .status = 204,
                                      .done = "number_removed",
                                      .form = "delete_form",
                                      .fields = no_fields};
const struct act act_number_import = {.service = "pool-svc",
                                      .type = &type_number_import,
                                      .read = read_number_import,
                                      .takes_body = true,
                                      .takes_csv = true,
                                      .show = show_numbers_imported,
                                      .status = 200,
                                      .shows_answer = true,
                                      .form = "import_form",
                                      .fields = import_fields};
const struct act act_number_list = {.service = "pool-svc",
                                    .type = &type_number_list,
                                    .read = read_number_list,
                                    .show = show_numbers,
                                    .status = 200};
const struct act act_pool_add = {.service = "pool-svc",
                                 .type = &type_pool_add,
                                 .read = read_pool_add,
                                 .takes_body = true,
                                 .show = show_pool,
                                 .status = 201,
                                 .done = "pool_added",
                                 .form = "pool_form",
                                 .fields = pool_fields};
const struct act act_pool_list = {.service = "pool-svc",
                                  .type = &type_pool_list,
                                  .read = read_pool_list,
                                  .show = show_pools,
                                  .status = 200};

const struct act act_pool_edit = {.service = "pool-svc",
                                  .type = &type_pool_edit,
                                  .read = read_pool_edit,
                                  .takes_body = true,
                                  .show = show_pool,
                                  .status = 200,
                                  .done = "pool_saved",
                                  .form = "edit_form",
                                  .fields = pool_edit_fields};
const struct act act_pool_remove = {.service = "pool-svc",
                                    .type = &type_pool_remove,
                                    .read = read_pool_remove,
                                    .status = 204,
                                    .done = "pool_removed",
                                    .form = "delete_form",
                                    .fields = no_fields};
const struct act act_pool_stats = {.service = "pool-svc",
                                   .type = &type_pool_stats,
                                   .read = read_pool_stats,
                                   .show = show_pool_figures,
                                   .status = 200};

static bool read_pool_replay(struct errand *e)
{
    struct msg_pool_replay *m = &e->ask.pool_replay;
    m->key = e->key;
    m->pool = e->x.part[0];
    m->grace = m->cooldown = FIELD_NOT_GIVEN;
    return field_hours_if_any(e, "grace_hours", false, &m->grace) &&
           field_hours_if_any(e, "cooldown_hours", true, &m->cooldown);
}

static bool read_job_get(struct errand *e)
{
    e->ask.job_get.id = e->x.part[0];
    return true;
}

const struct act act_pool_replay = {.service = "ride-svc",
                                    .type = &type_pool_replay,
                                    .read = read_pool_replay,
                                    .takes_body = true,
                                    .show = show_job,
                                    .status = 202,
                                    .home = "/api/v1/jobs/"};
const struct act act_job_get = {.service = "ride-svc",
                                .type = &type_job_get,
                                .read = read_job_get,
                                .show = show_job,
                                .status = 200};

/* ---- messages: so far those that failed for good ---- */

static bool read_state(struct errand *e)
{
    struct str state;
    if (!field_text(e, "state", &state))
        return false;
    return str_is(state, "dead") || field_refuse(e, PROBLEM_invalid, "state");
}

static bool read_letter_list(struct errand *e)
{
    struct msg_letter_list *m = &e->ask.letter_list;
    m->before = params_get(&e->params, "cursor");
    return read_state(e) && field_limit(e, &m->limit);
}

static bool read_letter_resend(struct errand *e)
{
    e->ask.letter_resend.reference = e->x.part[0];
    return true;
}

static bool read_letter_drop(struct errand *e)
{
    e->ask.letter_drop.reference = e->x.part[0];
    return true;
}

/* Which ones stands in the address, as for the list; a form has fields. */
static bool read_letters(struct errand *e, struct str *reason)
{
    return (e->is_form || fields_of_query(e)) && read_state(e) &&
           field_text_if_any(e, "reason", reason);
}

static bool read_letter_resend_all(struct errand *e)
{
    return read_letters(e, &e->ask.letter_resend_all.reason);
}

static bool read_letter_drop_all(struct errand *e)
{
    return read_letters(e, &e->ask.letter_drop_all.reason);
}

#define LETTERS .page = "/messages", .form = "letters", .fields = no_fields

const struct act act_letter_list = {.service = "notifier",
                                    .type = &type_letter_list,
                                    .read = read_letter_list,
                                    .show = show_letters,
                                    .status = 200};
const struct act act_letter_resend = {.service = "notifier",
                                      .type = &type_letter_resend,
                                      .read = read_letter_resend,
                                      .show = show_letters_taken,
                                      .status = 200,
                                      .done = "letter_resent",
                                      LETTERS};
const struct act act_letter_drop = {.service = "notifier",
                                    .type = &type_letter_drop,
                                    .read = read_letter_drop,
                                    .status = 204,
                                    .done = "letter_dropped",
                                    LETTERS};
const struct act act_letter_resend_all = {.service = "notifier",
                                          .type = &type_letter_resend_all,
                                          .read = read_letter_resend_all,
                                          .show = show_letters_taken,
                                          .status = 200,
                                          .done = "letters_resent",
                                          LETTERS};
const struct act act_letter_drop_all = {.service = "notifier",
                                        .type = &type_letter_drop_all,
                                        .read = read_letter_drop_all,
                                        .show = show_letters_taken,
                                        .status = 200,
                                        .done = "letters_dropped",
                                        LETTERS};

void errand_send(struct errand *e)
{
    const struct act *act = e->x.route->act;
    bus_ask(e->x.gateway->service->client, &e->x.task, act->service, act->type,
            &e->ask, &e->got);
}
