/* A provider to measure against: it takes every text and remembers none.
 *
 *   bench_provider PORT DELAY_MS RATE ARRIVALS
 *
 * POST /messages is answered 201 after DELAY_MS, and at most RATE a second (0:
 * no limit); a GET, 200 with an empty list. Into the file ARRIVALS go the
 * number behind the `#` of each text and CLOCK_MONOTONIC in nanoseconds. It
 * serves until it is ended. */
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "shared/arena.h"

enum { MOST_BODY = 8192, MOST_CONNECTIONS = 2000, IDLE_MS = 1000 };

static const int64_t second_ns = 1000000000, ms_ns = 1000000;

/* A request under way; suspended ones stand in the order of their time. */
struct waiting {
    struct waiting *next;
    struct MHD_Connection *connection;
    int64_t due_ns;
    size_t len;
    bool due;
    char body[MOST_BODY + 1];
};

static struct {
    struct waiting *first, **last;
    struct MHD_Response *sent, *list;
    int64_t delay_ns, gap_ns, free_ns;
    FILE *arrivals;
} provider;

static volatile sig_atomic_t ended;

static void end(int signum)
{
    (void)signum;
    ended = 1;
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

static void note_arrival(const struct waiting *w, int64_t now)
{
    const char *mark = strchr(w->body, '#');
    if (mark != NULL)
        (void)fprintf(provider.arrivals, "%lu %lld\n",
                      strtoul(mark + 1, NULL, 10), (long long)now);
}

static enum MHD_Result hold_back(struct waiting *w, int64_t now)
{
    w->due_ns = now + provider.delay_ns;
    if (provider.gap_ns > 0) {
        if (provider.free_ns < now)
            provider.free_ns = now;
        provider.free_ns += provider.gap_ns;
        if (w->due_ns < provider.free_ns)
            w->due_ns = provider.free_ns;
    }
    *provider.last = w;
    provider.last = &w->next;
    MHD_suspend_connection(w->connection);
    return MHD_YES;
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection,
                              const char *url, const char *method,
                              const char *version, const char *body,
                              size_t *size, void **request)
{
    (void)arg;
    (void)url;
    (void)version;
    struct waiting *w = *request;
    if (w == NULL) {
        *request = w = xcalloc(1, sizeof(*w));
        w->connection = connection;
        return MHD_YES;
    }
    if (*size > 0) {
        if (*size > MOST_BODY - w->len)
            return MHD_NO;
        memcpy(w->body + w->len, body, *size);
        w->len += *size;
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "POST") != 0)
        return MHD_queue_response(connection, MHD_HTTP_OK, provider.list);
    if (!w->due) {
        int64_t now = now_ns();
        note_arrival(w, now);
        if (provider.delay_ns > 0 || provider.gap_ns > 0)
            return hold_back(w, now);
    }
    return MHD_queue_response(connection, MHD_HTTP_CREATED, provider.sent);
}

static void completed(void *arg, struct MHD_Connection *connection,
                      void **request, enum MHD_RequestTerminationCode why)
{
    (void)arg;
    (void)connection;
    (void)why;
    free(*request);
    *request = NULL;
}

/* Lets those go whose time has come; returns how long the next one waits. */
static int resume_due(void)
{
    int64_t now = now_ns();
    while (provider.first != NULL && provider.first->due_ns <= now) {
        struct waiting *w = provider.first;
        provider.first = w->next;
        if (provider.first == NULL)
            provider.last = &provider.first;
        w->next = NULL;
        w->due = true;
        MHD_resume_connection(w->connection);
    }
    if (provider.first == NULL)
        return IDLE_MS;
    return (int)((provider.first->due_ns - now) / ms_ns) + 1;
}

static void serve(struct MHD_Daemon *daemon)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int outer = epoll_create1(0);
    struct epoll_event want = {.events = EPOLLIN}, got;
    (void)epoll_ctl(outer, EPOLL_CTL_ADD, info->epoll_fd, &want);
    while (!ended) {
        MHD_UNSIGNED_LONG_LONG theirs = 0;
        int wait = resume_due();
        (void)MHD_run(daemon);
        if (MHD_get_timeout(daemon, &theirs) == MHD_YES &&
            theirs < (unsigned)wait)
            wait = (int)theirs;
        (void)epoll_wait(outer, &got, 1, wait);
    }
    /* A daemon may not be stopped while one of its connections is suspended. */
    while (provider.first != NULL) {
        provider.first->due_ns = 0;
        (void)resume_due();
    }
    (void)MHD_run(daemon);
}

static struct MHD_Response *fixed(const char *json)
{
    union {
        const char *in;
        void *out;
    } body = {.in = json};
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(json), body.out, MHD_RESPMEM_PERSISTENT);
    (void)MHD_add_response_header(response, "Content-Type", "application/json");
    return response;
}

static struct MHD_Daemon *listen_on(int64_t port)
{
    const struct sockaddr_in here = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, (uint16_t)port, NULL, NULL,
        answer, NULL, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&here,
        MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)MOST_CONNECTIONS,
        MHD_OPTION_END);
}

int main(int argc, char **argv)
{
    int64_t port = 0, delay = 0, rate = 0;
    if (argc != 5 || !str_to_num(str_of(argv[1]), &port) ||
        !str_to_num(str_of(argv[2]), &delay) ||
        !str_to_num(str_of(argv[3]), &rate)) {
        (void)fprintf(stderr, "usage: %s PORT DELAY_MS RATE ARRIVALS\n",
                      argv[0]);
        return 2;
    }
    provider.last = &provider.first;
    provider.delay_ns = delay * ms_ns;
    provider.gap_ns = rate > 0 ? second_ns / rate : 0;
    provider.arrivals = fopen(argv[4], "w");
    provider.sent = fixed(
        "{\"id\":\"e8077d803532c0b5937c639b60216938\",\"recipients\":"
        "{\"totalCount\":1,\"totalSentCount\":1,\"totalDeliveredCount\":0,"
        "\"totalDeliveryFailedCount\":0,\"items\":[{\"status\":\"sent\"}]}}");
    provider.list = fixed("{\"offset\":0,\"limit\":20,\"count\":0,"
                          "\"totalCount\":0,\"items\":[]}");
    struct MHD_Daemon *daemon = listen_on(port);
    if (daemon == NULL || provider.arrivals == NULL) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        return 1;
    }
    (void)signal(SIGTERM, end);
    (void)signal(SIGINT, end);
    (void)signal(SIGPIPE, SIG_IGN);
    serve(daemon);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(provider.sent);
    MHD_destroy_response(provider.list);
    return fclose(provider.arrivals) == 0 ? 0 : 1;
}
