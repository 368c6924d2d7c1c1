#include "deploy/rekey/app.h"

#include <stdarg.h>
#include <stdio.h>

#include "shared/log.h"
#include "shared/loop.h"

enum {
    TASK_MS = 60000,
    AGAIN_MS = 300,
    PROGRESS_EVERY_MS = 1000,
    LINE_ROOM = 512
};

/* ---- words ---- */

static void put(FILE *to, const char *before, const char *line)
{
    (void)fprintf(to, "%s%s\n", before, line);
    (void)fflush(to);
}

void say(const char *format, ...)
{
    char line[LINE_ROOM];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    put(stdout, "", line);
}

void say_fault(const char *format, ...)
{
    char line[LINE_ROOM];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    put(stderr, "deploy/keys: ", line);
}

void say_progress(struct app *a, const char *format, ...)
{
    char line[LINE_ROOM];
    va_list args;
    int64_t now = loop_now_ms();
    if (now - a->said_ms < PROGRESS_EVERY_MS)
        return;
    a->said_ms = now;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    put(stdout, "  ", line);
}

/* ---- tasks ---- */

static void ended(struct task *t)
{
    struct app *a = app_of(t);
    a->done = t->outcome == DONE;
    loop_stop(a->loop);
}

void *app_task(struct app *a, size_t size, void (*run)(struct task *))
{
    struct task *t = task_new(a->tasks, size, run, NULL);
    t->owner = a;
    t->finish = ended;
    t->deadline_ms = loop_now_ms() + TASK_MS;
    return t;
}

bool app_run(struct app *a, void *task)
{
    task_start(task);
    loop_run(a->loop);
    return a->done;
}

static void woken(void *arg)
{
    struct app *a = arg;
    loop_stop(a->loop);
}

void app_sleep(struct app *a, int64_t ms)
{
    if (ms <= 0)
        return;
    loop_timer_set(a->waker, ms);
    loop_run(a->loop);
}

bool app_wait_redis(struct app *a, int64_t since_ms)
{
    const char *why = redis_refusal(a->redis);
    if (loop_now_ms() - since_ms > a->patience_ms) {
        say_fault("Redis does not do what it is asked (%s). Nothing is lost; "
                  "run this again when it does.",
                  why != NULL ? why : "no answer");
        return false;
    }
    say_progress(a, "waiting for Redis (%s)", why != NULL ? why : "no answer");
    app_sleep(a, AGAIN_MS);
    return true;
}

/* ---- life ---- */

bool app_read_keys(struct app *a)
{
    char why[256];
    struct vault *read = vault_new(a->settings.keys_file, why, sizeof(why));
    if (read == NULL) {
        say_fault("%s", why);
        return false;
    }
    vault_destroy(&a->vault);
    a->vault = read;
    return true;
}

/* Where daemons of other machines are to be asked. */
static bool open_curve(struct app *a)
{
    char why[256];
    const struct settings *set = &a->settings;
    if (set->curve_key_file[0] == '\0')
        return true;
    a->curve = bus_curve_new(a->loop, set->curve_key_file,
                             set->curve_allowed_file, why, sizeof(why));
    if (a->curve == NULL)
        say_fault("%s", why);
    return a->curve != NULL;
}

bool app_open(struct app *a)
{
    char why[256];
    const char *reason = "";
    log_setup("birdcar-keys", LEVEL_ERROR);
    if (!settings_read(&a->settings, "birdcar-keys", why, sizeof(why))) {
        say_fault("%s", why);
        return false;
    }
    if (!app_read_keys(a))
        return false;
    a->loop = loop_new();
    a->tasks = tasks_new(a->loop);
    a->waker = loop_timer_new(a->loop, woken, a);
    a->redis = redis_new(a->loop, a->settings.redis_url, a->settings.redis_user,
                         a->settings.redis_password, &reason);
    if (a->redis == NULL) {
        say_fault("REDIS_URL: %s", reason);
        return false;
    }
    return open_curve(a);
}

void app_close(struct app *a)
{
    bus_curve_destroy(&a->curve);
    redis_destroy(&a->redis);
    if (a->loop != NULL) {
        loop_timer_destroy(&a->waker);
        tasks_destroy(&a->tasks);
        loop_destroy(&a->loop);
    }
    vault_destroy(&a->vault);
}
