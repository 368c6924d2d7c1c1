#include "shared/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file_fault(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return strerrordesc_np(errno);
    if (!S_ISREG(st.st_mode))
        return "not a regular file";
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "open to others than its owner; chmod 600 it";
    return NULL;
}

static const char *read_all(int fd, char *bytes, size_t room, size_t *len)
{
    *len = 0;
    while (*len < room) {
        ssize_t got = read(fd, bytes + *len, room - *len);
        if (got == 0)
            return NULL;
        if (got < 0 && errno != EINTR)
            return strerrordesc_np(errno);
        if (got > 0)
            *len += (size_t)got;
    }
    return "too large";
}

const char *secret_file_read(const char *path, char *bytes, size_t room,
                             size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return strerrordesc_np(errno);
    const char *fault = file_fault(fd);
    if (fault == NULL)
        fault = read_all(fd, bytes, room, len);
    (void)close(fd);
    return fault;
}
