#include <assert.h>
#include <czmq.h>

#include "shared/bus.h"
#include "shared/bus_curve.h"
#include "shared/bus_frame.h"
#include "shared/bus_monitor.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"

enum {
    MESSAGES_A_TURN = 16,
    MOST_BATCHES = 64, /* askers answered in one turn; more flush early */
    MOST_LEFT_MS = 60000,
    /* Longer than any daemon sleeps of itself: its heartbeat wakes it. */
    PAUSE_MS = 1500,
    /* What came during a pause has been read by then. */
    CATCH_UP_MS = 1000
};

struct answers {
    char identity[256];
    size_t len;
    struct batch batch;
};

struct bus_server {
    struct tasks *tasks;
    const char *service, *instance;
    const struct bus_route *routes;
    void *owner;
    zsock_t *sock;
    void *raw;
    struct loop *loop;
    struct loop_io *io;
    struct loop_hook *hook;
    struct bus_monitor *monitor; /* where others than ipc may come */
    char announced[256];
    struct answers *answers[MOST_BATCHES];
    unsigned nanswers; /* with something to send */
    struct received in;
    int64_t awake_ms; /* the last time that we looked */
    int64_t pause_ms; /* a request may have waited for us so long */
    int64_t caught_up_ms;
};

/* ---- answers ---- */

static void flush_answers(struct bus_server *s)
{
    for (unsigned i = 0; i < s->nanswers; i++) {
        struct answers *a = s->answers[i];
        struct str to = {a->identity, a->len};
        if (batch_send(&a->batch, s->raw, to) != BUS_SENT)
            metric_add(METRIC_bus_unroutable_total,
                       (int64_t)a->batch.count / 2);
        batch_reset(&a->batch);
    }
    s->nanswers = 0;
}

static struct batch *batch_for(struct bus_server *s, struct str identity)
{
    for (unsigned i = 0; i < s->nanswers; i++) {
        struct answers *a = s->answers[i];
        if (str_eq((struct str){a->identity, a->len}, identity)) {
            if (batch_has_room(&a->batch))
                return &a->batch;
            flush_answers(s);
            break;
        }
    }
    if (s->nanswers == MOST_BATCHES)
        flush_answers(s);
    struct answers **slot = &s->answers[s->nanswers++];
    if (*slot == NULL)
        *slot = xcalloc(1, sizeof(**slot));
    memcpy((*slot)->identity, identity.ptr, identity.len);
    (*slot)->len = identity.len;
    return &(*slot)->batch;
}

static void answer_problem(struct bus_server *s, struct str identity,
                           uint64_t id, struct problem problem)
{
    struct msg_problem m = {.code = str_of(problem_name(problem.code)),
                            .field = problem.field,
                            .detail = problem.detail};
    struct bus_header h = {.name = str_of(type_problem.name), .id = id};
    batch_add_message(batch_for(s, identity), &h, &type_problem, &m);
}

void call_answer(struct call *call)
{
    if (call->answered || call->id == 0)
        return;
    call->answered = true;
    if (call->task.outcome != DONE) {
        answer_problem(call->server, call->identity, call->id,
                       call->task.problem);
        return;
    }
    const struct message_type *type = call->type->reply;
    struct bus_header h = {.name = str_of(type->name), .id = call->id};
    batch_add_message(batch_for(call->server, call->identity), &h, type,
                      call->reply);
}

static void call_finished(struct task *t)
{
    struct call *call = (struct call *)t;
    bool refused = !call->answered && t->outcome != DONE && call->id != 0;
    /* An outage makes one of these for each request. */
    if (refused && t->outcome == RETRY)
        log_sparse(LEVEL_WARN, "bus.retry", "request=%s code=%s trace=%.*s",
                   call->type->name, problem_name(t->problem.code),
                   STR_ARG(t->trace));
    else if (refused)
        log_event(LEVEL_DEBUG, "bus.problem", t->trace,
                  "request=%s code=%s field=%.*s", call->type->name,
                  problem_name(t->problem.code), STR_ARG(t->problem.field));
    call_answer(call);
}

/* ---- requests ---- */

/* A process that was frozen finds what was asked meanwhile, as if it had come
 * just now; whoever asked has been answered by another copy, or has given up.
 */
static void look_at_clock(struct bus_server *s)
{
    int64_t now = loop_now_ms();
    int64_t gap = now - s->awake_ms;
    if (gap > PAUSE_MS) {
        log_event(LEVEL_WARN, "bus.paused", STR_NONE, "ms=%lld",
                  (long long)gap);
        s->pause_ms = gap;
        s->caught_up_ms = now + CATCH_UP_MS;
    } else if (now >= s->caught_up_ms) {
        s->pause_ms = 0;
    }
    s->awake_ms = now;
}

static void answer_ping(struct bus_server *s, struct str identity, uint64_t id)
{
    struct msg_pong m = {.service = str_of(s->service),
                         .instance = str_of(s->instance),
                         .unanswered = tasks_alive(s->tasks)};
    struct bus_header h = {.name = str_of(type_pong.name), .id = id};
    batch_add_message(batch_for(s, identity), &h, &type_pong, &m);
}

static void answer_stats(struct bus_server *s, struct str identity, uint64_t id)
{
    struct buffer text = {0};
    metrics_samples(&text, s->service, s->instance);
    struct msg_stats_text m = {.text = buffer_view(&text)};
    struct bus_header h = {.name = str_of(type_stats_text.name), .id = id};
    batch_add_message(batch_for(s, identity), &h, &type_stats_text, &m);
    buffer_free(&text);
}

static const struct bus_route *route_of(const struct bus_server *s,
                                        struct str name)
{
    for (const struct bus_route *r = s->routes; r->type != NULL; r++)
        if (str_is(name, r->type->name))
            return r;
    return NULL;
}

static void begin_call(struct bus_server *s, const struct bus_route *route,
                       struct str identity, const struct bus_header *h,
                       struct str body)
{
    struct call *c = task_new(s->tasks, route->size, route->run, NULL);
    struct arena *arena = c->task.arena;
    c->task.owner = s->owner;
    c->task.finish = call_finished;
    c->task.deadline_ms = loop_now_ms() + h->left_ms;
    c->task.trace = arena_copy(arena, h->trace);
    c->server = s;
    c->type = route->type;
    c->identity = arena_copy(arena, identity);
    c->id = h->id;
    if (route->type->reply != NULL)
        c->reply = arena_alloc(arena, route->type->reply->size);
    void *request = arena_alloc(arena, route->type->size);
    c->request = request;
    const char *fault = NULL;
    bool missing = false;
    if (!message_decode(route->type, arena_copy(arena, body), arena, request,
                        &fault, &missing)) {
        task_reject(&c->task, missing ? PROBLEM_missing : PROBLEM_wrong_kind,
                    str_of(fault));
        task_end(&c->task);
        return;
    }
    task_start(&c->task);
}

static void take_pair(struct bus_server *s, struct str identity,
                      struct str header, struct str body)
{
    struct bus_header h;
    if (!bus_header_read(header, &h)) {
        log_sparse(LEVEL_WARN, "bus.header", "fault=malformed bytes=%zu",
                   header.len);
        return;
    }
    metric_add(METRIC_bus_requests_total, 1);
    h.left_ms -= s->pause_ms;
    if (h.left_ms <= 0) {
        metric_add(METRIC_bus_late_total, 1);
        return;
    }
    if (h.left_ms > MOST_LEFT_MS)
        h.left_ms = MOST_LEFT_MS;
    if (str_is(h.name, type_ping.name)) {
        answer_ping(s, identity, h.id);
        return;
    }
    if (str_is(h.name, type_stats.name)) {
        answer_stats(s, identity, h.id);
        return;
    }
    const struct bus_route *route = route_of(s, h.name);
    struct problem problem = {PROBLEM_not_found, STR("name"), 0};
    if (route != NULL && tasks_alive(s->tasks) < BUS_MOST_CALLS) {
        begin_call(s, route, identity, &h, body);
        return;
    }
    if (route != NULL) {
        problem = (struct problem){PROBLEM_busy, STR_NONE, 0};
        metric_add(METRIC_bus_refused_total, 1);
    }
    if (h.id != 0)
        answer_problem(s, identity, h.id, problem);
}

static void take_message(struct bus_server *s)
{
    const struct received *in = &s->in;
    if (in->count < 3 || in->count % 2 == 0 || in->lengths[0] > 255) {
        log_sparse(LEVEL_WARN, "bus.message", "fault=frames count=%zu",
                   in->count);
        return;
    }
    struct str identity = {in->bytes.ptr, in->lengths[0]};
    const char *at = in->bytes.ptr + in->lengths[0];
    for (size_t i = 1; i + 1 < in->count; i += 2) {
        struct str header = {at, in->lengths[i]};
        struct str body = {at + in->lengths[i], in->lengths[i + 1]};
        at = body.ptr + body.len;
        take_pair(s, identity, header, body);
    }
}

static bool serve(void *arg)
{
    struct bus_server *s = arg;
    look_at_clock(s);
    flush_answers(s);
    unsigned taken = 0;
    while (taken < MESSAGES_A_TURN && socket_receive(s->raw, &s->in)) {
        look_at_clock(s); /* it may have been frozen right here */
        take_message(s);
        taken++;
    }
    return taken > 0 || s->nanswers > 0;
}

static void wake(void *arg, int events)
{
    /* The hook, which runs before each sleep, does the work. */
    (void)arg;
    (void)events;
}

struct bus_server *bus_server_new(struct loop *loop, struct tasks *tasks,
                                  const char *service, const char *instance,
                                  const char *endpoint,
                                  const struct bus_route *routes, void *owner,
                                  const char **why)
{
    struct bus_server *s = xcalloc(1, sizeof(*s));
    s->loop = loop;
    s->tasks = tasks;
    s->service = service;
    s->instance = instance;
    s->routes = routes;
    s->owner = owner;
    s->awake_ms = loop_now_ms();
    s->sock = zsock_new(ZMQ_ROUTER);
    zsock_set_router_mandatory(s->sock, 1);
    zsock_set_linger(s->sock, 0);
    zsock_set_maxmsgsize(s->sock, MESSAGE_MAX_BYTES);
    zsock_set_heartbeat_ivl(s->sock, 500);
    zsock_set_heartbeat_timeout(s->sock, 1500);
    s->raw = zsock_resolve(s->sock);
    if (zsock_bind(s->sock, "%s", endpoint) < 0) {
        *why = zmq_strerror(zmq_errno());
        bus_server_destroy(&s);
        return NULL;
    }
    s->io = loop_io_new(loop, zsock_fd(s->sock), wake, s);
    loop_io_want(s->io, LOOP_READ);
    s->hook = loop_hook_new(loop, serve, s);
    return s;
}

/* Whoever shows a key that is not on the list is told of by bus_curve. */
static void failed_handshake(void *arg, unsigned event, uint32_t value)
{
    (void)arg;
    (void)event;
    log_sparse(LEVEL_WARN, "bus.handshake",
               "fault=%#x (somebody without CURVE, or with another server key)",
               value);
}

const char *bus_server_listen(struct bus_server *s,
                              const struct bus_curve *curve,
                              const char *address, const char **why)
{
    char key[CURVE_KEY_HEX + 1], bound[160] = "";
    size_t size = sizeof(bound);
    /* What is bound already stays as it is. */
    bus_curve_serve(curve, s->raw);
    zsock_set_ipv6(s->sock, strchr(address, '[') != NULL);
    s->monitor = bus_monitor_new(s->loop, s->raw,
                                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                                 failed_handshake, s);
    if (zmq_bind(s->raw, address) != 0 ||
        zmq_getsockopt(s->raw, ZMQ_LAST_ENDPOINT, bound, &size) != 0) {
        *why = zmq_strerror(zmq_errno());
        return NULL;
    }
    bus_curve_public(curve, key);
    (void)snprintf(s->announced, sizeof(s->announced), "%s#%s", bound, key);
    return s->announced;
}

void bus_server_destroy(struct bus_server **server)
{
    struct bus_server *s = *server;
    if (s == NULL)
        return;
    *server = NULL;
    flush_answers(s);
    loop_hook_destroy(&s->hook);
    loop_io_destroy(&s->io);
    bus_monitor_destroy(&s->monitor);
    zsock_destroy(&s->sock);
    for (unsigned i = 0; i < MOST_BATCHES; i++) {
        if (s->answers[i] != NULL)
            buffer_free(&s->answers[i]->batch.bytes);
        free(s->answers[i]);
    }
    buffer_free(&s->in.bytes);
    free(s);
}
