#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/http.h"

static void test_no_addresses(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        ":",
                                        ":80",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        "127.0.0.1:x",
                                        "127.0.0.1:-1",
                                        "127.0.0.1:65536",
                                        "::1:80",
                                        "[::1]",
                                        "[::1:80",
                                        "some.name:80",
                                        "256.1.1.1:80",
                                        "[]:80"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char why[200] = "";
        CHECK(wrong[i], http_listen(wrong[i], why, sizeof(why)) == -1);
        CHECK(wrong[i], why[0] != '\0');
    }
}

static void test_a_port_in_use(void **state)
{
    (void)state;
    char why[200] = "";
    char address[64];
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    uint16_t port = 0;
    int first = http_listen("127.0.0.1:0", why, sizeof(why));
    assert_true(first >= 0);
    assert_int_equal(getsockname(first, (struct sockaddr *)&at, &len), 0);
    memcpy(&port, (char *)&at + 2, sizeof(port));
    (void)snprintf(address, sizeof(address), "127.0.0.1:%d",
                   (port & 0xff) << 8 | port >> 8);
    assert_int_equal(http_listen(address, why, sizeof(why)), -1);
    assert_non_null(strstr(why, address));
    assert_non_null(strstr(why, "in use"));
    assert_true(fcntl(first, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
    (void)close(first);
}

/* In a process of its own, since descriptor 3 must be given; its exit status is
 * what http_listen() returned. */
static int inherit(const char *fds, bool ours, int (*make)(void))
{
    int status = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char pid[32];
        char why[200] = "";
        (void)snprintf(pid, sizeof(pid), "%d", ours ? (int)getpid() : 1);
        (void)setenv("LISTEN_PID", pid, 1);
        (void)setenv("LISTEN_FDS", fds, 1);
        int fd = make();
        if (fd != 3)
            (void)dup2(fd, 3);
        int got = http_listen("127.0.0.1:0", why, sizeof(why));
        _exit(got == 3 && !(fcntl(3, F_GETFL) & O_NONBLOCK) ? 99
              : got == -1 && why[0] == '\0'                 ? 98
              : got == -1                                   ? 97
                                                            : got);
    }
    (void)waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

static int listening(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)listen(fd, 1);
    return fd;
}

static int connected(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int not_a_socket(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void test_inherited(void **state)
{
    (void)state;
    enum { REFUSED = 97 };
    assert_int_equal(inherit("1", true, listening), 3);
    assert_int_equal(inherit("2", true, listening), REFUSED);
    assert_int_equal(inherit("", true, listening), REFUSED);
    assert_int_equal(inherit("1", true, connected), REFUSED);
    assert_int_equal(inherit("1", true, not_a_socket), REFUSED);
    /* Meant for another process: the address counts. */
    assert_true(inherit("1", false, listening) > 3);
    assert_true(inherit("1", false, listening) < REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_addresses),
        cmocka_unit_test(test_a_port_in_use),
        cmocka_unit_test(test_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
