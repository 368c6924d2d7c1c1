#include "shared/bus_copy.h"

#include <assert.h>
#include <czmq.h>

#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"

enum { PING_LEFT_MS = 1000 };

static void wake(void *arg, int events)
{
    /* The client's hook, which runs before each sleep, does the work. */
    (void)arg;
    (void)events;
}

static void monitor_ready(void *arg, int events)
{
    (void)events;
    struct copy *copy = arg;
    struct received in = {0};
    bool broke = false;
    while (socket_receive(copy->monitor, &in)) {
        uint16_t event = 0;
        if (in.count > 0 && in.lengths[0] >= sizeof(event)) {
            memcpy(&event, in.bytes.ptr, sizeof(event));
            broke = broke || event == ZMQ_EVENT_DISCONNECTED;
        }
    }
    buffer_free(&in.bytes);
    if (broke)
        copy->broke(copy->arg, copy);
}

static void watch(struct loop *loop, struct copy *copy)
{
    static unsigned names;
    char address[64];
    (void)snprintf(address, sizeof(address), "inproc://monitor-%u", names++);
    int rc = zmq_socket_monitor(copy->raw, address, ZMQ_EVENT_DISCONNECTED);
    assert(rc == 0);
    /* zsys_init() hands out czmq's context, to which our sockets belong. */
    copy->monitor = zmq_socket(zsys_init(), ZMQ_PAIR);
    rc = zmq_connect(copy->monitor, address);
    assert(rc == 0);
    int fd = -1;
    size_t size = sizeof(fd);
    rc = zmq_getsockopt(copy->monitor, ZMQ_FD, &fd, &size);
    assert(rc == 0);
    (void)rc;
    copy->monitor_io = loop_io_new(loop, fd, monitor_ready, copy);
    loop_io_want(copy->monitor_io, LOOP_READ);
    /* Its descriptor tells of changes only: take what came already. */
    monitor_ready(copy, 0);
}

struct copy *copy_new(struct loop *loop, struct str instance,
                      struct str endpoint,
                      void (*broke)(void *arg, struct copy *copy), void *arg)
{
    struct copy *copy = xcalloc(1, sizeof(*copy));
    copy->instance = strndup(instance.ptr, instance.len);
    copy->endpoint = strndup(endpoint.ptr, endpoint.len);
    copy->broke = broke;
    copy->arg = arg;
    zsock_t *sock = zsock_new(ZMQ_DEALER);
    copy->sock = sock;
    zsock_set_immediate(sock, 1);
    zsock_set_linger(sock, 0);
    zsock_set_maxmsgsize(sock, MESSAGE_MAX_BYTES);
    zsock_set_heartbeat_ivl(sock, 500);
    zsock_set_heartbeat_timeout(sock, 1500);
    zsock_set_reconnect_ivl(sock, 100);
    copy->raw = zsock_resolve(sock);
    watch(loop, copy);
    copy->io = loop_io_new(loop, zsock_fd(sock), wake, copy);
    loop_io_want(copy->io, LOOP_READ);
    if (zsock_connect(sock, "%s", copy->endpoint) < 0)
        log_event(LEVEL_WARN, "bus.connect", STR_NONE, "copy=%s error=%s",
                  copy->instance, zmq_strerror(zmq_errno()));
    return copy;
}

void copy_destroy(struct copy **copy)
{
    struct copy *c = *copy;
    if (c == NULL)
        return;
    *copy = NULL;
    copy_set_aside(c, "dropped");
    loop_io_destroy(&c->io);
    loop_io_destroy(&c->monitor_io);
    (void)zmq_socket_monitor(c->raw, NULL, 0);
    (void)zmq_close(c->monitor);
    zsock_t *sock = c->sock;
    zsock_destroy(&sock);
    buffer_free(&c->batch.bytes);
    free(c->instance);
    free(c->endpoint);
    free(c);
}

void copy_ping(struct copy *copy)
{
    struct msg_ping m = {0};
    struct bus_header h = {
        .name = str_of(type_ping.name), .id = 1, .left_ms = PING_LEFT_MS};
    if (batch_has_room(&copy->batch))
        batch_add_message(&copy->batch, &h, &type_ping, &m);
    copy->pinged_ms = loop_now_ms();
}

void copy_set_aside(struct copy *copy, const char *why)
{
    if (!copy->usable)
        return;
    copy->usable = false;
    metric_add(METRIC_bus_copies, -1);
    log_event(copy->leaving ? LEVEL_INFO : LEVEL_WARN, "bus.set_aside",
              STR_NONE, "copy=%s why=%s", copy->instance, why);
}

void copy_answered_ping(struct copy *copy)
{
    if (copy->usable)
        return;
    copy->usable = true;
    metric_add(METRIC_bus_copies, 1);
    log_event(LEVEL_INFO, "bus.usable", STR_NONE, "copy=%s", copy->instance);
}
