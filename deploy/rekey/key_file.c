#include "deploy/rekey/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/arena.h"
#include "shared/secret_file.h"
#include "shared/vault.h"

enum { FILE_MOST = 1 << 16, KEY_BYTES = 32, KEY_IDS = 256 };

/* The file's text, and what is to stand in its place; in guarded memory. */
struct edit {
    char *was, *now;
    size_t was_len, now_len;
};

/* ---- lines ---- */

static struct str next_line(struct str *text)
{
    struct str line = STR_NONE;
    while (text->len > 0 && line.len == 0)
        line = str_trim(str_cut(text, '\n'));
    return line;
}

static bool is_line(struct str line, const char *word)
{
    return str_is(str_cut(&line, ' '), word);
}

static int64_t id_of(struct str line)
{
    int64_t id = 0;
    (void)str_cut(&line, ' ');
    line = str_trim(line);
    (void)str_to_num(str_cut(&line, ' '), &id);
    return id > 0 && id < KEY_IDS ? id : 0; /* the vault takes no other */
}

static void put(struct edit *e, struct str s)
{
    if (s.len > FILE_MOST - e->now_len)
        abort();
    if (s.len == 0)
        return;
    memcpy(e->now + e->now_len, s.ptr, s.len);
    e->now_len += s.len;
}

static void put_line(struct edit *e, struct str line)
{
    put(e, line);
    put(e, STR("\n"));
}

static void put_new_key(struct edit *e, struct str before)
{
    unsigned char key[KEY_BYTES];
    char hex[KEY_BYTES * 2 + 1];
    randombytes_buf(key, sizeof(key));
    (void)sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
    put(e, before);
    put_line(e, (struct str){hex, sizeof(hex) - 1});
    sodium_memzero(key, sizeof(key));
    sodium_memzero(hex, sizeof(hex));
}

/* ---- the changes ---- */

static void copy_all(struct edit *e)
{
    struct str text = {e->was, e->was_len};
    while (text.len > 0) {
        struct str line = next_line(&text);
        if (line.len > 0)
            put_line(e, line);
    }
}

/* The one behind the last one that is free: an id names another key only after
 * a round of all 255. */
static void add_next(struct edit *e)
{
    struct str text = {e->was, e->was_len};
    bool used[KEY_IDS] = {false};
    int64_t id = 0;
    char before[32];
    while (text.len > 0) {
        struct str line = next_line(&text);
        if (!is_line(line, "seal"))
            continue;
        id = id_of(line);
        used[id] = true;
    }
    while (id == 0 || used[id])
        id = (id + 1) % KEY_IDS;
    copy_all(e);
    int len = snprintf(before, sizeof(before), "next %d ", (int)id);
    put_new_key(e, (struct str){before, (size_t)len});
}

static void use_next(struct edit *e)
{
    struct str text = {e->was, e->was_len}, next = STR_NONE;
    while (text.len > 0) {
        struct str line = next_line(&text);
        if (is_line(line, "next"))
            next = line;
        else if (line.len > 0)
            put_line(e, line);
    }
    (void)str_cut(&next, ' ');
    put(e, STR("seal "));
    put_line(e, next);
}

static void drop_old(struct edit *e)
{
    struct str text = {e->was, e->was_len}, seals = STR_NONE;
    while (text.len > 0) {
        struct str line = next_line(&text);
        if (is_line(line, "seal"))
            seals = line;
        else if (line.len > 0)
            put_line(e, line);
    }
    put_line(e, seals);
}

static void add_lookup(struct edit *e)
{
    copy_all(e);
    put_new_key(e, STR("lookup "));
}

/* ---- the file ---- */

static bool fails(const char *path, char *why, size_t room)
{
    (void)snprintf(why, room, "%s: %s", path, strerrordesc_np(errno));
    return false;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put_now = write(fd, bytes, len);
        if (put_now < 0 && errno != EINTR)
            return false;
        if (put_now > 0) {
            bytes += put_now;
            len -= (size_t)put_now;
        }
    }
    return true;
}

/* The owner stays who it was, whoever runs this: the daemons have to read it.
 */
static bool write_new(const struct key_file *file, const char *new_path,
                      const struct edit *e)
{
    struct stat st;
    (void)unlink(new_path);
    int fd =
        open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
             S_IRUSR | S_IWUSR);
    if (fd < 0)
        return false;
    bool good =
        stat(file->path, &st) == 0 &&
        (st.st_uid == geteuid() || fchown(fd, st.st_uid, st.st_gid) == 0) &&
        write_all(fd, e->now, e->now_len) && fsync(fd) == 0;
    int fault = errno;
    if (close(fd) != 0)
        good = false;
    else
        errno = fault;
    return good;
}

static bool sync_folder(const char *path)
{
    char *copy = xstrdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    free(copy);
    return good;
}

/* The new file takes the old one's place once it is on disk, and can be read.
 */
static bool replace(const struct key_file *file, const struct edit *e,
                    char *why, size_t room)
{
    struct buffer new_path = {0};
    buffer_printf(&new_path, "%s.new", file->path);
    buffer_add(&new_path, "", 1);
    bool good = write_new(file, new_path.ptr, e);
    if (good) {
        struct vault *reads = vault_new(new_path.ptr, why, room);
        good = reads != NULL;
        vault_destroy(&reads);
        if (good)
            good = (rename(new_path.ptr, file->path) == 0 &&
                    sync_folder(file->path)) ||
                   fails(file->path, why, room);
    } else {
        (void)fails(new_path.ptr, why, room);
    }
    buffer_free(&new_path);
    return good;
}

static bool change(const struct key_file *file, void (*how)(struct edit *e),
                   char *why, size_t room)
{
    bool good = false;
    struct edit e = {sodium_malloc(FILE_MOST), sodium_malloc(FILE_MOST), 0, 0};
    if (e.was == NULL || e.now == NULL)
        abort();
    const char *fault =
        secret_file_read(file->path, e.was, FILE_MOST, &e.was_len);
    if (fault == NULL && e.was_len > FILE_MOST / 2)
        fault = "too large";
    if (fault == NULL) {
        how(&e);
        good = replace(file, &e, why, room);
    } else {
        (void)snprintf(why, room, "%s: %s", file->path, fault);
    }
    sodium_free(e.was);
    sodium_free(e.now);
    return good;
}

bool key_file_add_next(const struct key_file *file, char *why, size_t room)
{
    return change(file, add_next, why, room);
}

bool key_file_use_next(const struct key_file *file, char *why, size_t room)
{
    return change(file, use_next, why, room);
}

bool key_file_drop_old(const struct key_file *file, char *why, size_t room)
{
    return change(file, drop_old, why, room);
}

bool key_file_add_lookup(const struct key_file *file, char *why, size_t room)
{
    return change(file, add_lookup, why, room);
}

bool key_file_count(const struct key_file *file, struct key_counts *counts,
                    char *why, size_t room)
{
    size_t len = 0;
    char *text = sodium_malloc(FILE_MOST);
    if (text == NULL)
        abort();
    const char *fault = secret_file_read(file->path, text, FILE_MOST, &len);
    *counts = (struct key_counts){0};
    for (struct str rest = {text, len}; fault == NULL && rest.len > 0;) {
        struct str line = next_line(&rest);
        counts->lookups += is_line(line, "lookup");
        counts->seals += is_line(line, "seal");
        counts->nexts += is_line(line, "next");
    }
    sodium_free(text);
    if (fault != NULL)
        (void)snprintf(why, room, "%s: %s", file->path, fault);
    return fault == NULL;
}

/* ---- one at a time ---- */

bool key_file_open(struct key_file *file, const char *path, char *why,
                   size_t room)
{
    struct buffer lock_path = {0};
    *file = (struct key_file){realpath(path, NULL), -1};
    if (file->path == NULL)
        return fails(path, why, room);
    buffer_printf(&lock_path, "%s.lock", file->path);
    buffer_add(&lock_path, "", 1);
    file->lock = open(lock_path.ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                      S_IRUSR | S_IWUSR);
    bool good = file->lock >= 0 && flock(file->lock, LOCK_EX | LOCK_NB) == 0;
    if (!good && errno == EWOULDBLOCK)
        (void)snprintf(why, room, "another deploy/keys is changing %s",
                       file->path);
    else if (!good)
        (void)fails(lock_path.ptr, why, room);
    buffer_free(&lock_path);
    if (!good)
        key_file_close(file);
    return good;
}

void key_file_close(struct key_file *file)
{
    if (file->lock >= 0)
        (void)close(file->lock);
    free(file->path);
    *file = (struct key_file){NULL, -1};
}
