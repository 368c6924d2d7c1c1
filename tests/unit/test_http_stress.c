#include "tests/unit/http_server.h"

#include "gateway/http.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

/* Many connections, each with bursts of pipelined requests, some answered at
 * once and some late and in random order: the library's bookkeeping of ready
 * and suspended connections must let none of them stall. */
enum { CLIENTS = 150, ROUNDS = 60, MOST_BURST = 6, STALLED_MS = 10000 };

struct client {
    int fd;
    unsigned rounds, asked, answered; /* requests, counted from 0 */
    struct buffer out, in;
    size_t sent;
};

/* The id stands in the query, so that an answer shows whose it is. */
static void add_request(struct client *c, unsigned id)
{
    switch (dice(6)) {
    case 0:
        buffer_printf(&c->out,
                      "POST /late?%u. HTTP/1.1\r\nHost: x\r\n"
                      "Content-Length: 5\r\n\r\nhello",
                      id);
        return;
    case 1:
        buffer_printf(&c->out,
                      "POST /late?%u. HTTP/1.1\r\nHost: x\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n"
                      "5\r\nhello\r\n0\r\n\r\n",
                      id);
        return;
    case 2:
        buffer_printf(&c->out, "GET /hooked?%u. HTTP/1.1\r\nHost: x\r\n\r\n",
                      id);
        return;
    case 3:
        buffer_printf(&c->out, "GET /echo?%u. HTTP/1.1\r\nHost: x\r\n\r\n", id);
        return;
    default:
        buffer_printf(&c->out, "GET /late?%u. HTTP/1.1\r\nHost: x\r\n\r\n", id);
        return;
    }
}

static void next_round(struct client *c)
{
    unsigned burst = 1 + (unsigned)dice(MOST_BURST);
    buffer_reset(&c->out);
    c->sent = 0;
    c->rounds++;
    while (burst-- > 0)
        add_request(c, c->asked++);
}

/* Some at a time, so that requests arrive in pieces too. */
static void write_some(struct client *c)
{
    size_t left = c->out.len - c->sent;
    size_t piece = dice(3) == 0 ? 1 + dice(left) : left;
    ssize_t sent = send(c->fd, c->out.ptr + c->sent, piece, MSG_NOSIGNAL);
    if (sent > 0)
        c->sent += (size_t)sent;
}

/* Takes whole answers off; each must be the next one that was asked for. */
static void take_answers(struct client *c)
{
    struct str in = buffer_view(&c->in);
    for (;;) {
        char query[32];
        const char *end =
            in.len > 0 ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;
        const char *length =
            end != NULL ? memmem(in.ptr, in.len, "Content-Length: ", 16) : NULL;
        if (length == NULL)
            break;
        size_t head = (size_t)(end - in.ptr) + 4;
        size_t body = strtoul(length + 16, NULL, 10);
        if (in.len < head + body)
            break;
        (void)snprintf(query, sizeof(query), "query=%u. ", c->answered);
        if (!holds((struct str){end, body + 4}, query))
            fail_msg("%s expected, got %.*s", query, (int)body, end + 4);
        c->answered++;
        in = str_from(in, head + body);
    }
    size_t left = in.len;
    if (left > 0)
        memmove(c->in.ptr, in.ptr, left);
    c->in.len = left;
}

static void read_some(struct client *c)
{
    char bytes[4096];
    ssize_t got = recv(c->fd, bytes, sizeof(bytes), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        fail_msg("the server hung up after %u of %u answers", c->answered,
                 c->asked);
    if (got > 0)
        buffer_add(&c->in, bytes, (size_t)got);
    take_answers(c);
    if (c->answered == c->asked && c->rounds < ROUNDS)
        next_round(c);
}

static bool is_done(const struct client *c)
{
    return c->rounds == ROUNDS && c->answered == c->asked;
}

static void wait_and_serve(struct client *clients)
{
    struct pollfd waits[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &clients[i];
        short events = c->sent < c->out.len ? POLLIN | POLLOUT : POLLIN;
        waits[i] = (struct pollfd){is_done(c) ? -1 : c->fd, events, 0};
    }
    if (poll(waits, CLIENTS, STALLED_MS) <= 0) {
        unsigned stalled = 0;
        for (size_t i = 0; i < CLIENTS; i++)
            stalled += is_done(&clients[i]) ? 0 : 1;
        fail_msg("%u of %d clients wait in vain", stalled, CLIENTS);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        if (waits[i].revents & POLLOUT)
            write_some(&clients[i]);
        if (waits[i].revents & (POLLIN | POLLHUP | POLLERR))
            read_some(&clients[i]);
    }
}

static bool all_done(const struct client *clients)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (!is_done(&clients[i]))
            return false;
    return true;
}

static void test_no_request_stalls(void **state)
{
    (void)state;
    static struct client clients[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i].fd = client_open();
        (void)fcntl(clients[i].fd, F_SETFL, O_NONBLOCK);
        next_round(&clients[i]);
    }
    while (!all_done(clients))
        wait_and_serve(clients);
    for (size_t i = 0; i < CLIENTS; i++) {
        (void)close(clients[i].fd);
        buffer_free(&clients[i].in);
        buffer_free(&clients[i].out);
    }
}

static int64_t server_cpu_ms(void)
{
    clockid_t clock = 0;
    struct timespec used = {0};
    assert_int_equal(clock_getcpuclockid(server_pid, &clock), 0);
    assert_int_equal(clock_gettime(clock, &used), 0);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* The server's time while nobody asks for anything. */
static void check_idle(const char *label)
{
    char room[1024];
    (void)exchange(STR(LAST), room, sizeof(room));
    int64_t before = server_cpu_ms();
    (void)poll(NULL, 0, 500);
    int used = (int)(server_cpu_ms() - before);
    if (used > 100)
        fail_msg("%s: %d of 500 ms used", label, used);
}

static void test_waiting_costs_nothing(void **state)
{
    (void)state;
    char room[1024];
    int fd = client_open();
    client_send(fd, STR("GET /held HTTP/1.1\r\nHost: x\r\n\r\n" LAST));
    check_idle("a request that waits");
    (void)exchange(STR("GET /release HTTP/1.1\r\nHost: x\r\n"
                       "Connection: close\r\n\r\n"),
                   room, sizeof(room));
    struct str got = client_read(fd, room, sizeof(room));
    assert_true(holds(got, "path=/held") && holds(got, "path=/last"));
    (void)close(fd);
}

/* The library takes in no more of such a line, and still says that it is in a
 * hurry, until the connection's time is up. */
static void test_a_line_that_never_ends_costs_nothing(void **state)
{
    (void)state;
    struct buffer line = {0};
    buffer_str(&line, STR("POST /echo HTTP/1.1\r\nHost: x\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n1;"));
    for (int i = 0; i < 20000; i++)
        buffer_str(&line, STR("x"));
    int fd = client_open();
    client_send(fd, buffer_view(&line));
    check_idle("a chunk's line without end");
    (void)close(fd);
    buffer_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_request_stalls),
        cmocka_unit_test(test_waiting_costs_nothing),
        cmocka_unit_test(test_a_line_that_never_ends_costs_nothing),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
