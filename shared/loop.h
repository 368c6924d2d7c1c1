/* The event loop: descriptors, timers, signals, and hooks before each sleep.
 * Wraps libev; nobody else sees it. One loop a process, one thread. */
#ifndef BIRDCAR_LOOP_H
#define BIRDCAR_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_io;
struct loop_timer;
struct loop_hook;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop *loop_new(void);
void loop_destroy(struct loop **loop);

/* Runs until loop_stop(); may run again. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Milliseconds of CLOCK_MONOTONIC, read anew at each call. */
int64_t loop_now_ms(void);

/* `fn` is called with the LOOP_READ/LOOP_WRITE bits that are ready. The
 * descriptor stays the caller's and must outlive the watcher. */
struct loop_io *loop_io_new(struct loop *loop, int fd,
                            void (*fn)(void *arg, int events), void *arg);
void loop_io_want(struct loop_io *io, int events);
void loop_io_destroy(struct loop_io **io);

/* One shot; set it again for the next. Starts stopped. */
struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg),
                                  void *arg);
void loop_timer_set(struct loop_timer *timer, int64_t in_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_destroy(struct loop_timer **timer);

/* Called once a turn before the loop sleeps. True says that more work waits
 * already: then the loop only looks at its descriptors and does not sleep.
 * ZeroMQ needs it (a send eats the edge of ZMQ_FD), tasks and batches use it.
 * Hooks run in the order in which they were made. */
struct loop_hook *loop_hook_new(struct loop *loop, bool (*fn)(void *arg),
                                void *arg);
void loop_hook_destroy(struct loop_hook **hook);

/* `fn` is called from the loop, not from the signal handler. */
void loop_on_signal(struct loop *loop, int signum, void (*fn)(void *arg),
                    void *arg);

#endif
