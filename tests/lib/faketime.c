/* A preload that moves the real-time clock of one process by an offset, for a
 * test's redis-server. FAKETIME_FILE names a file of two numbers of 8 bytes,
 * which the test writes while the process runs: the offset in milliseconds, and
 * the moment (ms since 1970) at which the clock under it stands still; 0: it
 * runs.
 * Leaves the monotonic clock alone, and daemons never run under it. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct clock {
    int64_t offset_ms, stands_at_ms;
};

static const volatile struct clock *moved;

__attribute__((constructor)) static void open_offset(void)
{
    const char *path = getenv("FAKETIME_FILE");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof(*moved), PROT_READ, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (at != MAP_FAILED)
        moved = at;
}

/* Their parameters bear reserved names in libc's headers.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

/* The system call itself: what libc offers is what is replaced here. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);
    if (rc != 0 || moved == NULL ||
        (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return rc;
    int64_t stands_at_ms = moved->stands_at_ms;
    int64_t offset_ms = moved->offset_ms;
    if (stands_at_ms != 0) {
        now->tv_sec = stands_at_ms / 1000;
        now->tv_nsec = stands_at_ms % 1000 * 1000000;
    }
    int64_t ns = (int64_t)now->tv_nsec + offset_ms % 1000 * 1000000;
    now->tv_sec += offset_ms / 1000 + ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0)
        return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec exact = {0, 0};
    (void)clock_gettime(CLOCK_REALTIME, &exact);
    if (out != NULL)
        *out = exact.tv_sec;
    return exact.tv_sec;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
