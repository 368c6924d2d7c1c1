#include "notifier/reports.h"

#include "shared/fault.h"
#include "shared/keys.h"
#include "shared/metrics.h"
#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(report);

/* A status moves to a higher rank only; the last three are final. */
static const struct step {
    const char *status;
    const char *event; /* for the ride's timeline; empty: none */
    unsigned rank;
    bool bad; /* it did not arrive: its sender is told */
} steps[] = {
    {"scheduled", "", 1, false},
    {"sent", "", 2, false},
    {"buffered", "", 3, false},
    {"delivered", "text.delivered", 4, false},
    {"expired", "text.undelivered", 4, true},
    {"delivery_failed", "text.undelivered", 4, true},
};

struct take {
    struct call call;
    unsigned partition;
    struct value reply;
};

static const struct step *step_of(struct str status)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (str_is(status, steps[i].status))
            return &steps[i];
    return NULL;
}

static void write_down(struct task *t, struct take *c)
{
    const struct msg_report *m = c->call.request;
    const struct step *step = step_of(m->status);
    struct arena *a = t->arena;
    struct str keys[] = {
        key_in_partition(a, "status", c->partition, m->reference),
        key_of_partition(a, "undelivered", c->partition)};
    struct str args[] = {arena_printf(a, "%u", step->rank),
                         str_of(step->event),
                         m->status,
                         m->reference,
                         step->bad ? STR("1") : STR("0"),
                         key_timeline(a, c->partition, STR_NONE)};
    redis_script(service_of(t)->redis, t, partition_tag(c->partition), &report,
                 keys, 2, args, 6, &c->reply);
}

static void report_run(struct task *t)
{
    struct take *c = (struct take *)t;
    const struct msg_report *m = c->call.request;
    TASK_BEGIN(t);
    if (!reference_parse(m->reference, &c->partition)) {
        task_reject(t, PROBLEM_invalid, STR("reference"));
        TASK_FAIL(t);
    }
    if (step_of(m->status) == NULL) {
        task_reject(t, PROBLEM_invalid, STR("status"));
        TASK_FAIL(t);
    }
    AWAIT(t, write_down(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    FAULT("report.stored");
    metric_add(METRIC_reports_total, 1);
    TASK_END(t);
}

const struct bus_route route_report = {&type_report, sizeof(struct take),
                                       report_run};
