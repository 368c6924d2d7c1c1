#include "tests/unit/http_server.h"

#include "gateway/http.h"

#include <time.h>

/* Clients that take their time: what is cut, when, and with which answer. All
 * are open at once, and each is served as if it were alone. */

enum { DRIP_MS = 100, LATER_MS = 300 };

enum end { NEVER, AT_ONCE, LATER };

static const struct slow {
    const char *label, *before; /* sent at once */
    const char *drip;           /* then this, again and again; NULL: nothing */
    enum end end;               /* when it says that it sends no more */
    const char *statuses;
    int from_ms, to_ms; /* when the server ends the connection */
} slow[] = {
    {"a head, byte by byte", "GET /echo HTTP/1.1\r\nHost: x\r\nX: ", "a", NEVER,
     "408", 1000, 3500},
    {"a first line", "G", "E", NEVER, "408", 1000, 3500},
    {"header by header", "GET / HTTP/1.1\r\nHost: x\r\n", "X: y\r\n", NEVER,
     "408", 1000, 3500},
    {"a second head", GET("/echo") "GET /echo HTTP/1.1\r\nX: ", "a", NEVER,
     "200 408", 1000, 3500},
    {"a body", HEAD("Host: x\r\nContent-Length: 60000\r\n"), "a", NEVER, "408",
     2000, 4500},
    {"chunks", HEAD("Host: x\r\nTransfer-Encoding: chunked\r\n"), "1\r\na\r\n",
     NEVER, "408", 2000, 4500},
    {"trailers", HEAD("Host: x\r\nTransfer-Encoding: chunked\r\n") "0\r\n",
     "X: y\r\n", NEVER, "408", 2000, 4500},
    {"a body of which nothing comes",
     HEAD("Host: x\r\nContent-Length: 60000\r\n"), NULL, NEVER, "408", 2000,
     4500},
    {"nothing at all", "", NULL, NEVER, "", 4000, 6500},
    {"nothing more", GET("/echo"), NULL, NEVER, "200", 4000, 6500},
    {"an empty line", "\r\n", NULL, NEVER, "", 4000, 6500},
    {"gone in its head", "GET /echo HTTP/1.1\r\nHos", NULL, AT_ONCE, "", 0,
     2900},
    {"gone in its body", HEAD("Host: x\r\nContent-Length: 9\r\n") "abc", NULL,
     AT_ONCE, "", 0, 2900},
    {"gone after its request", GET("/echo"), NULL, AT_ONCE, "200", 0, 2900},
    {"refused, and goes on sending", "GET /echo HTTP/1.1\n",
     "more and more and more", NEVER, "400", 0, 1000},
    {"waits for us longer than all", GET("/held") LAST, NULL, LATER, "200 200",
     4500, 8000},
};

enum { CLIENTS = sizeof(slow) / sizeof(slow[0]), HELD_MS = 4600 };

struct client {
    int fd;
    int ended_ms; /* 0: not yet */
    char got[4096];
    size_t len;
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void look(struct client *c, int at_ms)
{
    ssize_t got =
        recv(c->fd, c->got + c->len, sizeof(c->got) - c->len, MSG_DONTWAIT);
    if (got > 0)
        c->len += (size_t)got;
    else if (got == 0)
        c->ended_ms = at_ms > 0 ? at_ms : 1;
}

static bool drip_all(struct client *clients, int at_ms)
{
    bool open = false;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &clients[i];
        if (c->ended_ms > 0)
            continue;
        open = true;
        if (slow[i].end == LATER && at_ms > LATER_MS)
            (void)shutdown(c->fd, SHUT_WR);
        if (slow[i].drip != NULL)
            client_send(c->fd, str_of(slow[i].drip));
        look(c, at_ms);
    }
    return open;
}

static void check(const struct slow *s, const struct client *c)
{
    char statuses[128];
    statuses_of((struct str){c->got, c->len}, statuses, sizeof(statuses));
    if (strcmp(statuses, s->statuses) != 0 || c->ended_ms < s->from_ms ||
        c->ended_ms > s->to_ms)
        fail_msg("%s: %s expected, got %s after %d ms", s->label, s->statuses,
                 statuses, c->ended_ms);
}

static void test_each_has_its_time(void **state)
{
    (void)state;
    static struct client clients[CLIENTS];
    char room[1024];
    bool released = false;
    int64_t began = now_ms();
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i].fd = client_open();
        client_send(clients[i].fd, str_of(slow[i].before));
        if (slow[i].end == AT_ONCE)
            (void)shutdown(clients[i].fd, SHUT_WR);
    }
    while (drip_all(clients, (int)(now_ms() - began))) {
        if (now_ms() - began > PATIENCE_MS)
            break;
        if (now_ms() - began > HELD_MS && !released) {
            released = true;
            (void)exchange(STR("GET /release HTTP/1.1\r\nHost: x\r\n"
                               "Connection: close\r\n\r\n"),
                           room, sizeof(room));
        }
        (void)poll(NULL, 0, DRIP_MS);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        check(&slow[i], &clients[i]);
        (void)close(clients[i].fd);
    }
}

/* A little now and then is no life sign for an answer: the kernel takes a part
 * of it, and the client a few kilobytes at a time. */
static void test_an_answer_has_its_time(void **state)
{
    (void)state;
    static char room[64 * 1024];
    int64_t began = now_ms();
    size_t len = 0;
    int fd = client_open();
    client_send(fd, STR(GET("/huge")));
    for (;;) {
        bool slowly = now_ms() - began < 4500;
        ssize_t got = recv(fd, room, slowly ? 4096 : sizeof(room), 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        (void)poll(NULL, 0, slowly ? 2 : 0);
    }
    (void)close(fd);
    if (len >= HUGE_ANSWER)
        fail_msg("all %zu bytes came", len);
}

/* Who is refused may go on writing for a while, so that it sees the answer. */
static void test_who_is_refused_may_end_its_sentence(void **state)
{
    (void)state;
    char room[2048] = {0};
    int64_t began = now_ms(), ended = 0;
    int fd = client_open();
    client_send(fd, STR("GET /echo HTTP/1.1\n"));
    while (send(fd, room, sizeof(room), MSG_NOSIGNAL) > 0) {
        ended = now_ms() - began;
        if (ended > 3500)
            fail_msg("still taken after 3.5 s");
        (void)poll(NULL, 0, 20);
    }
    assert_true(ended > 1000);
    assert_true(holds(client_read(fd, room, sizeof(room)), "HTTP/1.1 400"));
    (void)close(fd);
}

/* More clients than places: each new one is served, and who waits for an answer
 * keeps its place. */
static void test_who_asks_gets_a_place(void **state)
{
    (void)state;
    enum { MANY = 200 };
    int fds[MANY];
    char room[1024];
    int waits = client_open();
    client_send(waits, STR(GET("/held") LAST));
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = client_open();
        client_send(fds[i], i % 2 == 0 ? STR(GET("/echo"))
                                       : STR("GET /echo HTTP/1.1\r\nX: "));
        if (!holds(exchange(STR(LAST), room, sizeof(room)), "path=/last"))
            fail_msg("nobody answers beside %zu others", i + 1);
    }
    /* The first are gone, the last are not. */
    assert_true(recv(fds[1], room, sizeof(room), MSG_DONTWAIT) == 0);
    assert_true(recv(fds[MANY - 1], room, sizeof(room), MSG_DONTWAIT) == -1);
    (void)exchange(STR("GET /release HTTP/1.1\r\nHost: x\r\n"
                       "Connection: close\r\n\r\n"),
                   room, sizeof(room));
    assert_true(holds(client_read(waits, room, sizeof(room)), "path=/held"));
    for (size_t i = 0; i < MANY; i++)
        (void)close(fds[i]);
    (void)close(waits);
}

static int begin(void **state)
{
    server_rules.most_connections = 100;
    server_rules.idle_seconds = 4;
    server_rules.head_seconds = 1;
    server_rules.body_seconds = 2;
    server_rules.answer_seconds = 3;
    return server_start(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_asks_gets_a_place),
        cmocka_unit_test(test_each_has_its_time),
        cmocka_unit_test(test_an_answer_has_its_time),
        cmocka_unit_test(test_who_is_refused_may_end_its_sentence),
    };
    return cmocka_run_group_tests(tests, begin, server_stop);
}
