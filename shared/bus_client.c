#include <assert.h>
#include <stdlib.h>

#include "shared/bus.h"
#include "shared/bus_copy.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"

enum {
    MOST_PEERS = 8,
    MOST_COPIES = 64, /* of one service */
    MESSAGES_A_TURN = 16,
    TICK_MS = 20,
    ATTEMPT_MS = 1000,   /* without an answer: asked again at another copy */
    PING_EVERY_MS = 200, /* of a copy that does not answer */
    MISSED_READS = 2,    /* of the registry: then it is gone */
    MOST_REQUESTS = 8192
};

struct peer {
    char *service;
    struct copy *copies[MOST_COPIES];
    unsigned ncopies;
    unsigned waiting; /* requests without a copy */
};

struct request {
    struct task *task;
    struct peer *peer;
    struct copy *copy; /* NULL: waits for one */
    const struct message_type *type;
    struct str body;
    void *reply;
    int64_t attempt_ends_ms;
    uint32_t generation;
    uint32_t next_free;
    bool pinned; /* to its copy */
};

struct bus_client {
    struct loop *loop;
    struct bus_curve *curve; /* NULL: ipc alone */
    struct loop_hook *hook;
    struct loop_timer *tick;
    bool ticking;
    struct peer peers[MOST_PEERS];
    unsigned npeers;
    struct request *requests;
    uint32_t used, first_free; /* slots ever used; a list of free ones */
    unsigned alive;
    struct received in;
};

static const uint32_t NO_SLOT = UINT32_MAX;

/* ---- requests ---- */

static uint64_t id_of(const struct bus_client *c, const struct request *r)
{
    return (uint64_t)r->generation << 32 | (uint64_t)(r - c->requests);
}

static struct request *request_of(struct bus_client *c, uint64_t id)
{
    uint32_t slot = (uint32_t)(id & UINT32_MAX);
    if (slot >= c->used || c->requests[slot].task == NULL ||
        c->requests[slot].generation != (uint32_t)(id >> 32))
        return NULL;
    return &c->requests[slot];
}

static struct request *new_request(struct bus_client *c)
{
    struct request *r = NULL;
    if (c->first_free != NO_SLOT) {
        r = &c->requests[c->first_free];
        c->first_free = r->next_free;
    } else if (c->used < MOST_REQUESTS) {
        r = &c->requests[c->used++];
    } else {
        return NULL;
    }
    uint32_t generation = (r->generation + 1) & INT32_MAX;
    *r = (struct request){.generation = generation > 0 ? generation : 1};
    c->alive++;
    return r;
}

static void unassign(struct request *r)
{
    if (r->copy != NULL)
        r->copy->unanswered--;
    else
        r->peer->waiting--;
    r->copy = NULL;
}

static struct task *end_request(struct bus_client *c, struct request *r)
{
    struct task *t = r->task;
    unassign(r);
    r->task = NULL;
    r->next_free = c->first_free;
    c->first_free = (uint32_t)(r - c->requests);
    c->alive--;
    return t;
}

static void fail_request(struct bus_client *c, struct request *r,
                         enum problem_code code)
{
    task_fail(end_request(c, r), (struct problem){code, STR_NONE, 0});
}

/* ---- copies ---- */

static bool has_room(const struct copy *copy)
{
    return copy->usable && !copy->leaving &&
           copy->unanswered < BUS_MOST_UNANSWERED &&
           batch_has_room(&copy->batch);
}

/* The one with the fewest unanswered requests; of several the first behind
 * `not`, so that a repeat goes elsewhere. */
static struct copy *choose(struct peer *p, const struct copy * not )
{
    struct copy *best = NULL;
    for (unsigned i = 0; i < p->ncopies; i++) {
        struct copy *copy = p->copies[i];
        if (copy != not &&has_room(copy) &&
            (best == NULL || copy->unanswered < best->unanswered))
            best = copy;
    }
    return best;
}

static void give(struct bus_client *c, struct request *r, struct copy *copy)
{
    unassign(r);
    r->copy = copy;
    copy->unanswered++;
    r->attempt_ends_ms = loop_now_ms() + ATTEMPT_MS;
    struct bus_header h = {.name = str_of(r->type->name),
                           .id = id_of(c, r),
                           .left_ms = task_left_ms(r->task),
                           .trace = r->task->trace};
    batch_add(&copy->batch, &h, r->body);
}

static void set_waiting(struct request *r)
{
    unassign(r);
    r->peer->waiting++;
}

/* Asks elsewhere, or lets the request wait for a copy. Its answer may still
 * come from the first one, and is then as good as any. */
static void repeat(struct bus_client *c, struct request *r)
{
    struct copy *other = r->pinned ? NULL : choose(r->peer, r->copy);
    metric_add(METRIC_bus_repeats_total, 1);
    if (r->pinned)
        fail_request(c, r, PROBLEM_service_away);
    else if (other != NULL)
        give(c, r, other);
    else
        set_waiting(r);
}

/* The connection broke: what was under way there is lost. */
static void lost(struct bus_client *c, struct copy *copy)
{
    copy_set_aside(copy, "disconnected");
    batch_reset(&copy->batch);
    for (uint32_t i = 0; copy->unanswered > 0 && i < c->used; i++)
        if (c->requests[i].task != NULL && c->requests[i].copy == copy)
            repeat(c, &c->requests[i]);
}

/* ---- answers ---- */

static void take_answer(struct bus_client *c, struct copy *copy,
                        struct str header, struct str body)
{
    struct bus_header h;
    if (!bus_header_read(header, &h)) {
        log_sparse(LEVEL_WARN, "bus.header", "fault=malformed bytes=%zu",
                   header.len);
        return;
    }
    if (str_is(h.name, type_pong.name)) {
        copy_answered_ping(copy);
        return;
    }
    struct request *r = request_of(c, h.id);
    if (r == NULL)
        return; /* late: it was answered elsewhere, or its time was up */
    struct arena *arena = r->task->arena;
    const char *fault = NULL;
    bool missing = false;
    struct problem problem = {PROBLEM_internal, STR_NONE, 0};
    body = arena_copy(arena, body);
    if (str_is(h.name, r->type->reply->name) &&
        message_decode(r->type->reply, body, arena, r->reply, &fault,
                       &missing)) {
        task_done(end_request(c, r));
        return;
    }
    struct msg_problem m;
    if (str_is(h.name, type_problem.name) &&
        message_decode(&type_problem, body, arena, &m, &fault, &missing))
        problem =
            (struct problem){problem_from_name(m.code), m.field, m.detail};
    else
        log_sparse(LEVEL_ERROR, "bus.answer", "fault=undecodable request=%s",
                   r->type->name);
    task_fail(end_request(c, r), problem);
}

static bool receive(struct bus_client *c, struct copy *copy)
{
    const struct received *in = &c->in;
    unsigned taken = 0;
    while (taken < MESSAGES_A_TURN && socket_receive(copy->raw, &c->in)) {
        const char *at = in->bytes.ptr;
        for (size_t i = 0; i + 1 < in->count; i += 2) {
            struct str header = {at, in->lengths[i]};
            struct str body = {at + in->lengths[i], in->lengths[i + 1]};
            at = body.ptr + body.len;
            take_answer(c, copy, header, body);
        }
        taken++;
    }
    return taken > 0;
}

/* ---- the turn ---- */

static void flush(struct bus_client *c, struct copy *copy)
{
    if (copy->batch.count == 0)
        return;
    if (batch_send(&copy->batch, copy->raw, STR_NONE) == BUS_SENT)
        batch_reset(&copy->batch);
    else
        lost(c, copy); /* not connected, or full for a long time */
}

static void keep_ticking(struct bus_client *c)
{
    if (c->ticking)
        return;
    c->ticking = true;
    loop_timer_set(c->tick, TICK_MS);
}

static bool turn(void *arg)
{
    struct bus_client *c = arg;
    bool busy = false;
    for (unsigned i = 0; i < c->npeers; i++) {
        struct peer *p = &c->peers[i];
        for (unsigned j = 0; j < p->ncopies; j++) {
            flush(c, p->copies[j]);
            busy = receive(c, p->copies[j]) || busy;
        }
        /* A repeat may have gone to a copy that was flushed already. */
        for (unsigned j = 0; j < p->ncopies; j++)
            busy = busy || p->copies[j]->batch.count > 0;
    }
    return busy;
}

static void check_request(struct bus_client *c, struct request *r, int64_t now)
{
    struct copy *copy = r->copy;
    if (now >= r->task->deadline_ms) {
        if (copy != NULL) {
            copy_set_aside(copy, "silent");
            copy_ping(copy);
        }
        fail_request(c, r, PROBLEM_service_away);
    } else if (copy == NULL) {
        copy = choose(r->peer, NULL);
        if (copy != NULL)
            give(c, r, copy);
    } else if (now >= r->attempt_ends_ms && !r->pinned) {
        copy_set_aside(copy, "slow");
        copy_ping(copy);
        r->attempt_ends_ms = now + ATTEMPT_MS;
        if (choose(r->peer, copy) != NULL)
            repeat(c, r);
    }
}

static void tick(void *arg)
{
    struct bus_client *c = arg;
    int64_t now = loop_now_ms();
    bool again = c->alive > 0;
    c->ticking = false;
    for (uint32_t i = 0; c->alive > 0 && i < c->used; i++)
        if (c->requests[i].task != NULL)
            check_request(c, &c->requests[i], now);
    for (unsigned i = 0; i < c->npeers; i++) {
        for (unsigned j = 0; j < c->peers[i].ncopies; j++) {
            struct copy *copy = c->peers[i].copies[j];
            again = again || !copy->usable;
            if (!copy->usable && now - copy->pinged_ms >= PING_EVERY_MS)
                copy_ping(copy);
        }
    }
    if (again)
        keep_ticking(c);
}

/* ---- what the registry says ---- */

static struct peer *peer_of(struct bus_client *c, const char *service)
{
    for (unsigned i = 0; i < c->npeers; i++)
        if (strcmp(c->peers[i].service, service) == 0)
            return &c->peers[i];
    assert(c->npeers < MOST_PEERS);
    struct peer *p = &c->peers[c->npeers++];
    p->service = xstrdup(service);
    return p;
}

static void copy_broke(void *arg, struct copy *copy)
{
    struct bus_client *c = arg;
    lost(c, copy);
    keep_ticking(c);
}

static void drop_copy(struct bus_client *c, struct peer *p, unsigned at)
{
    lost(c, p->copies[at]);
    copy_destroy(&p->copies[at]);
    p->copies[at] = p->copies[--p->ncopies];
}

static bool endpoint_trusted(struct bus_client *c, struct str instance,
                             struct str endpoint, struct endpoint *to)
{
    const char *why = NULL;
    if (endpoint_read(c->curve, endpoint, to, &why))
        return true;
    if (why != NULL)
        log_sparse(LEVEL_WARN, "bus.untrusted",
                   "copy=%.*s endpoint=%.*s why=\"%s\"", STR_ARG(instance),
                   STR_ARG(endpoint), why);
    return false;
}

void bus_client_copy(struct bus_client *client, const char *service,
                     struct str instance, struct str endpoint, bool leaving)
{
    struct peer *p = peer_of(client, service);
    struct endpoint to;
    for (unsigned i = 0; i < p->ncopies; i++) {
        struct copy *copy = p->copies[i];
        if (!str_is(instance, copy->instance))
            continue;
        if (str_is(endpoint, copy->endpoint)) {
            copy->missed = 0;
            copy->leaving = leaving;
            return;
        }
        /* Started anew, elsewhere; or somebody else under its name, on whose
         * word it is not dropped. */
        if (!endpoint_trusted(client, instance, endpoint, &to)) {
            copy->missed = 0;
            return;
        }
        drop_copy(client, p, i);
        break;
    }
    if (leaving || p->ncopies == MOST_COPIES ||
        !endpoint_trusted(client, instance, endpoint, &to))
        return;
    struct copy *copy = copy_new(client->loop, client->curve, instance,
                                 endpoint, &to, copy_broke, client);
    p->copies[p->ncopies++] = copy;
    copy_ping(copy);
    keep_ticking(client);
}

void bus_client_sweep(struct bus_client *client, const char *service)
{
    struct peer *p = peer_of(client, service);
    for (unsigned i = p->ncopies; i-- > 0;) {
        struct copy *copy = p->copies[i];
        if (copy->missed++ >= MISSED_READS && copy->unanswered == 0)
            drop_copy(client, p, i);
    }
}

unsigned bus_client_live(const struct bus_client *client, const char *service)
{
    unsigned live = 0;
    for (unsigned i = 0; i < client->npeers; i++)
        if (strcmp(client->peers[i].service, service) == 0)
            for (unsigned j = 0; j < client->peers[i].ncopies; j++)
                live += client->peers[i].copies[j]->usable ? 1 : 0;
    return live;
}

/* ---- asking ---- */

struct bus_client *bus_client_new(struct loop *loop)
{
    struct bus_client *c = xcalloc(1, sizeof(*c));
    c->loop = loop;
    c->first_free = NO_SLOT;
    c->requests = xcalloc(MOST_REQUESTS, sizeof(*c->requests));
    c->tick = loop_timer_new(loop, tick, c);
    c->hook = loop_hook_new(loop, turn, c);
    return c;
}

void bus_client_set_curve(struct bus_client *client, struct bus_curve *curve)
{
    client->curve = curve;
}

void bus_client_destroy(struct bus_client **client)
{
    struct bus_client *c = *client;
    if (c == NULL)
        return;
    *client = NULL;
    for (unsigned i = 0; i < c->npeers; i++) {
        for (unsigned j = 0; j < c->peers[i].ncopies; j++)
            copy_destroy(&c->peers[i].copies[j]);
        free(c->peers[i].service);
    }
    loop_hook_destroy(&c->hook);
    loop_timer_destroy(&c->tick);
    buffer_free(&c->in.bytes);
    free(c->requests);
    free(c);
}

/* NULL where the task was refused: too much waits already. */
static struct request *begin(struct bus_client *c, struct task *t,
                             const char *service,
                             const struct message_type *type,
                             const void *request, void *reply)
{
    struct peer *p = peer_of(c, service);
    struct request *r = p->waiting < BUS_MOST_WAITING ? new_request(c) : NULL;
    if (r == NULL) {
        task_refuse(t, PROBLEM_busy);
        return NULL;
    }
    task_hold(t);
    r->task = t;
    r->peer = p;
    r->type = type;
    r->reply = reply;
    r->body = message_pack(t->arena, type, request);
    p->waiting++;
    keep_ticking(c);
    return r;
}

void bus_ask(struct bus_client *client, struct task *t, const char *service,
             const struct message_type *type, const void *request, void *reply)
{
    struct request *r = begin(client, t, service, type, request, reply);
    struct copy *copy = r != NULL ? choose(r->peer, NULL) : NULL;
    if (copy != NULL)
        give(client, r, copy);
}

void bus_ask_nth(struct bus_client *client, struct task *t, const char *service,
                 unsigned nth, const struct message_type *type,
                 const void *request, void *reply)
{
    struct peer *p = peer_of(client, service);
    for (unsigned i = 0; i < p->ncopies; i++) {
        struct copy *copy = p->copies[i];
        if (!copy->usable || nth-- > 0)
            continue;
        struct request *r =
            has_room(copy) ? begin(client, t, service, type, request, reply)
                           : NULL;
        if (r == NULL)
            break;
        r->pinned = true;
        give(client, r, copy);
        return;
    }
    task_refuse(t, PROBLEM_service_away);
}

void bus_tell(struct bus_client *client, const char *service,
              struct str instance, const struct message_type *type,
              const void *message)
{
    struct peer *p = peer_of(client, service);
    struct bus_header h = {.name = str_of(type->name), .left_ms = ATTEMPT_MS};
    for (unsigned i = 0; i < p->ncopies; i++) {
        struct copy *copy = p->copies[i];
        if (!str_is(instance, copy->instance))
            continue;
        if (!batch_has_room(&copy->batch))
            flush(client, copy);
        if (copy->usable)
            batch_add_message(&copy->batch, &h, type, message);
    }
}
