/* What every daemon is: settings, log, vault, loop, Redis, bus, registry, and
 * an orderly life from start to SIGTERM. Owns the loop and everything on it. */
#ifndef BIRDCAR_SERVICE_H
#define BIRDCAR_SERVICE_H

#include "shared/bus.h"
#include "shared/redis.h"
#include "shared/registry.h"
#include "shared/settings.h"
#include "shared/vault.h"

struct bus_curve;
struct service;

struct service_spec {
    const char *name;
    const char *summary;            /* one line, for --help */
    const char *const *peers;       /* services that it asks; ends at NULL */
    const struct bus_route *routes; /* ends at a NULL type */
    /* Each may be NULL. */
    bool (*start)(struct service *s); /* false: logged why, the process ends */
    void (*ready)(struct service *s); /* Redis keeps its promises; serving */
    void (*leave)(struct service *s); /* SIGTERM: take nothing new */
    bool (*idle)(struct service *s);  /* while leaving: may it end? */
    void (*stop)(struct service *s);
};

struct service {
    const struct service_spec *spec;
    struct settings settings;
    struct loop *loop;
    struct tasks *tasks;
    struct redis *redis;
    struct vault *vault; /* another one when the key file changes: never to be
                            kept over an AWAIT */
    struct keys_watch *keys_watch;
    struct bus_curve *curve; /* NULL: no other machine */
    struct bus_client *client;
    struct bus_server *server; /* NULL until ready */
    struct registry *registry; /* NULL until ready */
    struct loop_timer *checker, *leaver;
    char instance[48];
    char endpoint[108];
    int64_t left_ms; /* when it was told to leave; 0: it was not */
    int status;
    void *context; /* the daemon's own */
};

/* Runs until SIGTERM or SIGINT; the process's exit status. */
int service_run(const struct service_spec *spec, int argc, char **argv);

/* The service of a task. */
static inline struct service *service_of(const struct task *t)
{
    return t->owner;
}

/* A task of the service's own, with a deadline. Start it with task_start(). */
void *service_task(struct service *s, size_t size, void (*run)(struct task *),
                   int64_t deadline_in_ms);

#endif
