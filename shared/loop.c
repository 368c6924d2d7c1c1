#include "shared/loop.h"

#include <assert.h>
#include <ev.h>
#include <stdlib.h>
#include <time.h>

#include "shared/arena.h"

enum { MOST_HOOKS = 32, MOST_SIGNALS = 4 };

struct loop_hook {
    struct loop *loop;
    bool (*fn)(void *arg);
    void *arg;
};

struct on_signal {
    ev_signal watcher;
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    struct ev_loop *ev;
    bool stopped;
    struct loop_hook *hooks[MOST_HOOKS];
    unsigned nhooks;
    struct on_signal signals[MOST_SIGNALS];
    unsigned nsignals;
};

struct loop_io {
    ev_io watcher;
    struct loop *loop;
    void (*fn)(void *arg, int events);
    void *arg;
};

struct loop_timer {
    ev_timer watcher;
    struct loop *loop;
    void (*fn)(void *arg);
    void *arg;
};

struct loop *loop_new(void)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    loop->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    assert(loop->ev != NULL);
    return loop;
}

void loop_destroy(struct loop **loop)
{
    if (*loop == NULL)
        return;
    for (unsigned i = 0; i < (*loop)->nsignals; i++)
        ev_signal_stop((*loop)->ev, &(*loop)->signals[i].watcher);
    ev_loop_destroy((*loop)->ev);
    free(*loop);
    *loop = NULL;
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped) {
        bool busy = false;
        for (unsigned i = 0; i < loop->nhooks; i++)
            busy = loop->hooks[i]->fn(loop->hooks[i]->arg) || busy;
        if (loop->stopped)
            break;
        ev_run(loop->ev, busy ? EVRUN_NOWAIT : EVRUN_ONCE);
    }
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

int64_t loop_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void io_ready(struct ev_loop *ev, ev_io *watcher, int events)
{
    (void)ev;
    struct loop_io *io = watcher->data;
    io->fn(io->arg, (events & EV_READ ? LOOP_READ : 0) |
                        (events & EV_WRITE ? LOOP_WRITE : 0));
}

struct loop_io *loop_io_new(struct loop *loop, int fd,
                            void (*fn)(void *arg, int events), void *arg)
{
    struct loop_io *io = xcalloc(1, sizeof(*io));
    io->loop = loop;
    io->fn = fn;
    io->arg = arg;
    ev_io_init(&io->watcher, io_ready, fd, 0);
    io->watcher.data = io;
    return io;
}

void loop_io_want(struct loop_io *io, int events)
{
    int wanted = (events & LOOP_READ ? EV_READ : 0) |
                 (events & LOOP_WRITE ? EV_WRITE : 0);
    if ((io->watcher.events & (EV_READ | EV_WRITE)) == wanted)
        return;
    ev_io_stop(io->loop->ev, &io->watcher);
    ev_io_set(&io->watcher, io->watcher.fd, wanted);
    if (wanted != 0)
        ev_io_start(io->loop->ev, &io->watcher);
}

void loop_io_destroy(struct loop_io **io)
{
    if (*io == NULL)
        return;
    ev_io_stop((*io)->loop->ev, &(*io)->watcher);
    free(*io);
    *io = NULL;
}

static void timer_due(struct ev_loop *ev, ev_timer *watcher, int events)
{
    (void)ev;
    (void)events;
    struct loop_timer *timer = watcher->data;
    timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg),
                                  void *arg)
{
    struct loop_timer *timer = xcalloc(1, sizeof(*timer));
    timer->loop = loop;
    timer->fn = fn;
    timer->arg = arg;
    ev_timer_init(&timer->watcher, timer_due, 0., 0.);
    timer->watcher.data = timer;
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t in_ms)
{
    ev_timer_stop(timer->loop->ev, &timer->watcher);
    /* Relative to the time at which the turn began; catch up with the clock,
     * or a long turn would make the timer fire early. */
    ev_now_update(timer->loop->ev);
    ev_timer_set(&timer->watcher, in_ms > 0 ? (double)in_ms / 1000. : 0., 0.);
    ev_timer_start(timer->loop->ev, &timer->watcher);
}

void loop_timer_stop(struct loop_timer *timer)
{
    ev_timer_stop(timer->loop->ev, &timer->watcher);
}

void loop_timer_destroy(struct loop_timer **timer)
{
    if (*timer == NULL)
        return;
    loop_timer_stop(*timer);
    free(*timer);
    *timer = NULL;
}

struct loop_hook *loop_hook_new(struct loop *loop, bool (*fn)(void *arg),
                                void *arg)
{
    assert(loop->nhooks < MOST_HOOKS);
    struct loop_hook *hook = xcalloc(1, sizeof(*hook));
    hook->loop = loop;
    hook->fn = fn;
    hook->arg = arg;
    loop->hooks[loop->nhooks++] = hook;
    return hook;
}

void loop_hook_destroy(struct loop_hook **hook)
{
    if (*hook == NULL)
        return;
    struct loop *loop = (*hook)->loop;
    unsigned kept = 0;
    for (unsigned i = 0; i < loop->nhooks; i++)
        if (loop->hooks[i] != *hook)
            loop->hooks[kept++] = loop->hooks[i];
    loop->nhooks = kept;
    free(*hook);
    *hook = NULL;
}

static void signal_came(struct ev_loop *ev, ev_signal *watcher, int events)
{
    (void)ev;
    (void)events;
    struct on_signal *s = watcher->data;
    s->fn(s->arg);
}

void loop_on_signal(struct loop *loop, int signum, void (*fn)(void *arg),
                    void *arg)
{
    assert(loop->nsignals < MOST_SIGNALS);
    struct on_signal *s = &loop->signals[loop->nsignals++];
    s->fn = fn;
    s->arg = arg;
    ev_signal_init(&s->watcher, signal_came, signum);
    s->watcher.data = s;
    ev_signal_start(loop->ev, &s->watcher);
}
