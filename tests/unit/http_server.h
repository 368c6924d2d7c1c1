/* A small server over gateway/http.c in a process of its own, and a client of
 * raw bytes: for the tests of the HTTP server only. */
#ifndef BIRDCAR_TESTS_HTTP_SERVER_H
#define BIRDCAR_TESTS_HTTP_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/http.h"
#include "shared/log.h"
#include "shared/loop.h"

/* Ends each case; its own answer shows that the connection was still good. */
#define LAST "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"
#define HEAD(lines) "POST /echo HTTP/1.1\r\n" lines "\r\n"
#define SMUGGLED "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

enum {
    MOST_PENDING = 1024,
    PATIENCE_MS = 20000,
    HUGE_ANSWER = 32 * 1024 * 1024
};

/* Answered later: its ticket, and what to say. */
struct pending {
    uint64_t ticket;
    struct arena *arena;
    struct str body;
};

struct server {
    struct loop *loop;
    struct http *http;
    struct loop_timer *timer;
    struct loop_hook *hook;
    struct pending late[MOST_PENDING], held[MOST_PENDING];
    struct pending hooked[MOST_PENDING];
    size_t nlate, nheld, nhooked;
};

/* For a test to change before it starts the server. */
static struct http_rules server_rules = {.most_connections = 256,
                                         .idle_seconds = 30,
                                         .head_seconds = 10,
                                         .body_seconds = 20,
                                         .answer_seconds = 60,
                                         .https = true};
static const char *server_address = "127.0.0.1:0";
static pid_t server_pid;
static int server_port;

/* 0 to `sides` - 1; the same throws in each run. */
static inline size_t dice(size_t sides)
{
    static uint64_t seed = 20180924;
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (size_t)(seed >> 33) % sides;
}

static inline void say(struct server *s, uint64_t ticket, struct str body)
{
    struct http_answer answer = {
        .status = 200, .content_type = STR("text/plain"), .body = body};
    http_answer(s->http, ticket, &answer);
}

/* Half of what waits, at random: answers leave in no order, and late. */
static inline void answer_some(void *arg)
{
    struct server *s = arg;
    for (size_t turns = s->nlate / 2 + 1; turns > 0 && s->nlate > 0; turns--) {
        size_t i = dice(s->nlate);
        say(s, s->late[i].ticket, s->late[i].body);
        arena_destroy(&s->late[i].arena);
        s->late[i] = s->late[--s->nlate];
    }
    if (s->nlate > 0)
        loop_timer_set(s->timer, 1);
}

static inline void answer_all(struct server *s, struct pending *list,
                              size_t *count)
{
    for (; *count > 0; --*count) {
        struct pending *p = &list[*count - 1];
        say(s, p->ticket, p->body);
        arena_destroy(&p->arena);
    }
}

/* Runs behind the HTTP server's own hook, and keeps nobody awake: an answer
 * given here must wake the loop by itself. */
static inline bool answer_hooked(void *arg)
{
    struct server *s = arg;
    answer_all(s, s->hooked, &s->nhooked);
    return false;
}

static inline void put_off(struct pending *list, size_t *count,
                           const struct http_request *r, struct str body)
{
    assert_true(*count < MOST_PENDING);
    list[(*count)++] = (struct pending){r->ticket, r->arena, body};
}

static inline void answer_oddly(struct server *s, const struct http_request *r)
{
    struct http_answer answer = {.status = 200};
    if (str_is(r->path, "/headers")) {
        answer.headers[0] =
            (struct http_header){STR("X-Split"), STR("a\r\nX-Evil: b")};
        answer.headers[1] = (struct http_header){STR("X-Whole"), STR("kept")};
        answer.headers[2] =
            (struct http_header){STR("X-Agent"), http_header(r, "user-AGENT")};
    } else {
        answer.content_type = STR("text/plain");
        answer.body.len =
            str_is(r->path, "/huge") ? HUGE_ANSWER : 4 * 1024 * 1024;
        answer.body.ptr = arena_alloc(r->arena, answer.body.len);
    }
    http_answer(s->http, r->ticket, &answer);
}

static inline void handle(void *arg, struct http_request *r)
{
    struct server *s = arg;
    struct str body = arena_printf(
        r->arena, "%.*s target=%.*s path=%.*s query=%.*s headers=%zu body=%.*s",
        STR_ARG(r->method), STR_ARG(r->target), STR_ARG(r->path),
        STR_ARG(r->query), r->nheaders, STR_ARG(r->body));
    if (str_is(r->path, "/late")) {
        put_off(s->late, &s->nlate, r, body);
        loop_timer_set(s->timer, 1);
        return;
    }
    if (str_is(r->path, "/held")) {
        put_off(s->held, &s->nheld, r, body);
        return;
    }
    if (str_is(r->path, "/hooked")) {
        put_off(s->hooked, &s->nhooked, r, body);
        return;
    }
    if (str_is(r->path, "/release"))
        answer_all(s, s->held, &s->nheld);
    if (str_is(r->path, "/counts"))
        body =
            arena_printf(r->arena, "unanswered=%u", http_unanswered(s->http));
    if (str_is(r->path, "/size"))
        body = arena_printf(r->arena, "bytes=%zu", r->body.len);
    if (str_is(r->path, "/quiesce"))
        http_quiesce(s->http);
    if (str_is(r->path, "/headers") || str_is(r->path, "/big") ||
        str_is(r->path, "/huge"))
        answer_oddly(s, r);
    else
        say(s, r->ticket, body);
    if (str_is(r->path, "/twice"))
        say(s, r->ticket, STR("again"));
    arena_destroy(&r->arena);
}

static inline void refuse(void *arg, int status, struct http_answer *answer)
{
    (void)arg;
    answer->content_type = STR("application/problem+json");
    answer->body = status == 413 ? STR("{\"code\":\"too_large\"}")
                                 : STR("{\"code\":\"malformed\"}");
}

static inline void stop(void *arg)
{
    struct server *s = arg;
    loop_stop(s->loop);
}

static inline int serve(int fd)
{
    struct server s = {.loop = loop_new()};
    log_setup("test-http", LEVEL_ERROR);
    s.http = http_new(s.loop, fd, &server_rules, handle, refuse, &s);
    s.hook = loop_hook_new(s.loop, answer_hooked, &s);
    s.timer = loop_timer_new(s.loop, answer_some, &s);
    loop_on_signal(s.loop, SIGTERM, stop, &s);
    loop_run(s.loop);
    http_destroy(&s.http);
    while (s.nlate > 0)
        arena_destroy(&s.late[--s.nlate].arena);
    while (s.nheld > 0)
        arena_destroy(&s.held[--s.nheld].arena);
    loop_hook_destroy(&s.hook);
    loop_timer_destroy(&s.timer);
    loop_destroy(&s.loop);
    (void)close(fd);
    return 0;
}

static inline int server_start(void **state)
{
    (void)state;
    char why[200] = "";
    struct sockaddr_in at = {0};
    socklen_t len = sizeof(at);
    int fd = http_listen(server_address, why, sizeof(why));
    if (fd == -1 || getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        fail_msg("%s", why);
    server_port = ntohs(at.sin_port);
    (void)signal(SIGPIPE, SIG_IGN);
    server_pid = fork();
    if (server_pid == 0)
        exit(serve(fd));
    (void)close(fd);
    return server_pid > 0 ? 0 : -1;
}

/* It must end cleanly, whatever was left open: the sanitizers report by it. */
static inline int server_stop(void **state)
{
    (void)state;
    int status = -1;
    (void)kill(server_pid, SIGTERM);
    (void)waitpid(server_pid, &status, 0);
    return status == 0 ? 0 : -1;
}

static inline int client_open(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)server_port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static inline void client_send(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* closed by the server: what it said is still to be read */
        bytes = str_from(bytes, (size_t)sent);
    }
}

/* All that comes until the server closes, or until `room` is full. */
static inline struct str client_read(int fd, char *to, size_t room)
{
    size_t len = 0;
    struct pollfd waits = {.fd = fd, .events = POLLIN};
    while (len < room) {
        if (poll(&waits, 1, PATIENCE_MS) != 1)
            fail_msg("no answer and no end; so far: %.*s", (int)len, to);
        ssize_t got = recv(fd, to + len, room - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    return (struct str){to, len};
}

/* The status of each answer in `bytes`, with a space between. */
static inline void statuses_of(struct str bytes, char *out, size_t room)
{
    size_t len = 0;
    out[0] = '\0';
    while (bytes.len > 12) {
        const char *at = memmem(bytes.ptr, bytes.len, "HTTP/1.", 7);
        if (at == NULL || (size_t)(at - bytes.ptr) + 12 > bytes.len)
            return;
        len += (size_t)snprintf(out + len, room - len, "%s%.3s",
                                len > 0 ? " " : "", at + 9);
        bytes = str_from(bytes, (size_t)(at - bytes.ptr) + 12);
    }
}

static inline bool holds(struct str bytes, const char *z)
{
    return z[0] == '\0' || memmem(bytes.ptr, bytes.len, z, strlen(z)) != NULL;
}

/* Opens, sends, reads to the end; the answer stands in `to`. */
static inline struct str exchange(struct str bytes, char *to, size_t room)
{
    int fd = client_open();
    client_send(fd, bytes);
    struct str got = client_read(fd, to, room);
    (void)close(fd);
    return got;
}

#endif
