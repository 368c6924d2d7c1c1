/* Plays prepared HTTP requests, each once, over keep-alive connections, and
 * prints what came of it as a line of JSON.
 *
 *   bench_player PORT REQUESTS CONNECTIONS SECONDS [RATE SENT]
 *
 * REQUESTS is a file: each request whole, with its length before it (4 bytes,
 * this machine's order). It ends after SECONDS or with the last request. RATE
 * is requests a second, by the clock (without it, as fast as answers come), and
 * SENT the file to note in when each was sent: its number and CLOCK_MONOTONIC
 * in nanoseconds. The rate and the times are of what was taken (2xx). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/world.h"

enum { MOST_CONNECTIONS = 1024, ROOM = 65536, EVENTS = 64, STATUSES = 600 };

static const int64_t second_ns = 1000000000, grace_ns = 5000000000;

struct connection {
    int fd;
    int64_t sent_ns;
    size_t got;
    bool waiting; /* for an answer */
    char in[ROOM];
};

static struct {
    int epoll;
    struct connection *connections;
    unsigned count, waiting;
    const char *at, *end; /* of the requests that are left */
    int64_t begin_ns, stop_ns, gap_ns;
    uint64_t asked, answered, taken, broken;
    uint64_t statuses[STATUSES];
    int64_t *took_ns;
    size_t room;
    FILE *sent;
} play;

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "bench_player: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- requests ---- */

static bool take_request(struct str *request)
{
    uint32_t len = 0;
    if ((size_t)(play.end - play.at) < sizeof(len))
        return false;
    memcpy(&len, play.at, sizeof(len));
    play.at += sizeof(len);
    if (len > (size_t)(play.end - play.at))
        return false;
    *request = (struct str){play.at, len};
    play.at += len;
    return true;
}

static void ask(struct connection *c, int64_t now)
{
    struct str request;
    if (now >= play.stop_ns || !take_request(&request))
        return;
    c->sent_ns = now;
    c->got = 0;
    c->waiting = true;
    play.waiting++;
    if (play.sent != NULL)
        (void)fprintf(play.sent, "%llu %lld\n", (unsigned long long)play.asked,
                      (long long)now);
    play.asked++;
    /* A request is small and its predecessor answered: the socket has room. */
    if (write(c->fd, request.ptr, request.len) != (ssize_t)request.len)
        give_up("write");
}

/* ---- answers ---- */

/* The answer's length with its head, and its status; 0: not all there. */
static size_t answer_size(struct connection *c, unsigned *status)
{
    c->in[c->got] = '\0';
    char *body = strstr(c->in, "\r\n\r\n");
    if (body == NULL)
        return 0;
    *status = (unsigned)strtoul(c->in + sizeof("HTTP/1.1"), NULL, 10);
    char *length = strcasestr(c->in, "\r\nContent-Length:");
    size_t head = (size_t)(body - c->in) + 4;
    if (length == NULL || length > body)
        return head;
    return head + strtoul(length + sizeof("\r\nContent-Length:") - 1, NULL, 10);
}

static void note(int64_t took, unsigned status)
{
    play.answered++;
    play.statuses[status < STATUSES ? status : 0]++;
    if (status < 200 || status > 299)
        return;
    if (play.taken == play.room) {
        play.room = play.room > 0 ? play.room * 2 : 65536;
        play.took_ns =
            xrealloc(play.took_ns, play.room * sizeof(*play.took_ns));
    }
    play.took_ns[play.taken++] = took;
}

static void hear(struct connection *c)
{
    ssize_t got = read(c->fd, c->in + c->got, ROOM - 1 - c->got);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) { /* closed by the other side: not connected again */
        play.broken++;
        play.waiting -= c->waiting ? 1 : 0;
        c->waiting = true;
        (void)close(c->fd);
        return;
    }
    c->got += (size_t)got;
    unsigned status = 0;
    size_t size = answer_size(c, &status);
    if (size == 0 || c->got < size || !c->waiting)
        return;
    int64_t now = now_ns();
    note(now - c->sent_ns, status);
    c->waiting = false;
    play.waiting--;
    if (play.gap_ns == 0)
        ask(c, now);
}

/* ---- the clock ---- */

/* Sends what is due by now; returns when the next one is. */
static int64_t ask_due(int64_t now)
{
    int64_t due = play.begin_ns + (int64_t)play.asked * play.gap_ns;
    for (unsigned i = 0; i < play.count && due <= now; i++) {
        if (play.connections[i].waiting)
            continue;
        ask(&play.connections[i], now);
        due = play.begin_ns + (int64_t)play.asked * play.gap_ns;
    }
    return due;
}

static struct timespec span(int64_t ns)
{
    if (ns < 0)
        ns = 0;
    return (struct timespec){.tv_sec = ns / second_ns,
                             .tv_nsec = ns % second_ns};
}

static void run(void)
{
    struct epoll_event events[EVENTS];
    play.begin_ns = now_ns();
    play.stop_ns += play.begin_ns;
    for (unsigned i = 0; play.gap_ns == 0 && i < play.count; i++)
        ask(&play.connections[i], play.begin_ns);
    for (;;) {
        int64_t now = now_ns(), due = now + second_ns;
        bool more = now < play.stop_ns && play.at < play.end;
        if ((!more && play.waiting == 0) || now > play.stop_ns + grace_ns)
            return;
        if (play.gap_ns > 0 && more)
            due = ask_due(now);
        struct timespec sleep = span(due - now);
        int ready = epoll_pwait2(play.epoll, events, EVENTS, &sleep, NULL);
        for (int i = 0; i < ready; i++)
            hear(events[i].data.ptr);
    }
}

/* ---- setting up ---- */

static void connect_all(uint16_t port)
{
    const struct sockaddr_in there = {.sin_family = AF_INET,
                                      .sin_port = htons(port),
                                      .sin_addr = {htonl(INADDR_LOOPBACK)}};
    play.epoll = epoll_create1(0);
    play.connections = xcalloc(play.count, sizeof(*play.connections));
    for (unsigned i = 0; i < play.count; i++) {
        struct connection *c = &play.connections[i];
        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (c->fd < 0 ||
            connect(c->fd, (const struct sockaddr *)&there, sizeof(there)) != 0)
            give_up("connect");
        (void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
        struct epoll_event want = {.events = EPOLLIN, .data = {.ptr = c}};
        if (epoll_ctl(play.epoll, EPOLL_CTL_ADD, c->fd, &want) != 0)
            give_up("epoll_ctl");
    }
}

static void map_requests(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &info) != 0 || info.st_size == 0)
        give_up(path);
    const char *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ,
                             MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED)
        give_up(path);
    (void)close(fd);
    play.at = bytes;
    play.end = bytes + info.st_size;
}

/* ---- the result ---- */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static long long percentile_us(unsigned percent)
{
    if (play.taken == 0)
        return 0;
    return play.took_ns[(play.taken - 1) * percent / 100] / 1000;
}

static void print_result(int64_t took_ns)
{
    if (play.taken > 0)
        qsort(play.took_ns, play.taken, sizeof(*play.took_ns), compare);
    (void)printf(
        "{\"rate\": %.1f, \"p50_us\": %lld, \"p99_us\": %lld, "
        "\"answered\": %llu, \"broken\": %llu, \"statuses\": {",
        (double)play.taken * (double)second_ns / (double)took_ns,
        percentile_us(50), percentile_us(99), (unsigned long long)play.answered,
        (unsigned long long)(play.broken + play.asked - play.answered));
    const char *between = "";
    for (unsigned i = 0; i < STATUSES; i++) {
        if (play.statuses[i] == 0)
            continue;
        (void)printf("%s\"%u\": %llu", between, i,
                     (unsigned long long)play.statuses[i]);
        between = ", ";
    }
    (void)printf("}}\n");
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 7) {
        (void)fprintf(stderr,
                      "usage: %s PORT REQUESTS CONNECTIONS SECONDS "
                      "[RATE SENT]\n",
                      argv[0]);
        return 2;
    }
    uint64_t port = world_count(argv[1]), count = world_count(argv[3]);
    if (port > UINT16_MAX || count > MOST_CONNECTIONS) {
        (void)fprintf(stderr, "too large: port or number of connections\n");
        return 2;
    }
    play.count = (unsigned)count;
    play.stop_ns = (int64_t)world_count(argv[4]) * second_ns;
    if (argc == 7) {
        play.gap_ns = second_ns / (int64_t)world_count(argv[5]);
        play.sent = fopen(argv[6], "w");
        if (play.sent == NULL)
            give_up(argv[6]);
    }
    map_requests(argv[2]);
    connect_all((uint16_t)port);
    run();
    print_result(now_ns() - play.begin_ns);
    if (play.sent != NULL)
        (void)fclose(play.sent);
    return 0;
}
