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
    struct value own, time, peers[MOST_PEERS];
};

static unsigned peer_count(const struct registry *r)
{
    unsigned n = 0;
    while (r->peers[n] != NULL)
        n++;
    return n;
}

static void announce(struct registry *r, struct task *t, struct value *out)
{
    struct str key = arena_printf(t->arena, "service:%s", r->service);
    struct str args[] = {str_of(r->instance), str_of(r->endpoint),
                         r->leaving ? STR("leaving") : STR("live"),
                         arena_number(t->arena, REGISTRY_LIVES_MS)};
    redis_script(r->redis, t, key, &registry, &key, 1, args, 4, out);
}

/* Only read, and by no script, whose keys count as written, too: a service may
 * not write who the others are. */
static void look_for(struct registry *r, struct task *t, const char *service,
                     struct value *out)
{
    struct str key = arena_printf(t->arena, "service:%s", service);
    REDIS_DO(r->redis, t, key, out, STR("HGETALL"), key);
}

/* A heartbeat is an fsync of Redis's: at most one a beat, however often we look
 * for others. */
static void ask_all(struct registry *r, struct beat *b)
{
    int64_t now = loop_now_ms();
    if (r->announced_ms == 0 || now - r->announced_ms >= REGISTRY_BEAT_MS) {
        r->announced_ms = now;
        announce(r, &b->task, &b->own);
    }
    if (r->peers[0] != NULL)
        REDIS_DO(r->redis, &b->task, STR("service"), &b->time, STR("TIME"));
    for (unsigned i = 0; r->peers[i] != NULL; i++)
        look_for(r, &b->task, r->peers[i], &b->peers[i]);
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

/* `all`: instance -> "<ends> <live or leaving> <endpoint>". */
static void tell_of(struct registry *r, const char *service,
                    const struct value *all, int64_t now)
{
    for (size_t i = 0; i + 1 < all->count; i += 2) {
        struct str endpoint = value_str(value_at(all, i + 1));
        int64_t ends = 0;
        bool known = str_to_num(str_cut(&endpoint, ' '), &ends);
        struct str state = str_cut(&endpoint, ' ');
        if (known && ends > now)
            bus_client_copy(r->client, service, value_str(value_at(all, i)),
                            endpoint, !str_is(state, "live"));
    }
    bus_client_sweep(r->client, service);
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
    for (unsigned i = 0; r->peers[i] != NULL; i++)
        tell_of(r, r->peers[i], &b->peers[i], redis_time_ms(&b->time));
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
