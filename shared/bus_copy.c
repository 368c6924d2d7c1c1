#include "shared/bus_copy.h"

#include <czmq.h>

#include "shared/bus_monitor.h"
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

static void told(void *arg, unsigned event, uint32_t value)
{
    struct copy *copy = arg;
    if (event == ZMQ_EVENT_DISCONNECTED)
        copy->broke(copy->arg, copy);
    else
        log_sparse(LEVEL_WARN, "bus.handshake", "copy=%s fault=%#x",
                   copy->instance, value);
}

struct copy *copy_new(struct loop *loop, const struct bus_curve *curve,
                      struct str instance, struct str endpoint,
                      const struct endpoint *to,
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
    zsock_set_ipv6(sock, strchr(to->address, '[') != NULL);
    if (to->encrypted)
        bus_curve_join(curve, copy->raw, to->key);
    copy->monitor = bus_monitor_new(
        loop, copy->raw,
        ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
            ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
            (to->encrypted ? ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL : 0),
        told, copy);
    copy->io = loop_io_new(loop, zsock_fd(sock), wake, copy);
    loop_io_want(copy->io, LOOP_READ);
    if (zsock_connect(sock, "%s", to->address) < 0)
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
    bus_monitor_destroy(&c->monitor);
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
