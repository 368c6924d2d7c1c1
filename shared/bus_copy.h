/* One connection to one copy of a service: a DEALER and its monitor.
 * Inside the bus only; which requests go there is bus_client's. */
#ifndef BIRDCAR_BUS_COPY_H
#define BIRDCAR_BUS_COPY_H

#include "shared/bus_endpoint.h"
#include "shared/bus_frame.h"

struct bus_monitor;
struct loop;
struct loop_io;

/* Only a copy that answered a PING since it connected, and was not silent
 * since, is `usable`. */
struct copy {
    char *instance, *endpoint; /* as the registry has it */
    void *sock;                /* czmq's, owns `raw` */
    void *raw;
    struct bus_monitor *monitor; /* tells when the connection breaks */
    struct loop_io *io;
    void (*broke)(void *arg, struct copy *copy);
    void *arg;
    struct batch batch;
    unsigned unanswered;
    int64_t pinged_ms;
    unsigned missed; /* reads of the registry that did not name it */
    bool usable, leaving;
};

/* Begins to connect to `to`, which was read from `endpoint`; `curve` may be
 * NULL where that is not encrypted. `broke` is called from the loop each time
 * an established connection ends. */
struct copy *copy_new(struct loop *loop, const struct bus_curve *curve,
                      struct str instance, struct str endpoint,
                      const struct endpoint *to,
                      void (*broke)(void *arg, struct copy *copy), void *arg);
void copy_destroy(struct copy **copy);

/* Puts a PING into the batch. */
void copy_ping(struct copy *copy);

void copy_set_aside(struct copy *copy, const char *why);
void copy_answered_ping(struct copy *copy);

#endif
