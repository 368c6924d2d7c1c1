/* The bus: requests and answers between services over ZeroMQ.
 * The only code that calls ZeroMQ. A frame may be lost at any moment: every
 * request is safe to repeat, and what must not be lost stands in Redis.
 *
 * On the wire a message is pairs of frames, a header (msgpack array: version,
 * message name, request id, milliseconds left, trace id) and a body (msgpack
 * map). A service binds one ROUTER; a client holds one DEALER a live copy.
 * Between machines all is encrypted, and both sides know each other's keys
 * (CURVE): shared/bus_curve.h. */
#ifndef BIRDCAR_BUS_H
#define BIRDCAR_BUS_H

#include "shared/message.h"
#include "shared/task.h"

struct bus_curve;
struct loop;

enum {
    BUS_VERSION = 1,
    BUS_MOST_UNANSWERED = 256, /* requests under way at one copy */
    BUS_MOST_WAITING = 1024,   /* requests that wait for a copy, a service */
    BUS_MOST_CALLS = 8192      /* requests that a service works on */
};

/* ---- serving ---- */

struct bus_server;

/* A request being served: the first member of a handler's struct. */
struct call {
    struct task task;
    struct bus_server *server;
    const struct message_type *type;
    const void *request; /* a struct of `type` */
    void *reply;         /* a zeroed struct of type->reply, sent when the task
                            ends with DONE */
    struct str identity;
    uint64_t id; /* 0: told, not asked */
    bool answered;
};

struct bus_route {
    const struct message_type *type;
    size_t size;                /* of the handler's struct */
    void (*run)(struct task *); /* t->owner is the daemon's context */
};

/* Binds `endpoint` ("ipc:///…"). `routes` ends at a NULL type and outlives the
 * server; `owner` is handed to each task. PING and STATS are answered by the
 * server itself. NULL where it cannot bind; `*why` says why. */
struct bus_server *bus_server_new(struct loop *loop, struct tasks *tasks,
                                  const char *service, const char *instance,
                                  const char *endpoint,
                                  const struct bus_route *routes, void *owner,
                                  const char **why);
void bus_server_destroy(struct bus_server **server);

/* Binds an address beside it, "tcp://10.0.0.5:*", for those whose keys `curve`
 * allows. Returns what to announce, which lives as long as the server; NULL
 * where it cannot bind. `curve` outlives the server. */
const char *bus_server_listen(struct bus_server *server,
                              const struct bus_curve *curve,
                              const char *address, const char **why);

/* Sends the answer (or the problem in the task) at once; the task may go on
 * with work that nobody waits for. */
void call_answer(struct call *call);

/* ---- asking ---- */

struct bus_client;

struct bus_client *bus_client_new(struct loop *loop);
void bus_client_destroy(struct bus_client **client);

/* From now on copies on other machines are talked to, too. `curve` outlives the
 * client. */
void bus_client_set_curve(struct bus_client *client, struct bus_curve *curve);

/* What the registry says: a copy lives at this endpoint; one that is `leaving`
 * gets no new requests. Whoever can write there is not believed: an endpoint
 * that could be a stranger's is passed over, and logged. */
void bus_client_copy(struct bus_client *client, const char *service,
                     struct str instance, struct str endpoint, bool leaving);
/* The registry was read: copies of that service that it did not name twice in
 * a row are dropped once nothing is under way there. */
void bus_client_sweep(struct bus_client *client, const char *service);

/* Copies of that service that answer. */
unsigned bus_client_live(const struct bus_client *client, const char *service);

/* Asks the copy with the fewest unanswered requests, again at another where
 * that one is lost, until the task's deadline. `reply` is a struct of
 * type->reply in the task's memory, filled before the task resumes. RETRY
 * service_away: no answer in time; RETRY busy: too much is waiting; otherwise
 * the problem that the service answered. */
void bus_ask(struct bus_client *client, struct task *t, const char *service,
             const struct message_type *type, const void *request, void *reply);

/* The same of the copy `nth` of those that live, and of no other. */
void bus_ask_nth(struct bus_client *client, struct task *t, const char *service,
                 unsigned nth, const struct message_type *type,
                 const void *request, void *reply);

/* Tells the copy of that instance; no answer, no repeat; nothing happens where
 * it is not known. */
void bus_tell(struct bus_client *client, const char *service,
              struct str instance, const struct message_type *type,
              const void *message);

#endif
