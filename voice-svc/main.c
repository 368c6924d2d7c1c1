/* voice-svc: answers calls. */
#include "voice-svc/calls.h"
#include "voice-svc/notes.h"

int main(int argc, char **argv)
{
    static const char *const peers[] = {NULL};
    const struct bus_route routes[] = {route_call_received, {NULL, 0, NULL}};
    const struct service_spec spec = {
        .name = "voice-svc",
        .summary = "calls: a route in, a call flow out",
        .peers = peers,
        .routes = routes,
        .start = notes_start,
        .leave = notes_leave,
        .stop = notes_stop,
    };
    return service_run(&spec, argc, argv);
}
