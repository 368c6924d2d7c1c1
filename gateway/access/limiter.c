#include "gateway/access/limiter.h"

#include <stdlib.h>

#include "shared/loop.h"
#include "shared/metrics.h"
#include "shared/script.h"

SCRIPT(limit_take);

enum {
    PLACES = 4096, /* two that share one only ask more often */
    SHARES = 20    /* of a second's */
};

struct place {
    uint64_t who;
    int64_t until_ms; /* on loop_now_ms()'s clock */
    int64_t left;
    bool is_over; /* nothing more in this second */
};

struct limiter {
    struct service *service;
    struct place places[PLACES];
};

struct limiter *limiter_new(struct service *s)
{
    struct limiter *l = xcalloc(1, sizeof(*l));
    l->service = s;
    return l;
}

void limiter_destroy(struct limiter **limiter)
{
    free(*limiter);
    *limiter = NULL;
}

struct asking {
    struct task task;
    struct limiter *limiter;
    struct str key;
    uint64_t who;
    int64_t most, asked_ms;
    struct value got;
};

static struct place *place_of(struct limiter *l, uint64_t who)
{
    struct place *p = &l->places[who % PLACES];
    if (p->who != who || p->until_ms <= loop_now_ms())
        *p = (struct place){.who = who};
    return p;
}

static void ask_share(struct asking *a)
{
    struct arena *arena = a->task.arena;
    int64_t share = (a->most + SHARES - 1) / SHARES;
    const struct str keys[] = {a->key};
    const struct str args[] = {arena_number(arena, a->most),
                               arena_number(arena, share)};
    a->asked_ms = loop_now_ms();
    redis_script(a->limiter->service->redis, &a->task, STR("access"),
                 &limit_take, keys, 1, args, 2, &a->got);
}

/* False: it has to wait. An answer that comes when its second is over says
 * nothing of this one. */
static bool use_share(struct asking *a)
{
    struct place *p = place_of(a->limiter, a->who);
    int64_t share = value_num(value_at(&a->got, 0), 0);
    int64_t until_ms = a->asked_ms + value_num(value_at(&a->got, 1), 0);
    if (until_ms <= loop_now_ms())
        return true;
    p->until_ms = until_ms;
    p->left += share;
    p->is_over = share == 0 && p->left == 0;
    if (p->left == 0)
        return false;
    p->left--;
    return true;
}

static void asking_run(struct task *t)
{
    struct asking *a = (struct asking *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask_share(a));
    if (t->outcome == DONE && !use_share(a)) {
        metric_add(METRIC_requests_limited_total, 1);
        task_reject(t, PROBLEM_too_many_requests, STR_NONE);
        TASK_FAIL(t);
    }
    TASK_END(t);
}

void limiter_take(struct limiter *limiter, struct task *t, const char *kind,
                  struct str who, int64_t most)
{
    uint64_t id = 0;
    if (most == 0)
        return;
    struct str hash = vault_hash(limiter->service->vault, t->arena, kind, who);
    memcpy(&id, hash.ptr, sizeof(id));
    struct place *p = place_of(limiter, id);
    if (p->is_over) {
        metric_add(METRIC_requests_limited_total, 1);
        task_refuse(t, PROBLEM_too_many_requests);
        return;
    }
    if (p->left > 0) {
        p->left--;
        return;
    }
    struct asking *a = task_part(t, sizeof(*a), asking_run);
    a->limiter = limiter;
    a->key = arena_printf(t->arena, "{access}:pace:%.*s", STR_ARG(hash));
    a->who = id;
    a->most = most;
}
