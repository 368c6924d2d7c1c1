#include "shared/registry.h"

#include <stdlib.h>

#include "shared/loop.h"
#include "shared/script.h"

enum { MOST_PEERS = 6, HURRY_MS = 100, DEADLINE_MS = 900 };

SCRIPT(registry);

struct registry {
    struct loop *loop;
    struct tasks *tasks;
    struct redis *redis;
    struct bus_client *client;
    const char *service, *instance, *endpoint;
    const char *const *peers;
    struct loop_timer *timer;
    unsigned brothers, place;
    int64_t announced_ms; /* 0: to be announced at once */
    bool leaving, beating;
};

struct beat {
    struct task task;
    struct registry *registry;
    struct value own, peers[MOST_PEERS];
};

static unsigned peer_count(const struct registry *r)
{
    unsigned n = 0;
    while (r->peers[n] != NULL)
        n++;
    return n;
}

static void ask(struct registry *r, struct task *t, const char *service,
                bool announce, struct value *out)
{
    struct str key = arena_printf(t->arena, "service:%s", service);
    struct str args[] = {announce ? str_of(r->instance) : STR_NONE,
                         str_of(r->endpoint),
                         r->leaving ? STR("leaving") : STR("live"),
                         arena_number(t->arena, REGISTRY_LIVES_MS)};
    redis_script(r->redis, t, key, &registry, &key, 1, args, 4, out);
}

/* A heartbeat is an fsync of Redis's: at most one a beat, however often we look
 * for others. */
static void ask_all(struct registry *r, struct beat *b)
{
    int64_t now = loop_now_ms();
    if (r->announced_ms == 0 || now - r->announced_ms >= REGISTRY_BEAT_MS) {
        r->announced_ms = now;
        ask(r, &b->task, r->service, true, &b->own);
    }
    for (unsigned i = 0; r->peers[i] != NULL; i++)
        ask(r, &b->task, r->peers[i], false, &b->peers[i]);
}

static void count_brothers(struct registry *r, const struct value *own)
{
    unsigned brothers = 0, place = 0;
    for (size_t i = 0; i + 2 < own->count; i += 3) {
        struct str name = value_str(value_at(own, i));
        char other[64] = "";
        if (!str_is(value_str(value_at(own, i + 2)), "live"))
            continue;
        memcpy(other, name.ptr,
               name.len < sizeof(other) ? name.len : sizeof(other) - 1);
        brothers++;
        if (strcmp(other, r->instance) < 0)
            place++;
    }
    r->brothers = brothers > 0 ? brothers : 1;
    r->place = place;
}

static void beat(struct task *t)
{
    struct beat *b = (struct beat *)t;
    struct registry *r = b->registry;
    TASK_BEGIN(t);
    AWAIT(t, ask_all(r, b));
    if (t->outcome != DONE) {
        r->announced_ms = 0;
        TASK_FAIL(t);
    }
    if (b->own.kind == VALUE_LIST)
        count_brothers(r, &b->own);
    for (unsigned i = 0; r->peers[i] != NULL; i++) {
        const struct value *live = &b->peers[i];
        for (size_t j = 0; j + 2 < live->count; j += 3)
            bus_client_copy(r->client, r->peers[i],
                            value_str(value_at(live, j)),
                            value_str(value_at(live, j + 1)),
                            !str_is(value_str(value_at(live, j + 2)), "live"));
        bus_client_sweep(r->client, r->peers[i]);
    }
    TASK_END(t);
}

static void beat_ended(struct task *t)
{
    struct registry *r = ((struct beat *)t)->registry;
    bool complete = true;
    for (unsigned i = 0; r->peers[i] != NULL; i++)
        complete = complete && bus_client_live(r->client, r->peers[i]) > 0;
    r->beating = false;
    /* Until every peer was seen the start-up waits for us. */
    loop_timer_set(r->timer, complete ? REGISTRY_BEAT_MS : HURRY_MS);
}

static void begin_beat(void *arg)
{
    struct registry *r = arg;
    if (r->beating) {
        loop_timer_set(r->timer, HURRY_MS);
        return;
    }
    r->beating = true;
    struct beat *b = task_new(r->tasks, sizeof(*b), beat, NULL);
    b->registry = r;
    b->task.finish = beat_ended;
    b->task.deadline_ms = loop_now_ms() + DEADLINE_MS;
    task_start(&b->task);
}

struct registry *registry_new(struct loop *loop, struct tasks *tasks,
                              struct redis *redis, struct bus_client *client,
                              const char *service, const char *instance,
                              const char *endpoint, const char *const *peers)
{
    struct registry *r = xcalloc(1, sizeof(*r));
    *r = (struct registry){.loop = loop,
                           .tasks = tasks,
                           .redis = redis,
                           .client = client,
                           .service = service,
                           .instance = instance,
                           .endpoint = endpoint,
                           .peers = peers,
                           .brothers = 1};
    if (peer_count(r) > MOST_PEERS)
        abort();
    r->timer = loop_timer_new(loop, begin_beat, r);
    begin_beat(r);
    return r;
}

void registry_destroy(struct registry **registry_)
{
    if (*registry_ == NULL)
        return;
    loop_timer_destroy(&(*registry_)->timer);
    free(*registry_);
    *registry_ = NULL;
}

void registry_leave(struct registry *r)
{
    r->leaving = true;
    r->announced_ms = 0;
    loop_timer_set(r->timer, 0);
}

unsigned registry_brothers(const struct registry *r)
{
    return r->brothers;
}

unsigned registry_place(const struct registry *r)
{
    return r->place;
}
