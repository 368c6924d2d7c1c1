#include "gateway/http.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "gateway/http_intake.h"
#include "gateway/http_peers.h"
#include "gateway/http_response.h"
#include "shared/loop.h"
#include "shared/metrics.h"

enum {
    /* Target, headers and the library's own notes on them; below its 32 KB,
     * which a thousand connections would feel. */
    CONNECTION_BYTES = 16 * 1024,
    OTHER_FILES = 128,
    /* A client may bring 0.9.75 to say "at once" for ever, with a chunk's line
     * that overflows its memory. So where nothing comes of that, we pause. */
    MOST_VAIN_ROUNDS = 64,
    PAUSE_MS = 5
};

enum slot_state {
    SLOT_FREE,
    SLOT_HEAD,    /* the target is known, the headers are not */
    SLOT_BODY,    /* its body is coming in */
    SLOT_HANDED,  /* inside `handle` */
    SLOT_WAITING, /* suspended until http_answer() */
    SLOT_ANSWERED
};

/* One request, from its first line to its answer's last byte. A connection is
 * only reached through a live slot: the library frees it unasked. */
struct slot {
    struct http *http;
    struct slot *next_free;
    struct MHD_Connection *connection;
    struct peer *peer;
    struct intake intake;
    uint32_t index, generation;
    enum slot_state state;
    bool counted; /* in `unanswered` */
};

struct http {
    struct MHD_Daemon *daemon;
    struct http_rules rules;
    struct peers *peers;
    struct loop_io *io;
    struct loop_timer *idle; /* the library's time-outs */
    struct loop_timer *wake; /* for what is due after our hook ran */
    struct loop_hook *hook;
    void (*handle)(void *arg, struct http_request *request);
    void (*refuse)(void *arg, int status, struct http_answer *answer);
    void *arg;
    struct slot **slots;
    struct slot *free_slots;
    uint32_t nslots;
    unsigned unanswered;
    unsigned events, vain_rounds; /* calls by the library; rounds without any */
    bool due;      /* the library has work that no descriptor tells of */
    bool idle_set; /* all its time-outs are equal: the first stays first */
    bool handed;   /* a request went out since this was cleared */
    bool quiesced, ending;
};

static struct slot *slot_take(struct http *http)
{
    struct slot *slot = http->free_slots;
    if (slot != NULL) {
        http->free_slots = slot->next_free;
        return slot;
    }
    slot = xcalloc(1, sizeof(*slot));
    slot->http = http;
    slot->index = http->nslots++;
    slot->generation = 1;
    http->slots = xrealloc(http->slots, http->nslots * sizeof(struct slot *));
    http->slots[slot->index] = slot;
    return slot;
}

static void slot_give_back(struct slot *slot)
{
    struct http *http = slot->http;
    arena_destroy(&slot->intake.arena);
    if (slot->counted)
        http->unanswered--;
    *slot = (struct slot){.http = http,
                          .next_free = http->free_slots,
                          .index = slot->index,
                          .generation = slot->generation + 1};
    http->free_slots = slot;
}

static struct slot *slot_of(const struct http *http, uint64_t ticket)
{
    uint64_t index = ticket >> 32;
    if (index >= http->nslots)
        return NULL;
    struct slot *slot = http->slots[index];
    return slot->generation == (uint32_t)ticket ? slot : NULL;
}

static enum MHD_Result queue(struct slot *slot,
                             const struct http_answer *answer, bool close)
{
    struct MHD_Response *response = http_response_new(
        answer, slot->http->rules.https, close || slot->http->quiesced);
    enum MHD_Result queued = MHD_queue_response(
        slot->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    slot->state = SLOT_ANSWERED;
    http_peer_answered(slot->peer);
    return queued;
}

static enum MHD_Result refuse(struct slot *slot, bool close)
{
    struct http *http = slot->http;
    struct http_answer answer = {0};
    http->refuse(http->arg, slot->intake.refused, &answer);
    answer.status = slot->intake.refused;
    if (slot->intake.refused == 405)
        for (size_t i = 0; i < 6; i++)
            if (answer.headers[i].name.len == 0) {
                answer.headers[i] = (struct http_header){
                    STR("Allow"), STR("GET, HEAD, POST, PUT, PATCH, DELETE")};
                break;
            }
    metric_add(METRIC_http_refused_total, 1);
    return queue(slot, &answer, close);
}

/* The library decodes the target in place; only here it is seen as sent. */
static void *on_target(void *arg, const char *uri,
                       struct MHD_Connection *connection)
{
    struct http *http = arg;
    struct slot *slot = slot_take(http);
    http->events++;
    assert(slot->state == SLOT_FREE);
    slot->state = SLOT_HEAD;
    slot->connection = connection;
    slot->peer = http_peer_of(connection);
    intake_begin(&slot->intake, uri);
    return slot;
}

static enum MHD_Result hand_out(struct slot *slot)
{
    struct http *http = slot->http;
    struct http_request *request = intake_end(&slot->intake);
    request->ticket = (uint64_t)slot->index << 32 | slot->generation;
    slot->state = SLOT_HANDED;
    slot->counted = true;
    http->unanswered++;
    http->handed = true;
    http->handle(http->arg, request);
    if (slot->state == SLOT_HANDED) {
        slot->state = SLOT_WAITING;
        MHD_suspend_connection(slot->connection);
    }
    return MHD_YES;
}

/* The library asks once when the headers are there, once for each piece of the
 * body, and once behind it: there the answer belongs, for one given at the
 * headers closes the connection. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *bytes,
                                  size_t *len, void **context)
{
    struct http *http = arg;
    struct slot *slot = *context;
    (void)url;
    http->events++;
    if (http->ending || slot->state == SLOT_ANSWERED)
        return MHD_NO; /* asked again: the library refused the answer */
    if (slot->state == SLOT_HEAD) {
        slot->state = SLOT_BODY;
        if (!intake_head(&slot->intake, connection, method, version))
            return refuse(slot, true);
        return MHD_YES;
    }
    assert(slot->state == SLOT_BODY);
    if (*len > 0) {
        size_t taken = *len;
        *len = 0;
        return intake_body(&slot->intake, bytes, taken) ? MHD_YES : MHD_NO;
    }
    return slot->intake.refused != 0 ? refuse(slot, false) : hand_out(slot);
}

static void on_completed(void *arg, struct MHD_Connection *connection,
                         void **context, enum MHD_RequestTerminationCode how)
{
    struct http *http = arg;
    (void)connection;
    (void)how;
    http->events++;
    if (*context == NULL)
        return;
    http_peer_done(((struct slot *)*context)->peer);
    slot_give_back(*context);
    *context = NULL;
}

/* One round of the library; then what it says about the next. */
static void run(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG in_ms = 0;
    unsigned events = http->events;
    http->due = false; /* set again where a request's handler answers another */
    http_peers_begin();
    (void)MHD_run(http->daemon);
    http_peers_end(http->peers);
    http->vain_rounds = http->events == events ? http->vain_rounds + 1 : 0;
    if (MHD_get_timeout(http->daemon, &in_ms) != MHD_YES)
        return;
    if (in_ms == 0 && http->vain_rounds < MOST_VAIN_ROUNDS) {
        http->due = true;
    } else if (in_ms == 0) {
        loop_timer_set(http->wake, PAUSE_MS);
    } else if (!http->idle_set) {
        loop_timer_set(http->idle, (int64_t)in_ms);
        http->idle_set = true;
    }
}

static void on_io(void *arg, int events)
{
    (void)events;
    run(arg);
}

static void on_idle(void *arg)
{
    struct http *http = arg;
    http->idle_set = false;
    run(http);
}

static void on_wake(void *arg)
{
    struct http *http = arg;
    http->due = true; /* our hook does the rest */
}

/* Answers given since the last round leave here. A pipelined request may come
 * in by the same round: then other hooks, which ran before, have new work. */
static bool before_sleep(void *arg)
{
    struct http *http = arg;
    http->handed = false;
    if (http->due) {
        loop_timer_stop(http->wake);
        run(http);
    }
    return http->due || http->handed;
}

/* No more connections than descriptors, of which others want some, too. */
static unsigned places(unsigned wanted)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 ||
        files.rlim_cur >= wanted + OTHER_FILES)
        return wanted;
    return files.rlim_cur / 2 > OTHER_FILES
               ? (unsigned)files.rlim_cur - OTHER_FILES
               : (unsigned)files.rlim_cur / 2;
}

static struct MHD_Daemon *start(struct http *http, int fd)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, http_peers_accept,
        http->peers, on_request, http, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, http,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
        MHD_OPTION_NOTIFY_CONNECTION, http_peers_notice, http->peers,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, http->rules.most_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, http->rules.idle_seconds,
        MHD_OPTION_END);
}

struct http *http_new(struct loop *loop, int fd, const struct http_rules *rules,
                      void (*handle)(void *arg, struct http_request *request),
                      void (*refuse_with)(void *arg, int status,
                                          struct http_answer *answer),
                      void *arg)
{
    struct http *http = xcalloc(1, sizeof(*http));
    http->handle = handle;
    http->refuse = refuse_with;
    http->arg = arg;
    http->rules = *rules;
    http->rules.most_connections = places(rules->most_connections);
    http->peers = http_peers_new(loop, &http->rules, refuse_with, arg);
    http->daemon = start(http, fd);
    if (http->daemon == NULL)
        abort();
    int epoll_fd =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    http->io = loop_io_new(loop, epoll_fd, on_io, http);
    http->idle = loop_timer_new(loop, on_idle, http);
    http->wake = loop_timer_new(loop, on_wake, http);
    http->hook = loop_hook_new(loop, before_sleep, http);
    loop_io_want(http->io, LOOP_READ);
    return http;
}

void http_answer(struct http *http, uint64_t ticket,
                 const struct http_answer *answer)
{
    struct slot *slot = slot_of(http, ticket);
    if (slot == NULL ||
        (slot->state != SLOT_HANDED && slot->state != SLOT_WAITING))
        return;
    bool suspended = slot->state == SLOT_WAITING;
    metric_add(METRIC_http_requests_total, 1);
    (void)queue(slot, answer, false);
    if (!suspended)
        return;
    /* In this mode the library wakes nobody for a resumed connection. */
    MHD_resume_connection(slot->connection);
    if (!http->due)
        loop_timer_set(http->wake, 0);
    http->due = true;
}

unsigned http_unanswered(const struct http *http)
{
    return http->unanswered;
}

void http_quiesce(struct http *http)
{
    if (!http->quiesced)
        (void)MHD_quiesce_daemon(http->daemon);
    http->quiesced = true;
}

void http_destroy(struct http **http)
{
    struct http *h = *http;
    if (h == NULL)
        return;
    *http = NULL;
    http_quiesce(h); /* or the library would close the caller's socket */
    run(h);
    h->ending = true;
    for (uint32_t i = 0; i < h->nslots; i++)
        if (h->slots[i]->state == SLOT_WAITING)
            MHD_resume_connection(h->slots[i]->connection);
    MHD_stop_daemon(h->daemon);
    loop_hook_destroy(&h->hook);
    loop_timer_destroy(&h->idle);
    loop_timer_destroy(&h->wake);
    loop_io_destroy(&h->io);
    http_peers_destroy(&h->peers);
    for (uint32_t i = 0; i < h->nslots; i++)
        free(h->slots[i]);
    free(h->slots);
    free(h);
}

struct str http_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->nheaders; i++)
        if (str_same_word(request->headers[i].name, str_of(name)))
            return request->headers[i].value;
    return STR_NONE;
}
