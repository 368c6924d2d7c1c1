/* The acts on numbers and pools. */
#include "gateway/acts.h"
#include "gateway/api_json.h"
#include "gateway/fields.h"

static const char *const number_fields[] = {"phone", "pool", "label",
                                            "capabilities", NULL};
static const char *const number_edit_fields[] = {"label", "pool", "state",
                                                 NULL};
static const char *const import_fields[] = {"csv", NULL};
static const char *const pool_fields[] = {"name", "prefixes", "capabilities",
                                          NULL};
static const char *const pool_edit_fields[] = {
    "low_water",     "prefixes",      "customer_notice", "driver_notice",
    "closed_answer", "closed_caller", "language",        NULL};
static const char *const replay_fields[] = {"grace_hours", "cooldown_hours",
                                            NULL};
static const char *const no_fields[] = {NULL};

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
           field_words_or_none(e, "prefixes", &m->reprefix, &m->prefixes) &&
           field_text_or_none(e, "customer_notice", &m->renotice_customer,
                              &m->customer_notice) &&
           field_text_or_none(e, "driver_notice", &m->renotice_driver,
                              &m->driver_notice) &&
           field_text_or_none(e, "closed_answer", &m->reanswer,
                              &m->closed_answer) &&
           field_text_or_none(e, "closed_caller", &m->recaller,
                              &m->closed_caller) &&
           field_text_or_none(e, "language", &m->relanguage, &m->language);
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
                                   .may = MAY_POOL,
                                   .audit = "number.add",
                                   .type = &type_number_add,
                                   .read = read_number_add,
                                   .takes_body = true,
                                   .show = show_number,
                                   .status = 201,
                                   .done = "number_added",
                                   .form = "number_form",
                                   .fields = number_fields};
const struct act act_number_get = {.service = "pool-svc",
                                   .may = MAY_READ | MAY_PHONES,
                                   .type = &type_number_get,
                                   .read = read_number_get,
                                   .show = show_number,
                                   .status = 200};
const struct act act_number_edit = {.service = "pool-svc",
                                    .may = MAY_POOL,
                                    .audit = "number.edit",
                                    .type = &type_number_edit,
                                    .read = read_number_edit,
                                    .takes_body = true,
                                    .show = show_number,
                                    .status = 200,
                                    .done = "number_saved",
                                    .form = "number_edit_form",
                                    .fields = number_edit_fields};
const struct act act_number_remove = {.service = "pool-svc",
                                      .may = MAY_POOL,
                                      .audit = "number.remove",
                                      .type = &type_number_remove,
                                      .read = read_number_remove,
                                      .status = 204,
                                      .done = "number_removed",
                                      .form = "delete_form",
                                      .fields = no_fields};
const struct act act_number_import = {.service = "pool-svc",
                                      .may = MAY_POOL,
                                      .audit = "number.import",
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
                                    .may = MAY_READ | MAY_PHONES,
                                    .type = &type_number_list,
                                    .read = read_number_list,
                                    .show = show_numbers,
                                    .status = 200};
const struct act act_pool_add = {.service = "pool-svc",
                                 .may = MAY_POOL,
                                 .audit = "pool.add",
                                 .type = &type_pool_add,
                                 .read = read_pool_add,
                                 .takes_body = true,
                                 .show = show_pool,
                                 .status = 201,
                                 .done = "pool_added",
                                 .form = "pool_form",
                                 .fields = pool_fields};
const struct act act_pool_list = {.service = "pool-svc",
                                  .may = MAY_READ,
                                  .type = &type_pool_list,
                                  .read = read_pool_list,
                                  .show = show_pools,
                                  .status = 200};

const struct act act_pool_edit = {.service = "pool-svc",
                                  .may = MAY_POOL,
                                  .audit = "pool.edit",
                                  .type = &type_pool_edit,
                                  .read = read_pool_edit,
                                  .takes_body = true,
                                  .show = show_pool,
                                  .status = 200,
                                  .done = "pool_saved",
                                  .form = "edit_form",
                                  .fields = pool_edit_fields};
const struct act act_pool_remove = {.service = "pool-svc",
                                    .may = MAY_POOL,
                                    .audit = "pool.remove",
                                    .type = &type_pool_remove,
                                    .read = read_pool_remove,
                                    .status = 204,
                                    .done = "pool_removed",
                                    .form = "delete_form",
                                    .fields = no_fields};
const struct act act_pool_stats = {.service = "pool-svc",
                                   .may = MAY_READ,
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
                                    .may = MAY_POOL,
                                    .audit = "pool.replay",
                                    .type = &type_pool_replay,
                                    .read = read_pool_replay,
                                    .takes_body = true,
                                    .show = show_job,
                                    .status = 202,
                                    .home = "/api/v1/jobs/",
                                    .leads_to_job = true,
                                    .form = "replay_form",
                                    .fields = replay_fields};
const struct act act_job_get = {.service = "ride-svc",
                                .may = MAY_READ,
                                .type = &type_job_get,
                                .read = read_job_get,
                                .show = show_job,
                                .status = 200};
