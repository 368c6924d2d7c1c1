#include "shared/bus_monitor.h"

#include <assert.h>
#include <czmq.h>

#include "shared/bus_frame.h"
#include "shared/loop.h"

struct bus_monitor {
    void *raw; /* the watched socket */
    void *pair;
    struct loop_io *io;
    void (*told)(void *arg, unsigned event, uint32_t value);
    void *arg;
};

static void ready(void *arg, int events)
{
    (void)events;
    struct bus_monitor *m = arg;
    struct received in = {0};
    while (socket_receive(m->pair, &in)) {
        uint16_t event = 0;
        uint32_t value = 0;
        if (in.count == 0 || in.lengths[0] < sizeof(event) + sizeof(value))
            continue;
        memcpy(&event, in.bytes.ptr, sizeof(event));
        memcpy(&value, in.bytes.ptr + sizeof(event), sizeof(value));
        m->told(m->arg, event, value);
    }
    buffer_free(&in.bytes);
}

struct bus_monitor *bus_monitor_new(struct loop *loop, void *raw, int events,
                                    void (*told)(void *arg, unsigned event,
                                                 uint32_t value),
                                    void *arg)
{
    static unsigned names;
    char address[64];
    struct bus_monitor *m = xcalloc(1, sizeof(*m));
    m->raw = raw;
    m->told = told;
    m->arg = arg;
    (void)snprintf(address, sizeof(address), "inproc://monitor-%u", names++);
    int rc = zmq_socket_monitor(raw, address, events);
    assert(rc == 0);
    /* zsys_init() hands out czmq's context, to which our sockets belong. */
    m->pair = zmq_socket(zsys_init(), ZMQ_PAIR);
    rc = zmq_connect(m->pair, address);
    assert(rc == 0);
    int fd = -1;
    size_t size = sizeof(fd);
    rc = zmq_getsockopt(m->pair, ZMQ_FD, &fd, &size);
    assert(rc == 0);
    (void)rc;
    m->io = loop_io_new(loop, fd, ready, m);
    loop_io_want(m->io, LOOP_READ);
    /* Its descriptor tells of changes only: take what came already. */
    ready(m, 0);
    return m;
}

void bus_monitor_destroy(struct bus_monitor **monitor)
{
    struct bus_monitor *m = *monitor;
    if (m == NULL)
        return;
    *monitor = NULL;
    loop_io_destroy(&m->io);
    (void)zmq_socket_monitor(m->raw, NULL, 0);
    (void)zmq_close(m->pair);
    free(m);
}
