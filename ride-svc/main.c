/* ride-svc: owns people, rides, and the routes by which texts find them. */
#include "ride-svc/create.h"
#include "ride-svc/duties.h"
#include "ride-svc/erase.h"
#include "ride-svc/export.h"
#include "ride-svc/life.h"
#include "ride-svc/lists.h"
#include "ride-svc/party.h"
#include "ride-svc/people.h"
#include "ride-svc/replay.h"
#include "ride-svc/rewrite.h"
#include "ride-svc/texts.h"
#include "ride-svc/why.h"

static struct rounds *erasures, *rewrites;

static void ready(struct service *s)
{
    erasures = erasures_new(s);
    rewrites = rewrites_new(s);
    s->context = duties_new(s);
}

static void stop(struct service *s)
{
    struct rounds *duties = s->context;
    replay_stop();
    rounds_destroy(&duties);
    rounds_destroy(&erasures);
    rounds_destroy(&rewrites);
}

int main(int argc, char **argv)
{
    static const char *const peers[] = {"pool-svc", "notifier", NULL};
    const struct bus_route routes[] = {
        route_person_add,    route_person_edit,   route_person_get,
        route_person_reveal, route_person_remove, route_person_list,
        route_ride_create,   route_ride_end,      route_ride_cancel,
        route_ride_extend,   route_ride_reopen,   route_ride_get,
        route_ride_list,     route_ride_timeline, route_ride_party,
        route_sms_received,  route_ride_why,      route_pool_replay,
        route_job_get,       route_person_export, route_person_erase,
        {NULL, 0, NULL}};
    const struct service_spec spec = {
        .name = "ride-svc",
        .summary = "people, rides, and the routes of texts and calls",
        .peers = peers,
        .routes = routes,
        .ready = ready,
        .stop = stop,
    };
    return service_run(&spec, argc, argv);
}
