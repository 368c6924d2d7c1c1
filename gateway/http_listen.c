#include "gateway/http.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INHERITED_FD = 3, BACKLOG = 1024 };

static bool set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != -1 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) != -1;
}

static bool variable_is(const char *name, int64_t wanted)
{
    int64_t value = 0;
    return str_to_num(str_of(getenv(name)), &value) && value == wanted;
}

static int inherited(char *why, size_t room)
{
    int listens = 0;
    socklen_t len = sizeof(listens);
    if (!variable_is("LISTEN_FDS", 1))
        (void)snprintf(why, room, "LISTEN_FDS must be 1");
    else if (getsockopt(INHERITED_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens,
                        &len) != 0 ||
             !listens)
        (void)snprintf(why, room,
                       "LISTEN_FDS is set, and descriptor %d is no "
                       "listening socket",
                       INHERITED_FD);
    else if (!set_flags(INHERITED_FD))
        (void)snprintf(why, room, "descriptor %d: %s", INHERITED_FD,
                       strerror(errno));
    else
        return INHERITED_FD;
    return -1;
}

/* "[::1]:4567" or "127.0.0.1:4567": the port stands behind the last colon. */
static bool split(const char *address, char host[64], char port[8])
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address)
        return false;
    struct str name = {address, (size_t)(colon - address)};
    if (name.ptr[0] == '[' && name.len > 2 && name.ptr[name.len - 1] == ']')
        name = (struct str){name.ptr + 1, name.len - 2};
    else if (memchr(name.ptr, ':', name.len) != NULL)
        return false;
    int64_t number = 0;
    if (!str_to_num(str_of(colon + 1), &number) || number < 0 ||
        number > 65535 || name.len >= 64)
        return false;
    (void)snprintf(host, 64, "%.*s", STR_ARG(name));
    (void)snprintf(port, 8, "%d", (int)number);
    return true;
}

static int bind_to(const struct addrinfo *at)
{
    const int on = 1;
    int fd =
        socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return -1;
    /* Only so that a restart need not wait for old connections to fade; a
     * second listener on the port is still refused. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

int http_listen(const char *address, char *why, size_t room)
{
    if (variable_is("LISTEN_PID", getpid()))
        return inherited(why, room);

    char host[64];
    char port[8];
    if (!split(address, host, port)) {
        (void)snprintf(why, room, "%s is no address:port", address);
        return -1;
    }
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST |
                                               AI_NUMERICSERV,
                                   .ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *at = NULL;
    int fault = getaddrinfo(host, port, &hints, &at);
    if (fault != 0) {
        (void)snprintf(why, room, "%s: %s", address, gai_strerror(fault));
        return -1;
    }
    int fd = bind_to(at);
    if (fd == -1)
        (void)snprintf(why, room, "%s: %s", address, strerror(errno));
    freeaddrinfo(at);
    return fd;
}
