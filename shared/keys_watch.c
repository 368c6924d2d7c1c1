#include "shared/keys_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"

/* Which file it was, and as of when. */
struct version {
    struct timespec changed;
    ino_t file;
    off_t bytes;
};

struct keys_watch {
    struct loop_timer *timer;
    const char *path;
    struct vault **vault;
    struct version seen;
};

static bool is_new(struct keys_watch *w)
{
    struct stat st;
    if (stat(w->path, &st) != 0)
        return false;
    struct version now = {st.st_mtim, st.st_ino, st.st_size};
    bool same = now.changed.tv_sec == w->seen.changed.tv_sec &&
                now.changed.tv_nsec == w->seen.changed.tv_nsec &&
                now.file == w->seen.file && now.bytes == w->seen.bytes;
    w->seen = now;
    return !same;
}

static void tell(const struct vault *vault)
{
    struct arena *arena = arena_new();
    metric_forget_of(METRIC_keys_loaded);
    metric_set_of(METRIC_keys_loaded, "fingerprint",
                  vault_fingerprint(vault, arena), 1);
    arena_destroy(&arena);
}

static bool is_other(const struct vault *a, const struct vault *b)
{
    struct arena *arena = arena_new();
    bool other =
        !str_eq(vault_fingerprint(a, arena), vault_fingerprint(b, arena));
    arena_destroy(&arena);
    return other;
}

static void read_anew(struct keys_watch *w)
{
    char why[256] = "";
    struct vault *read = vault_new(w->path, why, sizeof(why));
    if (read != NULL && !vault_finds_the_same(*w->vault, read)) {
        (void)snprintf(why, sizeof(why),
                       "other look-up or MAC keys, for which all daemons have "
                       "to be started anew");
        vault_destroy(&read);
    }
    if (read == NULL) {
        log_event(LEVEL_ERROR, "keys.refused", STR_NONE,
                  "fault=\"%s\" check=KEYS_FILE as_before=yes", why);
        return;
    }
    if (is_other(*w->vault, read)) {
        struct vault *before = *w->vault;
        *w->vault = read;
        read = before;
        tell(*w->vault);
        log_event(LEVEL_INFO, "keys.read", STR_NONE, "seals_with=%u",
                  vault_seals_with(*w->vault));
    }
    vault_destroy(&read);
}

static void look(void *arg)
{
    struct keys_watch *w = arg;
    if (is_new(w))
        read_anew(w);
    loop_timer_set(w->timer, KEYS_LOOK_MS);
}

struct keys_watch *keys_watch_new(struct loop *loop, const char *path,
                                  struct vault **vault)
{
    struct keys_watch *w = xcalloc(1, sizeof(*w));
    w->path = path;
    w->vault = vault;
    w->timer = loop_timer_new(loop, look, w);
    tell(*vault);
    /* The first look reads it once more: it may have changed since. */
    loop_timer_set(w->timer, KEYS_LOOK_MS);
    return w;
}

void keys_watch_destroy(struct keys_watch **watch)
{
    if (*watch == NULL)
        return;
    loop_timer_destroy(&(*watch)->timer);
    free(*watch);
    *watch = NULL;
}
