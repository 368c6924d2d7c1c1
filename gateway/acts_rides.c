/* The acts of rides. */
#include "gateway/acts.h"

#include "gateway/api_json.h"
#include "gateway/fields.h"

static const char *const ride_fields[] = {"customer",    "driver",   "start",
                                          "destination", "datetime", "pool",
                                          "ends_at",     "channels", NULL};
static const char *const end_fields[] = {"ends_at", NULL};
static const char *const party_fields[] = {"customer", "driver", NULL};
static const char *const no_fields[] = {NULL};

static bool read_ride_create(struct errand *e)
{
    struct msg_ride_create *m = &e->ask.ride_create;
    bool notices = true;
    m->key = e->key;
    bool read = field_id(e, "customer", &m->customer) &&
                field_id(e, "driver", &m->driver) &&
                field_text(e, "start", &m->start) &&
                field_text(e, "destination", &m->destination) &&
                field_text(e, "datetime", &m->datetime) &&
                field_end_if_any(e, "ends_at", &m->ends) &&
                field_words(e, "channels", &m->channels) &&
                field_text_if_any(e, "pool", &m->pool) &&
                field_text_if_any(e, "proxy", &m->proxy) &&
                field_flag_if_any(e, "notices", true, &notices) &&
                field_once(e, &m->once);
    m->quiet = !notices;
    return read;
}

static bool read_ride_list(struct errand *e)
{
    struct msg_ride_list *m = &e->ask.ride_list;
    m->before = params_get(&e->params, "cursor");
    return field_limit(e, &m->limit);
}

static bool read_ride_get(struct errand *e)
{
    e->ask.ride_get.id = e->x.part[0];
    return true;
}

static bool read_ride_end(struct errand *e)
{
    e->ask.ride_end.id = e->x.part[0];
    return true;
}

static bool read_ride_cancel(struct errand *e)
{
    e->ask.ride_cancel.id = e->x.part[0];
    return true;
}

static bool read_ride_extend(struct errand *e)
{
    e->ask.ride_extend.id = e->x.part[0];
    return field_end(e, "ends_at", &e->ask.ride_extend.ends);
}

static bool read_ride_reopen(struct errand *e)
{
    e->ask.ride_reopen.id = e->x.part[0];
    return field_end(e, "ends_at", &e->ask.ride_reopen.ends);
}

static bool read_ride_party(struct errand *e)
{
    struct msg_ride_party *m = &e->ask.ride_party;
    m->id = e->x.part[0];
    return field_id_if_any(e, "customer", &m->customer) &&
           field_id_if_any(e, "driver", &m->driver);
}

static bool read_ride_timeline(struct errand *e)
{
    e->ask.ride_timeline.id = e->x.part[0];
    return true;
}

static bool read_ride_why(struct errand *e)
{
    e->ask.ride_why.id = e->x.part[0];
    return true;
}

static bool read_pair_why(struct errand *e)
{
    struct msg_ride_why *m = &e->ask.ride_why;
    return field_id(e, "customer", &m->customer) &&
           field_id(e, "driver", &m->driver) &&
           field_text_if_any(e, "pool", &m->pool);
}

const struct act act_ride_create = {.service = "ride-svc",
                                    .may = MAY_RIDES,
                                    .audit = "ride.create",
                                    .trail = AUDIT_RIDES,
                                    .type = &type_ride_create,
                                    .read = read_ride_create,
                                    .takes_body = true,
                                    .show = show_ride,
                                    .status = 201,
                                    .home = "/api/v1/rides/",
                                    .done = "ride_created",
                                    .form = "ride_form",
                                    .fields = ride_fields};
const struct act act_ride_list = {.service = "ride-svc",
                                  .may = MAY_READ,
                                  .type = &type_ride_list,
                                  .read = read_ride_list,
                                  .show = show_rides,
                                  .status = 200};
const struct act act_ride_get = {.service = "ride-svc",
                                 .may = MAY_READ,
                                 .type = &type_ride_get,
                                 .read = read_ride_get,
                                 .show = show_ride,
                                 .status = 200};
const struct act act_ride_end = {.service = "ride-svc",
                                 .may = MAY_RIDES,
                                 .audit = "ride.end",
                                 .trail = AUDIT_RIDES,
                                 .type = &type_ride_end,
                                 .read = read_ride_end,
                                 .show = show_ride,
                                 .status = 200,
                                 .done = "ride_ended",
                                 .form = "end_form",
                                 .fields = no_fields};
const struct act act_ride_cancel = {.service = "ride-svc",
                                    .may = MAY_RIDES,
                                    .audit = "ride.cancel",
                                    .trail = AUDIT_RIDES,
                                    .type = &type_ride_cancel,
                                    .read = read_ride_cancel,
                                    .show = show_ride,
                                    .status = 200,
                                    .done = "ride_cancelled",
                                    .form = "cancel_form",
                                    .fields = no_fields};
const struct act act_ride_extend = {.service = "ride-svc",
                                    .may = MAY_RIDES,
                                    .audit = "ride.extend",
                                    .trail = AUDIT_RIDES,
                                    .type = &type_ride_extend,
                                    .read = read_ride_extend,
                                    .takes_body = true,
                                    .show = show_ride,
                                    .status = 200,
                                    .done = "ride_extended",
                                    .form = "extend_form",
                                    .fields = end_fields};
const struct act act_ride_reopen = {.service = "ride-svc",
                                    .may = MAY_RIDES,
                                    .audit = "ride.reopen",
                                    .trail = AUDIT_RIDES,
                                    .type = &type_ride_reopen,
                                    .read = read_ride_reopen,
                                    .takes_body = true,
                                    .show = show_ride,
                                    .status = 200,
                                    .done = "ride_reopened",
                                    .form = "reopen_form",
                                    .fields = end_fields};
const struct act act_ride_party = {.service = "ride-svc",
                                   .may = MAY_RIDES,
                                   .audit = "ride.party",
                                   .trail = AUDIT_RIDES,
                                   .type = &type_ride_party,
                                   .read = read_ride_party,
                                   .takes_body = true,
                                   .show = show_ride,
                                   .status = 200,
                                   .done = "ride_changed",
                                   .form = "party_form",
                                   .fields = party_fields};
const struct act act_ride_timeline = {.service = "ride-svc",
                                      .may = MAY_READ,
                                      .type = &type_ride_timeline,
                                      .read = read_ride_timeline,
                                      .show = show_timeline,
                                      .status = 200};

const struct act act_ride_why = {.service = "ride-svc",
                                 .may = MAY_READ,
                                 .type = &type_ride_why,
                                 .read = read_ride_why,
                                 .show = show_reasons,
                                 .status = 200};
const struct act act_pair_why = {.service = "ride-svc",
                                 .may = MAY_READ,
                                 .type = &type_ride_why,
                                 .read = read_pair_why,
                                 .show = show_reasons,
                                 .status = 200};
