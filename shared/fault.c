#include "shared/fault.h"

#ifdef BIRDCAR_FAULTS

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The one list of crash points, which the crash test walks. */
static const char *const names[] = {
#define FAULT_POINT(name) name,
#include "shared/faults.def"
#undef FAULT_POINT
};

static bool is_listed(const char *name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* What the file named by that variable says; empty where there is none. */
static void read_order(const char *variable, char *order, size_t room)
{
    const char *path = getenv(variable);
    ssize_t len = 0;
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        len = read(fd, order, room - 1);
        (void)close(fd);
    }
    order[len > 0 ? len : 0] = '\0';
}

void fault_reached(const char *name)
{
    assert(is_listed(name));
    char order[64];
    read_order("FAULT_FILE", order, sizeof(order));
    size_t len = strlen(name);
    if (strncmp(order, name, len) != 0)
        return;
    bool stops = strcmp(order + len, " stop") == 0;
    if (order[len] != '\0' && !stops)
        return;
    /* Whoever removes it is struck: one process, once. */
    const char *path = getenv("FAULT_FILE");
    if (path != NULL && unlink(path) == 0)
        (void)kill(getpid(), stops ? SIGSTOP : SIGKILL);
}

bool fault_loses_frame(void)
{
    char order[64];
    read_order("FAULT_LOSS_FILE", order, sizeof(order));
    return order[0] != '\0' &&
           randombytes_uniform(100) < (uint32_t)strtoul(order, NULL, 10);
}

#else

/* ISO C wants something in every file. */
typedef int fault_is_empty;

#endif
