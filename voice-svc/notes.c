#include "voice-svc/notes.h"

#include <stdlib.h>

#include "shared/keys.h"
#include "shared/loop.h"

enum {
    NOTE_MS = 2000,
    NOTES_A_BATCH = 256,
    NOTES_WAIT_MS = 50, /* each batch costs Redis one fsync */
    MOST_EVENTS = 200
};

struct batch {
    struct task task;
    unsigned count;
    struct str keys[NOTES_A_BATCH], events[NOTES_A_BATCH];
    struct value lengths[NOTES_A_BATCH];
};

struct notes {
    struct loop_timer *timer;
    struct batch *open; /* NULL: nothing waits */
};

static void write_notes(struct task *t, struct batch *b)
{
    /* Only where there still is a timeline. */
    for (unsigned i = 0; i < b->count; i++)
        REDIS_DO(service_of(t)->redis, t, b->keys[i], &b->lengths[i],
                 STR("RPUSHX"), b->keys[i], b->events[i]);
}

static void cap_timelines(struct task *t, struct batch *b)
{
    struct str from = arena_number(t->arena, -MOST_EVENTS);
    for (unsigned i = 0; i < b->count; i++)
        if (value_num(&b->lengths[i], 0) > MOST_EVENTS)
            REDIS_DO(service_of(t)->redis, t, b->keys[i], NULL, STR("LTRIM"),
                     b->keys[i], from, STR("-1"));
}

static void batch_run(struct task *t)
{
    struct batch *b = (struct batch *)t;
    TASK_BEGIN(t);
    AWAIT(t, write_notes(t, b));
    AWAIT(t, cap_timelines(t, b));
    TASK_END(t);
}

static void flush_notes(void *arg)
{
    struct notes *n = arg;
    struct batch *b = n->open;
    n->open = NULL;
    if (b != NULL)
        task_start(&b->task);
}

void notes_add(struct service *s, const struct msg_route *route,
               enum call_fate fate, int64_t now_ms)
{
    static const char *const words[] = {"connected", "unknown", "closed",
                                        "texts_only"};
    struct notes *n = s->context;
    unsigned partition = 0;
    if (!ride_id_parse(route->ride, &partition, NULL))
        return;
    if (n->open == NULL) {
        n->open = service_task(s, sizeof(*n->open), batch_run, NOTE_MS);
        loop_timer_set(n->timer, NOTES_WAIT_MS);
    }
    struct batch *b = n->open;
    const struct msg_event event = {.at = now_ms,
                                    .what = STR("call"),
                                    .role = route->role,
                                    .detail = str_of(words[fate])};
    b->keys[b->count] = key_timeline(b->task.arena, partition, route->ride);
    b->events[b->count++] = record_pack(b->task.arena, &type_event, &event);
    if (b->count == NOTES_A_BATCH)
        flush_notes(n);
}

bool notes_start(struct service *s)
{
    struct notes *n = xcalloc(1, sizeof(*n));
    n->timer = loop_timer_new(s->loop, flush_notes, n);
    s->context = n;
    return true;
}

void notes_leave(struct service *s)
{
    flush_notes(s->context);
}

void notes_stop(struct service *s)
{
    struct notes *n = s->context;
    if (n == NULL)
        return;
    loop_timer_destroy(&n->timer);
    free(n);
    s->context = NULL;
}
