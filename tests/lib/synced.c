/* A preload for a test's redis-server that notes what of each file has surely
 * reached the disk: the size that it had when the last sync that succeeded
 * began. SYNCED_FILE names the file of notes, which outlives the process: a
 * table of pairs {inode, bytes}, found by the inode because files are renamed.
 * A file without a note was never synced. Where a file system gives the inode
 * of a removed file to the next one, that one's note may say too much until its
 * own first sync; one in memory does not.
 * Never cuts anything: tests/lib/power.py does, when the process is dead. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    NOTES = 4096,     /* files over the life of a test */
    SYNC_NS = 1000000 /* a disk takes its time, and the power may go then */
};

struct note {
    _Atomic uint64_t inode; /* 0: free */
    _Atomic uint64_t bytes;
};

static struct note *notes;

__attribute__((constructor)) static void open_notes(void)
{
    const char *path = getenv("SYNCED_FILE");
    size_t size = NOTES * sizeof(struct note);
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        abort(); /* a test that could see no loss would pass */
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (at == MAP_FAILED)
        abort();
    notes = at;
}

/* Redis syncs from several threads, and from the child that rewrites. */
static void write_note(const struct stat *file)
{
    for (size_t i = 0; i < NOTES; i++) {
        struct note *n = &notes[((uint64_t)file->st_ino + i) % NOTES];
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&n->inode, &found,
                                           (uint64_t)file->st_ino) ||
            found == (uint64_t)file->st_ino) {
            atomic_store(&n->bytes, (uint64_t)file->st_size);
            return;
        }
    }
    abort(); /* full */
}

static int sync_noted(const char *name, int fd)
{
    /* ISO C has no cast from an object's address to a function's. */
    union {
        void *object;
        int (*call)(int);
    } real = {dlsym(RTLD_NEXT, name)};
    struct stat before;
    int known = fstat(fd, &before);
    (void)nanosleep(&(struct timespec){0, SYNC_NS}, NULL);
    int rc = real.call(fd);
    if (rc == 0 && known == 0 && S_ISREG(before.st_mode))
        write_note(&before);
    return rc;
}

/* Their parameters bear reserved names in libc's headers.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

int fsync(int fd)
{
    return sync_noted("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_noted("fdatasync", fd);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
