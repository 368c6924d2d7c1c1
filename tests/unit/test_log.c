#include "tests/unit/check.h"

#include "shared/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TIME_CHARS = 24 }; /* 2018-09-24T08:30:59.257Z */

/* A datagram socket stands in for stderr: it keeps each write apart. */
static int reading_end, own_stderr;

static struct timespec wall = {1537777859, 257999999}, monotonic = {4711, 0};

/* Stands before libc's: time moves by hand.
 * NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    *now = clock == CLOCK_MONOTONIC ? monotonic : wall;
    return 0;
}

static int listen_to_stderr(void **state)
{
    int ends[2];
    (void)state;
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0)
        return -1;
    own_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reading_end = ends[0];
    log_setup("ride-svc-2", LEVEL_INFO);
    return 0;
}

static int give_stderr_back(void **state)
{
    (void)state;
    dup2(own_stderr, STDERR_FILENO);
    close(own_stderr);
    return close(reading_end);
}

/* The next write, behind its time; "" where there was none. */
static const char *next_line(void)
{
    static char text[8192];
    ssize_t len = recv(reading_end, text, sizeof(text) - 1, MSG_DONTWAIT);
    if (len < 0)
        return "";
    text[len] = '\0';
    return len > TIME_CHARS ? text + TIME_CHARS : text;
}

static void writes_a_line(void **state)
{
    (void)state;
    log_event(LEVEL_INFO, "ride.created", STR("t-1"), "ride=%s tries=%d",
              "17-x", 2);
    assert_string_equal(next_line(), " info ride.created instance=ride-svc-2 "
                                     "trace=t-1 ride=17-x tries=2\n");
    log_event(LEVEL_ERROR, "redis.away", STR_NONE, "after_ms=%d", 300);
    assert_string_equal(next_line(),
                        " error redis.away instance=ride-svc-2 after_ms=300\n");
    log_event(LEVEL_WARN, "bus.full", STR("t"), "%s", "");
    assert_string_equal(next_line(),
                        " warn bus.full instance=ride-svc-2 trace=t\n");
    assert_string_equal(next_line(), "");
}

static void tells_the_time(void **state)
{
    char text[256] = "";
    (void)state;
    log_event(LEVEL_INFO, "x", STR_NONE, "a=1");
    assert_true(recv(reading_end, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(
        text, "2018-09-24T08:30:59.257Z info x instance=ride-svc-2 a=1\n");
}

static void keeps_to_its_level(void **state)
{
    static const struct {
        enum log_level least, level;
        bool written;
    } rows[] = {
        {LEVEL_DEBUG, LEVEL_DEBUG, true}, {LEVEL_INFO, LEVEL_DEBUG, false},
        {LEVEL_INFO, LEVEL_INFO, true},   {LEVEL_WARN, LEVEL_INFO, false},
        {LEVEL_WARN, LEVEL_WARN, true},   {LEVEL_ERROR, LEVEL_WARN, false},
        {LEVEL_ERROR, LEVEL_ERROR, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char label[32];
        snprintf(label, sizeof(label), "row %zu", i);
        log_setup("", rows[i].least);
        log_event(rows[i].level, "x", STR_NONE, "a=1");
        CHECK(label, (next_line()[0] != '\0') == rows[i].written);
    }
}

static void leaves_out_an_empty_instance(void **state)
{
    (void)state;
    log_setup("", LEVEL_INFO);
    log_event(LEVEL_INFO, "x", STR_NONE, "a=1");
    assert_string_equal(next_line(), " info x a=1\n");
}

static void stays_one_line(void **state)
{
    (void)state;
    log_event(LEVEL_INFO, "x", STR("t\n2"), "a=%s b=\"%s\"", "1\n2018 error y",
              "\x1b[31m\r\t\x7f\xc3\xa9");
    assert_string_equal(next_line(),
                        " info x instance=ride-svc-2 trace=t?2 "
                        "a=1?2018 error y b=\"?[31m???\xc3\xa9\"\n");
    assert_string_equal(next_line(), "");
}

static void is_cut(void **state)
{
    (void)state;
    for (int len = 900; len < 1200; len++) {
        char value[1200];
        memset(value, 'v', sizeof(value));
        log_event(LEVEL_INFO, "x", STR("t"), "a=%.*s", len, value);
        const char *line = next_line();
        size_t whole = strlen(" info x instance=ride-svc-2 trace=t a=") +
                       (size_t)len + TIME_CHARS + 1;
        size_t got = strlen(line) + TIME_CHARS;
        assert_int_equal(got, whole < 1024 ? whole : 1024);
        CHECK("ends in its newline", strcspn(line, "\n") + 1 == strlen(line));
    }
    char trace[3000];
    memset(trace, 't', sizeof(trace));
    log_event(LEVEL_INFO, "x", (struct str){trace, sizeof(trace)}, "a=1");
    assert_int_equal(strlen(next_line()) + TIME_CHARS, 1024);
}

static void survives_a_full_stderr(void **state)
{
    (void)state;
    fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 10000; i++)
        log_event(LEVEL_INFO, "x", STR_NONE, "i=%d", i);
    while (next_line()[0] != '\0')
        ;
    log_event(LEVEL_INFO, "x", STR_NONE, "a=1");
    assert_string_equal(next_line(), " info x instance=ride-svc-2 a=1\n");
}

static void holds_floods_back(void **state)
{
    (void)state;
    log_sparse(LEVEL_DEBUG, "flood.a", "n=%d", 0);
    for (int i = 1; i <= 100; i++) {
        log_sparse(LEVEL_WARN, "flood.a", "n=%d", i);
        log_sparse(LEVEL_WARN, "flood.b", "n=%d", i);
    }
    assert_string_equal(next_line(), " warn flood.a instance=ride-svc-2 n=1\n");
    assert_string_equal(next_line(), " warn flood.b instance=ride-svc-2 n=1\n");
    monotonic.tv_nsec = 999000000;
    log_sparse(LEVEL_WARN, "flood.a", "n=%d", 100);
    assert_string_equal(next_line(), "");
    log_setup("ride-svc-2", LEVEL_WARN);
    monotonic.tv_nsec = 0;
    monotonic.tv_sec++;
    log_sparse(LEVEL_WARN, "flood.a", "n=%d", 101);
    assert_string_equal(next_line(), " warn flood.a instance=ride-svc-2 "
                                     "left_out=100 n=101\n");
    monotonic.tv_sec++;
    log_sparse(LEVEL_WARN, "flood.a", "n=%d", 102);
    assert_string_equal(next_line(),
                        " warn flood.a instance=ride-svc-2 n=102\n");
}

/* Runs behind holds_floods_back(), which took two names. */
static void bounds_the_names(void **state)
{
    static char names[40][16];
    size_t lines = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(names[i], sizeof(names[i]), "many.%zu", i);
        log_sparse(LEVEL_WARN, names[i], "n=%d", 1);
        log_sparse(LEVEL_WARN, names[i], "n=%d", 2);
        while (next_line()[0] != '\0')
            lines++;
    }
    assert_int_equal(lines, 14);
}

#define LOG_TEST(test)                                                         \
    cmocka_unit_test_setup_teardown(test, listen_to_stderr, give_stderr_back)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(writes_a_line),
        LOG_TEST(tells_the_time),
        LOG_TEST(keeps_to_its_level),
        LOG_TEST(leaves_out_an_empty_instance),
        LOG_TEST(stays_one_line),
        LOG_TEST(is_cut),
        LOG_TEST(survives_a_full_stderr),
        LOG_TEST(holds_floods_back),
        LOG_TEST(bounds_the_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
