/* What the command has of its own to talk to Redis with: a loop that runs one
 * task at a time, to its end; and words for whoever looks on. */
#ifndef BIRDCAR_REKEY_APP_H
#define BIRDCAR_REKEY_APP_H

#include "shared/bus_curve.h"
#include "shared/redis.h"
#include "shared/settings.h"
#include "shared/vault.h"

/* How a command ends. AGAIN: it was cut short, and goes on when it is run once
 * more. */
enum end { END_DONE = 0, END_FAILED = 1, END_USAGE = 2, END_AGAIN = 75 };

struct app {
    struct settings settings;
    int64_t patience_ms; /* with a Redis that does not answer */
    int64_t settle_ms;   /* what began with the keys before has ended by then */
    struct loop *loop;
    struct tasks *tasks;
    struct redis *redis;
    struct bus_curve *curve; /* NULL: no other machine */
    struct vault *vault;     /* of the key file as it is */
    struct loop_timer *waker;
    int64_t said_ms;
    bool done; /* as the last task ended */
};

/* False: it said why. */
bool app_open(struct app *a);
void app_close(struct app *a);

/* Reads the key file anew. False: it said why. */
bool app_read_keys(struct app *a);

/* A task of the command's own; `t->owner` is the app. */
void *app_task(struct app *a, size_t size, void (*run)(struct task *));
/* Runs it to its end. Was its outcome DONE? */
bool app_run(struct app *a, void *task);
void app_sleep(struct app *a, int64_t ms);

/* Redis did not answer: waits a little. False: for too long, and it said so. */
bool app_wait_redis(struct app *a, int64_t since_ms);

static inline struct app *app_of(const struct task *t)
{
    return t->owner;
}

/* A line for whoever looks on; say_fault() for what is wrong. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line at most every second. */
void say_progress(struct app *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
