/* One connection to one copy of a service: a DEALER and its monitor.
 * Inside the bus only; which requests go there is bus_client's. */
#ifndef BIRDCAR_BUS_COPY_H
#define BIRDCAR_BUS_COPY_H

#include "shared/bus_frame.h"

struct loop;
struct loop_io;

/* Only a copy that answered a PING since it connected, and was not silent
 * since, is `usable`. */
struct copy {
    char *instance, *endpoint;
    void *sock; /* czmq's, owns `raw` */
    void *raw;
    void *monitor; /* tells when the connection breaks */
    struct loop_io *io, *monitor_io;
    void (*broke)(void *arg, struct copy *copy);
    void *arg;
    struct batch batch;
    unsigned unanswered;
    int64_t pinged_ms;
    unsigned missed; /* reads of the registry that did not name it */
    bool usable, leaving;
};

/* Begins to connect. `broke` is called from the loop each time an established
 * connection ends. */
struct copy *copy_new(struct loop *loop, struct str instance,
                      struct str endpoint,
                      void (*broke)(void *arg, struct copy *copy), void *arg);
void copy_destroy(struct copy **copy);

/* Puts a PING into the batch. */
void copy_ping(struct copy *copy);

void copy_set_aside(struct copy *copy, const char *why);
void copy_answered_ping(struct copy *copy);

#endif
