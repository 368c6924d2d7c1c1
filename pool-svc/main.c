/* pool-svc: owns the proxy numbers, and which number may serve which pair. */
#include "pool-svc/alerts.h"
#include "pool-svc/assign.h"
#include "pool-svc/holds.h"
#include "pool-svc/numbers.h"
#include "pool-svc/pools.h"
#include "pool-svc/why.h"

static void ready(struct service *s)
{
    s->context = pool_watch_new(s);
}

static void stop(struct service *s)
{
    struct rounds *watch = s->context;
    rounds_destroy(&watch);
}

int main(int argc, char **argv)
{
    static const char *const peers[] = {NULL};
    const struct bus_route routes[] = {
        route_pool_add,         route_pool_list,     route_pool_choose,
        route_pool_stats,       route_pool_edit,     route_pool_remove,
        route_number_add,       route_number_list,   route_number_get,
        route_number_edit,      route_number_remove, route_number_import,
        route_number_set_aside, route_number_assign, route_number_why,
        route_hold_set,         route_claim_drop,    route_person_holds,
        {NULL, 0, NULL}};
    const struct service_spec spec = {
        .name = "pool-svc",
        .summary = "the proxy numbers, and which may serve which pair",
        .peers = peers,
        .routes = routes,
        .ready = ready,
        .stop = stop,
    };
    return service_run(&spec, argc, argv);
}
