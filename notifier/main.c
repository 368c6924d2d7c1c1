/* notifier: owns the way out. Sends each queued text, in order, once, and keeps
 * its delivery state. */
#include "notifier/alerts.h"
#include "notifier/letters.h"
#include "notifier/outbox.h"
#include "notifier/provider_messagebird.h"
#include "notifier/reports.h"

static struct alerts *alerts;

static bool start(struct service *s)
{
    s->context = outbox_new(s, &provider_messagebird);
    alerts = alerts_new(s);
    return alerts != NULL;
}

static void ready(struct service *s)
{
    outbox_start(s->context);
    alerts_start(alerts);
}

static void leave(struct service *s)
{
    outbox_leave(s->context);
}

static bool idle(struct service *s)
{
    return outbox_idle(s->context);
}

static void stop(struct service *s)
{
    struct outbox *outbox = s->context;
    outbox_destroy(&outbox);
    alerts_destroy(&alerts);
}

int main(int argc, char **argv)
{
    static const char *const peers[] = {"pool-svc", NULL};
    const struct bus_route routes[] = {route_poke,
                                       route_report,
                                       route_letter_list,
                                       route_letter_resend,
                                       route_letter_drop,
                                       route_letter_resend_all,
                                       route_letter_drop_all,
                                       {NULL, 0, NULL}};
    const struct service_spec spec = {
        .name = "notifier",
        .summary = "the way out: sends each text, in order, once",
        .peers = peers,
        .routes = routes,
        .start = start,
        .ready = ready,
        .leave = leave,
        .idle = idle,
        .stop = stop,
    };
    return service_run(&spec, argc, argv);
}
