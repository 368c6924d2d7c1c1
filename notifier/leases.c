#include "notifier/leases.h"

#include <stdlib.h>

#include "shared/keys.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"
#include "shared/script.h"

SCRIPT(lease);

enum {
    /* Time for the first look at who else lives. */
    FIRST_ROUND_MS = 60,
    ROUND_MS = 800,
    SHORT_ROUND_MS = 200, /* while something is wanted: mere reads */
    ROUND_DEADLINE_MS = 700,
    OFFER_STANDS_MS = 1500,
    ORPHAN_MS = 1000,
    /* Who left its partitions lying is known to be dead by then, so that what
     * was rescued is not offered to a dead one. */
    SETTLE_MS = REGISTRY_LIVES_MS + REGISTRY_BEAT_MS
};

struct tenure {
    struct lease_view view;
    int64_t epoch;      /* 0: not ours */
    int64_t renewed_ms; /* when the renewal that held was asked for */
    int64_t free_since_ms;
};

struct leases {
    struct service *service;
    const struct lease_events *events;
    void *arg;
    struct loop_timer *timer;
    struct tenure all[PARTITIONS];
    unsigned owned;
    int64_t settled_ms; /* nothing is offered before */
    bool round_runs, leaving, left;
};

struct round {
    struct task task;
    struct leases *leases;
    int64_t asked_ms;
    enum lease_act acts[PARTITIONS];
    struct value got[PARTITIONS];
    unsigned turns;
};

/* ---- what is ours ---- */

int64_t leases_epoch(const struct leases *l, unsigned partition)
{
    return l->all[partition].epoch;
}

bool leases_hold(const struct leases *l, unsigned partition)
{
    const struct tenure *t = &l->all[partition];
    return t->epoch != 0 && loop_now_ms() - t->renewed_ms < LEASE_TRUST_MS;
}

struct str leases_mark(const struct leases *l, struct arena *arena,
                       unsigned partition)
{
    return arena_printf(arena, "%s %lld", l->service->instance,
                        (long long)l->all[partition].epoch);
}

static void take(struct leases *l, unsigned p, int64_t epoch)
{
    l->all[p].epoch = epoch;
    l->all[p].view.seen = SEEN_MINE;
    l->owned++;
    l->events->taken(l->arg, p);
}

static void lose(struct leases *l, unsigned p)
{
    l->all[p].epoch = 0;
    l->all[p].view = (struct lease_view){.seen = SEEN_NEVER};
    l->owned--;
    l->events->lost(l->arg, p);
}

/* ---- a round ---- */

static void ask(struct round *r, unsigned p, int64_t epoch)
{
    static const char *const words[] = {
        [LEASE_LOOK] = "look",   [LEASE_KEEP] = "keep",
        [LEASE_TAKE] = "take",   [LEASE_RESCUE] = "rescue",
        [LEASE_OFFER] = "offer", [LEASE_FREE] = "free"};
    struct task *t = &r->task;
    struct service *s = r->leases->service;
    struct arena *a = t->arena;
    struct str keys[] = {key_of_partition(a, "lease", p),
                         key_of_partition(a, "epoch", p)};
    struct str args[] = {
        str_of(s->instance), arena_printf(a, "%lld", (long long)epoch),
        str_of(words[r->acts[p]]), arena_printf(a, "%d", LEASE_MS),
        arena_printf(a, "%d", OFFER_STANDS_MS)};
    redis_script(s->redis, t, partition_tag(p), &lease, keys, 2, args, 5,
                 &r->got[p]);
}

static void plan(struct round *r)
{
    struct leases *l = r->leases;
    struct lease_view views[PARTITIONS];
    int64_t now = loop_now_ms();
    for (unsigned p = 0; p < PARTITIONS; p++)
        views[p] = l->all[p].view;
    lease_plan(views, registry_brothers(l->service->registry),
               registry_place(l->service->registry), now >= l->settled_ms,
               r->acts);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        /* A renewal is an fsync; a short round has time until the next. */
        if (r->acts[p] == LEASE_KEEP &&
            now - l->all[p].renewed_ms < ROUND_MS - SHORT_ROUND_MS)
            r->acts[p] = LEASE_NOTHING;
        if (l->leaving)
            r->acts[p] = l->all[p].epoch != 0 ? LEASE_FREE : LEASE_NOTHING;
    }
}

/* What is given back is not ours any more from the moment of asking. */
static void ask_all(struct round *r)
{
    struct leases *l = r->leases;
    plan(r);
    r->asked_ms = loop_now_ms();
    for (unsigned p = 0; p < PARTITIONS; p++) {
        int64_t epoch = l->all[p].epoch;
        r->got[p] = (struct value){.kind = VALUE_NIL};
        if (r->acts[p] == LEASE_OFFER || r->acts[p] == LEASE_FREE)
            lose(l, p);
        if (r->acts[p] != LEASE_NOTHING)
            ask(r, p, epoch);
    }
}

static void apply(struct round *r, unsigned p)
{
    struct leases *l = r->leases;
    struct tenure *t = &l->all[p];
    enum lease_seen before = t->view.seen;
    struct str word = value_str(value_at(&r->got[p], 0));
    if (str_is(word, "mine")) {
        t->renewed_ms = r->asked_ms;
        if (t->epoch == 0)
            take(l, p, value_num(value_at(&r->got[p], 1), 0));
        if (r->acts[p] == LEASE_RESCUE)
            l->settled_ms = r->asked_ms + SETTLE_MS;
        return;
    }
    if (t->epoch != 0) {
        log_event(LEVEL_WARN, "lease.lost", STR_NONE, "partition=%u", p);
        lose(l, p);
    }
    t->view.seen = SEEN_OTHER;
    if (str_is(word, "offered"))
        t->view.seen = SEEN_OFFERED;
    else if (str_is(word, "free"))
        t->view.seen = SEEN_FREE;
    if (before != t->view.seen)
        t->free_since_ms = r->asked_ms;
    /* Its owner let it lapse or left; or nobody came for it since. */
    t->view.orphan = before == SEEN_OTHER ||
                     (before == SEEN_FREE && t->view.orphan) ||
                     r->asked_ms - t->free_since_ms >= ORPHAN_MS;
}

static void apply_all(struct round *r)
{
    struct leases *l = r->leases;
    unsigned owned = l->owned;
    for (unsigned p = 0; p < PARTITIONS; p++)
        /* No answer: nothing is known, and trust in it runs out. */
        if (r->acts[p] != LEASE_NOTHING && r->got[p].kind == VALUE_LIST)
            apply(r, p);
    if (owned != l->owned)
        log_event(LEVEL_INFO, "lease.round", STR_NONE, "owned=%u of=%u",
                  l->owned, registry_brothers(l->service->registry));
    metric_set(METRIC_partitions_owned, l->owned);
}

static bool is_short(const struct leases *l)
{
    const struct registry *others = l->service->registry;
    return l->owned <
           lease_share(registry_brothers(others), registry_place(others));
}

/* This round found something that the next would take. */
static bool some_to_take(const struct leases *l)
{
    bool any = is_short(l);
    for (unsigned p = 0; p < PARTITIONS && !l->leaving; p++) {
        const struct lease_view *view = &l->all[p].view;
        if ((view->seen == SEEN_FREE && (any || view->orphan)) ||
            (view->seen == SEEN_OFFERED && any))
            return true;
    }
    return false;
}

static void round_run(struct task *t)
{
    struct round *r = (struct round *)t;
    TASK_BEGIN(t);
    do {
        AWAIT(t, ask_all(r));
        apply_all(r);
    } while (++r->turns < 2 && some_to_take(r->leases));
    if (r->leases->leaving && r->leases->owned == 0)
        r->leases->left = true;
    TASK_END(t);
}

static void round_ended(struct task *t)
{
    struct leases *l = ((struct round *)t)->leases;
    l->round_runs = false;
    if (!l->leaving)
        loop_timer_set(l->timer, is_short(l) ? SHORT_ROUND_MS : ROUND_MS);
    else if (!l->left)
        loop_timer_set(l->timer, 0);
}

static void begin_round(void *arg)
{
    struct leases *l = arg;
    if (l->round_runs)
        return;
    l->round_runs = true;
    struct round *r =
        service_task(l->service, sizeof(*r), round_run, ROUND_DEADLINE_MS);
    r->leases = l;
    r->task.finish = round_ended;
    task_start(&r->task);
}

/* ---- life ---- */

struct leases *leases_new(struct service *s, const struct lease_events *events,
                          void *arg)
{
    struct leases *l = xcalloc(1, sizeof(*l));
    l->service = s;
    l->events = events;
    l->arg = arg;
    l->timer = loop_timer_new(s->loop, begin_round, l);
    return l;
}

void leases_destroy(struct leases **leases)
{
    if (*leases == NULL)
        return;
    loop_timer_destroy(&(*leases)->timer);
    free(*leases);
    *leases = NULL;
}

void leases_start(struct leases *l)
{
    loop_timer_set(l->timer, FIRST_ROUND_MS);
}

void leases_leave(struct leases *l)
{
    l->leaving = true;
    l->left = l->owned == 0 && !l->round_runs;
    begin_round(l);
}

bool leases_left(const struct leases *l)
{
    return l->left;
}
