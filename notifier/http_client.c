#include "notifier/http_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "shared/fault.h"
#include "shared/log.h"
#include "shared/loop.h"

enum {
    CONNECT_MS = 5000,
    /* A server closes idle connections; to reuse one that is about to go
     * would put a text in doubt. */
    MOST_IDLE_S = 30,
    MOST_RETRY_AFTER_S = 3600
};

static const char ca_file[] = "/etc/ssl/certs/ca-certificates.crt";

/* One request under way, or a spare easy handle. */
struct transfer {
    struct transfer *prev, *next;
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    struct task *task;
    struct web_reply *reply;
    struct str rest; /* of the request's body */
    int64_t leave_by_ms;
    struct buffer answer;
    bool handed; /* some of the body was handed to the kernel */
};

/* A descriptor of libcurl's that the loop watches. */
struct socket_watch {
    struct http_client *client;
    curl_socket_t fd;
    struct loop_io *io;
};

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct loop_hook *hook;
    struct transfer *active, *spare;
    int64_t most_pause_ms, awake_ms;
};

/* ---- what libcurl calls ---- */

static size_t give_body(char *to, size_t size, size_t count, void *arg)
{
    struct transfer *x = arg;
    size_t room = size * count;
    if (x->leave_by_ms != 0 && loop_now_ms() >= x->leave_by_ms)
        return CURL_READFUNC_ABORT;
    size_t len = x->rest.len < room ? x->rest.len : room;
    memcpy(to, x->rest.ptr, len);
    x->rest = str_from(x->rest, len);
    x->handed = true;
    /* Frozen from here until libcurl has written what it was given, the process
     * sends too late: no look at a clock can come in between. */
    FAULT("send.writing");
    return len;
}

/* libcurl sends a POST again by itself where a reused connection dies without
 * an answer, although the server may have acted on it. It has to rewind the
 * body for that, so it cannot. */
static int refuse_rewind(void *arg, curl_off_t offset, int origin)
{
    (void)arg;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *x = arg;
    size_t len = size * count;
    size_t room = WEB_MOST_BODY - x->answer.len;
    buffer_add(&x->answer, bytes, len < room ? len : room);
    return len;
}

static void run(struct http_client *c, curl_socket_t fd, int events);

static void socket_ready(void *arg, int events)
{
    const struct socket_watch *w = arg;
    run(w->client, w->fd,
        (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
            (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                       void *known)
{
    (void)easy;
    struct http_client *c = arg;
    struct socket_watch *w = known;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL)
            loop_io_destroy(&w->io);
        free(w);
        return 0;
    }
    if (w == NULL) {
        w = xcalloc(1, sizeof(*w));
        w->client = c;
        w->fd = fd;
        w->io = loop_io_new(c->loop, fd, socket_ready, w);
        (void)curl_multi_assign(c->multi, fd, w);
    }
    loop_io_want(w->io, (what & CURL_POLL_IN ? LOOP_READ : 0) |
                            (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
    return 0;
}

static int want_timer(CURLM *multi, long in_ms, void *arg)
{
    (void)multi;
    const struct http_client *c = arg;
    if (in_ms < 0)
        loop_timer_stop(c->timer);
    else
        loop_timer_set(c->timer, in_ms);
    return 0;
}

/* ---- the end of a request ---- */

static void tell(struct transfer *x, CURLcode code)
{
    struct web_reply *reply = x->reply;
    long status = 0;
    curl_off_t after = 0;
    (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &after);
    if (after > MOST_RETRY_AFTER_S)
        after = MOST_RETRY_AFTER_S;
    /* A status settles it, even where the body behind it broke off. */
    if (status >= 200)
        reply->fate = WEB_ANSWERED;
    else
        reply->fate = x->handed ? WEB_UNKNOWN : WEB_NOT_SENT;
    reply->status = (int)status;
    reply->body = arena_copy(x->task->arena, buffer_view(&x->answer));
    reply->retry_after_ms = after > 0 ? (int64_t)after * 1000 : -1;
    reply->fault = code != CURLE_OK ? curl_easy_strerror(code) : NULL;
}

static void unlink_transfer(struct transfer *x)
{
    struct http_client *c = x->client;
    *(x->prev != NULL ? &x->prev->next : &c->active) = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
}

static void finish(struct transfer *x, CURLcode code)
{
    struct http_client *c = x->client;
    struct task *t = x->task;
    assert(t != NULL);
    tell(x, code);
    (void)curl_multi_remove_handle(c->multi, x->easy);
    curl_slist_free_all(x->headers);
    x->headers = NULL;
    buffer_reset(&x->answer);
    x->rest = STR_NONE;
    x->task = NULL;
    unlink_transfer(x);
    x->next = c->spare;
    c->spare = x;
    task_done(t);
}

static void finish_ended(struct http_client *c)
{
    int left = 0;
    const CURLMsg *m = NULL;
    while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
        char *owner = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &owner);
        finish((struct transfer *)(void *)owner, code);
    }
}

/* ---- pauses ---- */

/* What stood in a buffer when the process froze must not leave now: somebody
 * else may send it already. To remove a handle closes its connection. */
static bool was_paused(struct http_client *c)
{
    int64_t now = loop_now_ms();
    int64_t gap = now - c->awake_ms;
    c->awake_ms = now;
    if (gap <= c->most_pause_ms || c->active == NULL)
        return false;
    log_event(LEVEL_WARN, "http.paused", STR_NONE, "ms=%lld", (long long)gap);
    while (c->active != NULL)
        finish(c->active, CURLE_ABORTED_BY_CALLBACK);
    return true;
}

static void run(struct http_client *c, curl_socket_t fd, int events)
{
    int running = 0;
    if (was_paused(c))
        return;
    (void)curl_multi_socket_action(c->multi, fd, events, &running);
    finish_ended(c);
}

static void time_came(void *arg)
{
    run(arg, CURL_SOCKET_TIMEOUT, 0);
}

static bool look_at_clock(void *arg)
{
    return was_paused(arg); /* then tasks are ready to go on */
}

/* ---- the calls ---- */

struct http_client *http_client_new(struct loop *loop, unsigned most,
                                    int64_t most_pause_ms)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    struct http_client *c = xcalloc(1, sizeof(*c));
    c->loop = loop;
    c->most_pause_ms = most_pause_ms;
    c->awake_ms = loop_now_ms();
    c->timer = loop_timer_new(loop, time_came, c);
    c->hook = loop_hook_new(loop, look_at_clock, c);
    c->multi = curl_multi_init();
    if (c->multi == NULL)
        abort();
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)most);
    return c;
}

static void free_transfers(struct transfer *x)
{
    while (x != NULL) {
        struct transfer *next = x->next;
        (void)curl_multi_remove_handle(x->client->multi, x->easy);
        curl_easy_cleanup(x->easy);
        curl_slist_free_all(x->headers);
        buffer_free(&x->answer);
        free(x);
        x = next;
    }
}

void http_client_destroy(struct http_client **client)
{
    struct http_client *c = *client;
    if (c == NULL)
        return;
    *client = NULL;
    free_transfers(c->active);
    free_transfers(c->spare);
    (void)curl_multi_cleanup(c->multi);
    loop_hook_destroy(&c->hook);
    loop_timer_destroy(&c->timer);
    free(c);
    curl_global_cleanup();
}

static struct transfer *transfer_new(struct http_client *c)
{
    struct transfer *x = xcalloc(1, sizeof(*x));
    x->client = c;
    x->easy = curl_easy_init();
    if (x->easy == NULL)
        abort();
    CURL *e = x->easy;
    (void)curl_easy_setopt(e, CURLOPT_PRIVATE, x);
    (void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    /* By itself libcurl would go down to TLS 1.0. */
    (void)curl_easy_setopt(e, CURLOPT_SSLVERSION,
                           (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                           (long)CURL_HTTP_VERSION_1_1);
    /* Settings come from our table, not from http_proxy. */
    (void)curl_easy_setopt(e, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(e, CURLOPT_USERAGENT, "birdcar");
    (void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)MOST_IDLE_S);
    /* A folder of certificates would be read for every connection. */
    (void)curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    (void)curl_easy_setopt(e, CURLOPT_CAINFO, ca_file);
    (void)curl_easy_setopt(e, CURLOPT_READFUNCTION, give_body);
    (void)curl_easy_setopt(e, CURLOPT_READDATA, x);
    (void)curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, refuse_rewind);
    (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer);
    (void)curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
    return x;
}

static void add_header(struct transfer *x, const char *line)
{
    struct curl_slist *longer = curl_slist_append(x->headers, line);
    if (longer == NULL)
        abort();
    x->headers = longer;
}

static void prepare(struct transfer *x, const struct web_request *request)
{
    CURL *e = x->easy;
    for (unsigned i = 0; i < WEB_MOST_HEADERS; i++)
        if (request->headers[i] != NULL)
            add_header(x, request->headers[i]);
    add_header(x, "Expect:");
    x->rest = request->body;
    x->leave_by_ms = request->leave_by_ms;
    x->handed = false;
    if (request->body.ptr != NULL) {
        (void)curl_easy_setopt(e, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)request->body.len);
    } else {
        (void)curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    }
    (void)curl_easy_setopt(e, CURLOPT_URL, request->url);
    (void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
    (void)curl_easy_setopt(
        e, CURLOPT_TIMEOUT_MS,
        (long)(request->within_ms > 0 ? request->within_ms : 1));
}

void http_client_ask(struct http_client *c, struct task *t,
                     const struct web_request *request, struct web_reply *reply)
{
    /* Before this one joins: a pause behind us is no reason to cut it. */
    (void)was_paused(c);
    struct transfer *x = c->spare;
    if (x != NULL)
        c->spare = x->next;
    else
        x = transfer_new(c);
    x->prev = NULL;
    x->next = c->active;
    if (c->active != NULL)
        c->active->prev = x;
    c->active = x;
    x->task = t;
    x->reply = reply;
    task_hold(t);
    prepare(x, request);
    if (curl_multi_add_handle(c->multi, x->easy) != CURLM_OK)
        abort();
}
