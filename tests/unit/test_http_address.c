#include "tests/unit/http_server.h"

#include <ifaddrs.h>

#include "gateway/http.h"

/* How many connections one address may have. This machine's own address stands
 * for a stranger's. */
enum { MOST = 5 };

static struct in_addr own;
static bool proxies;

static bool find_own(void)
{
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs(&all) != 0)
        return false;
    for (struct ifaddrs *at = all; at != NULL && !found; at = at->ifa_next) {
        const struct sockaddr_in *v4 = (const void *)at->ifa_addr;
        found = v4 != NULL && v4->sin_family == AF_INET &&
                ntohl(v4->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
        if (found)
            own = v4->sin_addr;
    }
    freeifaddrs(all);
    return found;
}

/* Asks on a new connection, which stays open; whether it was answered. */
static bool is_served(struct in_addr address, int *fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)server_port),
                             .sin_addr = address};
    char room[2048];
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*fd, (struct sockaddr *)&at, sizeof(at)), 0);
    client_send(*fd, STR(GET("/echo")));
    return recv(*fd, room, sizeof(room), 0) > 0;
}

static bool is_proxy(void *arg, struct str address)
{
    (void)arg;
    return proxies && str_is(address, inet_ntoa(own));
}

static void test_one_address_has_its_share(void **state)
{
    int fds[MOST], refused = -1, home[3 * MOST];
    const struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    (void)state;
    if (own.s_addr == 0)
        skip();
    for (int i = 0; i < MOST; i++)
        assert_true(is_served(own, &fds[i]));
    assert_false(is_served(own, &refused));
    (void)close(refused);
    for (int i = 0; i < 3 * MOST; i++)
        assert_true(is_served(loopback, &home[i]));
    /* One goes, one comes. */
    (void)close(fds[0]);
    for (int tries = 0; !is_served(own, &fds[0]); tries++) {
        assert_true(tries < 1000);
        (void)close(fds[0]);
        (void)poll(NULL, 0, 5);
    }
    for (int i = 0; i < MOST; i++)
        (void)close(fds[i]);
    for (int i = 0; i < 3 * MOST; i++)
        (void)close(home[i]);
}

static void test_a_proxy_has_no_share(void **state)
{
    int fds[3 * MOST];
    (void)state;
    if (own.s_addr == 0)
        skip();
    for (int i = 0; i < 3 * MOST; i++)
        assert_true(is_served(own, &fds[i]));
    for (int i = 0; i < 3 * MOST; i++)
        (void)close(fds[i]);
}

static int begin(void **state)
{
    (void)find_own();
    server_rules.most_an_address = MOST;
    server_rules.is_proxy = is_proxy;
    server_address = "0.0.0.0:0";
    return server_start(state);
}

static int begin_proxies(void **state)
{
    proxies = true;
    return begin(state);
}

int main(void)
{
    const struct CMUnitTest strangers[] = {
        cmocka_unit_test(test_one_address_has_its_share),
    };
    const struct CMUnitTest of_ours[] = {
        cmocka_unit_test(test_a_proxy_has_no_share),
    };
    int failed = cmocka_run_group_tests(strangers, begin, server_stop);
    return failed + cmocka_run_group_tests(of_ours, begin_proxies, server_stop);
}
