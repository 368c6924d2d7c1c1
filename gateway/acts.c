#include "gateway/acts.h"

#include "gateway/api_json.h"
#include "gateway/fields.h"

static const char customer[] = "customer", driver[] = "driver";

static const char *const person_fields[] = {"name", "phone", NULL};
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
           field_text(e, "phone", &m->phone) && field_once(e, &m->once);
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
                                        .may = MAY_RIDES,                      \
                                        .audit = #who ".add",                  \
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
                                         .may = MAY_RIDES,                     \
                                         .audit = #who ".edit",                \
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
                                            .may = MAY_RIDES,                  \
                                            .audit = #who ".edit",             \
                                            .type = &type_person_edit,         \
                                            .read = read_person_replace,       \
                                            .takes_body = true,                \
                                            .role = who,                       \
                                            .show = show_person,               \
                                            .status = 200};                    \
    const struct act act_##who##_get = {.service = "ride-svc",                 \
                                        .may = MAY_READ,                       \
                                        .type = &type_person_get,              \
                                        .read = read_person_get,               \
                                        .role = who,                           \
                                        .show = show_person,                   \
                                        .status = 200};                        \
    const struct act act_##who##_remove = {.service = "ride-svc",              \
                                           .may = MAY_RIDES,                   \
                                           .audit = #who ".remove",            \
                                           .type = &type_person_remove,        \
                                           .read = read_person_remove,         \
                                           .role = who,                        \
                                           .status = 204,                      \
                                           .done = #who "_deleted",            \
                                           .form = "delete_form",              \
                                           .fields = no_fields};               \
    const struct act act_##who##_list = {.service = "ride-svc",                \
                                         .may = MAY_READ,                      \
                                         .type = &type_person_list,            \
                                         .read = read_person_list,             \
                                         .role = who,                          \
                                         .show = show_people,                  \
                                         .status = 200}

PEOPLE(customer);
PEOPLE(driver);

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
                                    .may = MAY_READ,
                                    .type = &type_letter_list,
                                    .read = read_letter_list,
                                    .show = show_letters,
                                    .status = 200};
const struct act act_letter_resend = {.service = "notifier",
                                      .may = MAY_RIDES,
                                      .audit = "message.resend",
                                      .type = &type_letter_resend,
                                      .read = read_letter_resend,
                                      .show = show_letters_taken,
                                      .status = 200,
                                      .done = "letter_resent",
                                      LETTERS};
const struct act act_letter_drop = {.service = "notifier",
                                    .may = MAY_RIDES,
                                    .audit = "message.drop",
                                    .type = &type_letter_drop,
                                    .read = read_letter_drop,
                                    .status = 204,
                                    .done = "letter_dropped",
                                    LETTERS};
const struct act act_letter_resend_all = {.service = "notifier",
                                          .may = MAY_RIDES,
                                          .audit = "message.resend_all",
                                          .type = &type_letter_resend_all,
                                          .read = read_letter_resend_all,
                                          .show = show_letters_taken,
                                          .status = 200,
                                          .done = "letters_resent",
                                          LETTERS};
const struct act act_letter_drop_all = {.service = "notifier",
                                        .may = MAY_RIDES,
                                        .audit = "message.drop_all",
                                        .type = &type_letter_drop_all,
                                        .read = read_letter_drop_all,
                                        .show = show_letters_taken,
                                        .status = 200,
                                        .done = "letters_dropped",
                                        LETTERS};
