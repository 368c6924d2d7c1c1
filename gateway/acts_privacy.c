/* What is kept of one person: told to them, or erased. */
#include "gateway/acts.h"

#include "gateway/api_json.h"
#include "gateway/fields.h"

static const char *const no_fields[] = {NULL};
static const char *const erase_fields[] = {"end_rides", NULL};
static const char *const phone_fields[] = {"phone", NULL};
static const char *const phone_erase_fields[] = {"phone", "end_rides", NULL};

static bool read_export(struct errand *e)
{
    struct msg_person_export *m = &e->ask.person_export;
    m->role = str_of(e->x.route->act->role);
    m->after = params_get(&e->params, "cursor");
    return part_id(e, &m->id);
}

static bool read_phone_export(struct errand *e)
{
    struct msg_person_export *m = &e->ask.person_export;
    return field_text(e, "phone", &m->phone) &&
           field_text_if_any(e, "cursor", &m->after);
}

static bool read_erase(struct errand *e)
{
    struct msg_person_erase *m = &e->ask.person_erase;
    m->key = e->key;
    m->role = str_of(e->x.route->act->role);
    return part_id(e, &m->id) &&
           field_flag_if_any(e, "end_rides", false, &m->end_rides);
}

static bool read_phone_erase(struct errand *e)
{
    struct msg_person_erase *m = &e->ask.person_erase;
    m->key = e->key;
    return field_text(e, "phone", &m->phone) &&
           field_flag_if_any(e, "end_rides", false, &m->end_rides);
}

/* The proof: how much of each kind; nothing that says whose it was. */
static struct str note_erased(const struct errand *e)
{
    const struct msg_person_erased *m = &e->got.erased;
    return arena_printf(
        e->x.task.arena,
        "people=%lld rides=%lld rides_ended=%lld routes=%lld texts=%lld "
        "dead_letters=%lld unrouted_texts=%lld numbers=%lld kept=%lld",
        (long long)m->people, (long long)m->rides, (long long)m->rides_ended,
        (long long)m->routes, (long long)m->texts, (long long)m->letters,
        (long long)m->unrouted, (long long)m->holds, (long long)m->kept);
}

#define PRIVACY(who)                                                           \
    const struct act act_##who##_export = {.service = "ride-svc",              \
                                           .type = &type_person_export,        \
                                           .read = read_export,                \
                                           .may = MAY_ADMIN,                   \
                                           .audit = #who ".export",            \
                                           .role = #who,                       \
                                           .show = show_kept,                  \
                                           .status = 200,                      \
                                           .shows_answer = true,               \
                                           .form = "export_form",              \
                                           .fields = no_fields};               \
    const struct act act_##who##_erase = {.service = "ride-svc",               \
                                          .type = &type_person_erase,          \
                                          .read = read_erase,                  \
                                          .may = MAY_ADMIN,                    \
                                          .audit = #who ".erase",              \
                                          .note = note_erased,                 \
                                          .role = #who,                        \
                                          .show = show_erased,                 \
                                          .status = 200,                       \
                                          .shows_answer = true,                \
                                          .form = "erase_form",                \
                                          .fields = erase_fields}

PRIVACY(customer);
PRIVACY(driver);

const struct act act_phone_export = {.service = "ride-svc",
                                     .type = &type_person_export,
                                     .read = read_phone_export,
                                     .may = MAY_ADMIN,
                                     .audit = "phone.export",
                                     .takes_body = true,
                                     .show = show_kept,
                                     .status = 200,
                                     .shows_answer = true,
                                     .form = "export_form",
                                     .fields = phone_fields};
const struct act act_phone_erase = {.service = "ride-svc",
                                    .type = &type_person_erase,
                                    .read = read_phone_erase,
                                    .may = MAY_ADMIN,
                                    .audit = "phone.erase",
                                    .note = note_erased,
                                    .takes_body = true,
                                    .show = show_erased,
                                    .status = 200,
                                    .shows_answer = true,
                                    .form = "erase_form",
                                    .fields = phone_erase_fields};
