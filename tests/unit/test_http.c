#include "tests/unit/http_server.h"

#include "gateway/http_guard.h"

/* A request whose target, header or body has `size` bytes of filling. */
static void check_size(const char *label, const char *before, size_t size,
                       const char *after, const char *expected)
{
    static char room[64 * 1024];
    char statuses[128];
    struct buffer bytes = {0};
    char *filling = xmalloc(size);
    memset(filling, 'a', size);
    buffer_str(&bytes, str_of(before));
    buffer_add(&bytes, filling, size);
    buffer_str(&bytes, str_of(after));
    buffer_str(&bytes, STR(LAST));
    struct str got = exchange(buffer_view(&bytes), room, sizeof(room));
    statuses_of(got, statuses, sizeof(statuses));
    if (strncmp(statuses, expected, strlen(expected)) != 0)
        fail_msg("%s of %zu: %s expected, got %s", label, size, expected,
                 statuses);
    free(filling);
    buffer_free(&bytes);
}

#define TAIL " HTTP/1.1\r\nHost: x\r\n\r\n"

static void test_sizes(void **state)
{
    (void)state;
    check_size("target", "GET /echo?", 8000, TAIL, "200 200");
    check_size("target", "GET /echo?", 8192, TAIL, "414");
    check_size("target", "GET /echo?", 14000, TAIL, "414");
    check_size("target", "GET /echo?", 100000, TAIL, "414");
    const char *header = "GET /echo HTTP/1.1\r\nHost: x\r\nX: ";
    check_size("header", header, 8000, "\r\n\r\n", "200 200");
    check_size("header", header, 8192, "\r\n\r\n", "431");
    check_size("header", header, 14000, "\r\n\r\n", "431");
    check_size("header", header, 100000, "\r\n\r\n", "431");
    const char *most = "POST /size HTTP/1.1\r\nHost: x\r\n"
                       "Content-Length: 65536\r\n\r\n";
    check_size("body", most, 65536, "", "200 200");
    const char *over = "POST /size HTTP/1.1\r\nHost: x\r\n"
                       "Content-Length: 65537\r\n\r\n";
    check_size("body", over, 65537, "", "413 200");
    const char *far = "POST /size HTTP/1.1\r\nHost: x\r\n"
                      "Content-Length: 10000000\r\n\r\n";
    check_size("body", far, 10000000, "", "413 200");
    const char *chunked = "POST /size HTTP/1.1\r\nHost: x\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n";
    char head[200];
    (void)snprintf(head, sizeof(head), "%s10000\r\n", chunked);
    check_size("chunk", head, 0x10000, "\r\n0\r\n\r\n", "200 200");
    (void)snprintf(head, sizeof(head), "%s10001\r\n", chunked);
    check_size("chunk", head, 0x10001, "\r\n0\r\n\r\n", "413 200");
}

/* Parameters and headers share the connection's memory with the library's notes
 * on each, and with the answer's head: too many together are refused, and where
 * not even the refusal finds room the connection ends. */
static void check_crowd(int params, int headers, bool must_fit)
{
    static char room[64 * 1024];
    char statuses[128];
    struct buffer bytes = {0};
    buffer_str(&bytes, STR("GET /echo?"));
    for (int i = 0; i < params; i++)
        buffer_printf(&bytes, "p%02d=%030d&", i, i);
    buffer_str(&bytes, STR(" HTTP/1.1\r\nHost: x\r\n"));
    for (int i = 1; i < headers; i++)
        buffer_printf(&bytes, "X-%02d: %0100d\r\n", i, i);
    buffer_str(&bytes, STR("\r\n" LAST));
    struct str got = exchange(buffer_view(&bytes), room, sizeof(room));
    buffer_free(&bytes);
    statuses_of(got, statuses, sizeof(statuses));
    if (strcmp(statuses, "200 200") != 0 &&
        (must_fit || (strcmp(statuses, "431") != 0 && got.len > 0)))
        fail_msg("%d parameters, %d headers: got %s", params, headers,
                 statuses);
}

static void test_crowds(void **state)
{
    (void)state;
    check_crowd(40, 40, true);
    check_crowd(100, 5, true);
    check_crowd(0, HTTP_MOST_HEADERS, true);
    for (int params = 1; params <= 200; params++)
        check_crowd(params, HTTP_MOST_HEADERS, false);
}

static void test_too_many_headers(void **state)
{
    (void)state;
    char room[8192];
    struct buffer bytes = {0};
    buffer_str(&bytes, STR("GET /echo HTTP/1.1\r\nHost: x\r\n"));
    for (int i = 0; i < HTTP_MOST_HEADERS; i++)
        buffer_printf(&bytes, "X: y\r\n");
    buffer_str(&bytes, STR("Content-Length: 5\r\n\r\n" SMUGGLED));
    struct str got = exchange(buffer_view(&bytes), room, sizeof(room));
    char statuses[128];
    statuses_of(got, statuses, sizeof(statuses));
    assert_string_equal(statuses, "431");
    assert_false(holds(got, "smuggled"));
    buffer_free(&bytes);
}

static void test_head_has_no_body(void **state)
{
    (void)state;
    char room[8192];
    struct str got = exchange(STR("HEAD /echo?abc HTTP/1.1\r\nHost: x\r\n"
                                  "Connection: close\r\n\r\n"),
                              room, sizeof(room));
    assert_true(holds(got, "HTTP/1.1 200"));
    assert_true(holds(got, "Content-Length: "));
    assert_false(holds(got, "query=abc"));
    assert_true(str_eq(str_from(got, got.len - 4), STR("\r\n\r\n")));
}

static void test_every_answer_bears_the_common_headers(void **state)
{
    (void)state;
    const struct str asked[] = {
        STR(LAST), STR("GET / HTTP/1.1\r\n\r\n"),
        STR("GET /headers HTTP/1.1\r\nHost: x\r\nUser-Agent: tester\r\n"
            "Connection: close\r\n\r\n")};
    char room[8192];
    struct str got = STR_NONE;
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        got = exchange(asked[i], room, sizeof(room));
        assert_true(holds(got, "X-Content-Type-Options: nosniff\r\n"));
        assert_true(holds(got, "Cache-Control: no-store\r\n"));
        assert_true(holds(got, "Referrer-Policy: same-origin\r\n"));
        assert_true(
            holds(got, "Cross-Origin-Resource-Policy: same-origin\r\n"));
        assert_true(holds(got, "Strict-Transport-Security: max-age=31536000"));
        assert_true(holds(got, "Content-Security-Policy: default-src 'none'"));
        assert_true(holds(got, "frame-ancestors 'none'"));
        assert_true(holds(got, "Connection: close\r\n"));
        assert_false(holds(got, "Server:"));
    }
    assert_true(holds(got, "X-Whole: kept\r\n"));
    assert_true(holds(got, "X-Agent: tester\r\n"));
    assert_false(holds(got, "X-Evil"));
    assert_false(holds(got, "X-Split"));
}

/* Byte by byte: wherever the network cuts a request, it is one request. */
static void test_slow_sender(void **state)
{
    (void)state;
    const struct str whole =
        STR(HEAD("Host: x\r\nTransfer-Encoding: chunked\r\n") "5\r\nhello\r\n0"
                                                              "\r\n\r\n" LAST);
    char room[8192];
    int fd = client_open();
    for (size_t i = 0; i < whole.len; i++) {
        client_send(fd, (struct str){whole.ptr + i, 1});
        (void)poll(NULL, 0, 1);
    }
    struct str got = client_read(fd, room, sizeof(room));
    (void)close(fd);
    assert_true(holds(got, "body=hello"));
    assert_true(holds(got, "path=/last"));
}

/* 4 MB to a client that reads late: other clients are served meanwhile. */
static void test_slow_reader(void **state)
{
    (void)state;
    enum { BODY = 4 * 1024 * 1024, MOST = 5 * 1024 * 1024 };
    char *room = xmalloc(MOST);
    char small[1024];
    int fd = client_open();
    client_send(fd, STR("GET /big HTTP/1.1\r\nHost: x\r\n"
                        "Connection: close\r\n\r\n"));
    assert_true(holds(exchange(STR(LAST), small, sizeof(small)), "path=/last"));
    struct str got = client_read(fd, room, MOST);
    (void)close(fd);
    assert_true(got.len > BODY);
    free(room);
}

static void wait_for(const char *counts)
{
    char room[1024];
    for (int tries = 0; tries < 1000; tries++) {
        struct str got = exchange(STR("GET /counts HTTP/1.1\r\nHost: x\r\n"
                                      "Connection: close\r\n\r\n"),
                                  room, sizeof(room));
        if (holds(got, counts))
            return;
        (void)poll(NULL, 0, 5);
    }
    fail_msg("never came: %s", counts);
}

/* The client goes while its request waits; its slot serves others afterwards,
 * and the late answer reaches nobody. */
static void test_client_gone_before_the_answer(void **state)
{
    (void)state;
    int fds[20];
    char room[1024];
    for (size_t i = 0; i < 20; i++) {
        fds[i] = client_open();
        client_send(fds[i], STR("GET /held HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    wait_for("unanswered=21");
    for (size_t i = 0; i < 20; i++)
        (void)close(fds[i]);
    struct str got = exchange(STR("GET /release HTTP/1.1\r\nHost: x\r\n"
                                  "Connection: close\r\n\r\n"),
                              room, sizeof(room));
    assert_true(holds(got, "path=/release"));
    wait_for("unanswered=1");
}

static void test_body_that_never_ends(void **state)
{
    (void)state;
    int fd = client_open();
    client_send(fd, STR(HEAD("Host: x\r\nContent-Length: 60000\r\n") "abc"));
    (void)close(fd);
    wait_for("unanswered=1");
}

/* Goes last: behind it nobody new is served. */
static void test_quiesce(void **state)
{
    (void)state;
    char room[8192];
    int stands = client_open();
    client_send(stands, STR(GET("/held")));
    wait_for("unanswered=2");
    int asks = client_open();
    client_send(asks, STR(GET("/quiesce")));
    struct str got = client_read(asks, room, sizeof(room));
    assert_true(holds(got, "Connection: close"));
    (void)close(asks);
    /* The one that waits is cut when the server ends, and nothing leaks. */
    assert_int_equal(server_stop(NULL), 0);
    assert_int_equal(client_read(stands, room, sizeof(room)).len, 0);
    (void)close(stands);
    server_pid = 0;
}

static int finish(void **state)
{
    return server_pid > 0 ? server_stop(state) : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_crowds),
        cmocka_unit_test(test_too_many_headers),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_every_answer_bears_the_common_headers),
        cmocka_unit_test(test_slow_sender),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_client_gone_before_the_answer),
        cmocka_unit_test(test_body_that_never_ends),
        cmocka_unit_test(test_quiesce),
    };
    return cmocka_run_group_tests(tests, server_start, finish);
}
