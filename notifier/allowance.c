#include "notifier/allowance.h"

#include <stdlib.h>

#include "shared/alerts.h"
#include "shared/keys.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"
#include "shared/script.h"

SCRIPT(allowance_take);

enum {
    LOOK_EVERY_MS = 1000,
    DEADLINE_MS = 3000,
    AT_ONCE = 100,  /* parts taken in advance, at most */
    IDLE_MS = 3000, /* what nobody used for so long is given back */
    NEAR_PERCENT = 80
};

/* Of the day: what the operator was told. */
enum level { DAY_ENOUGH, DAY_NEAR, DAY_SPENT };

struct allowance {
    struct service *service;
    struct loop_timer *timer;
    void (*refilled)(void *arg);
    void *arg;
    int64_t limit; /* 0: none */
    int64_t day, used;
    int64_t day_over_ms, used_ms; /* on loop_now_ms()'s clock */
    int64_t left;                 /* taken, and not begun with */
    int64_t least;                /* parts that somebody waits for */
    enum level told;
    bool asking, leaving;
};

struct asking {
    struct task task;
    struct allowance *allowance;
    int64_t wanted, least, day;
    struct value got;
    enum level level;
};

/* ---- the operator is told ---- */

static enum level level_of(const struct allowance *al)
{
    if (al->used >= al->limit)
        return DAY_SPENT;
    return al->used * 100 >= al->limit * NEAR_PERCENT ? DAY_NEAR : DAY_ENOUGH;
}

/* The next level that was not told yet; each once a day, whoever sees it. */
static void raise_next(struct task *t, struct asking *x)
{
    const struct allowance *al = x->allowance;
    struct arena *a = t->arena;
    int64_t day_ms = 24LL * 3600 * 1000;
    if (level_of(al) <= al->told)
        return;
    x->level = al->told + 1;
    const char *type =
        x->level == DAY_NEAR ? "texts.limit_near" : "texts.limit_reached";
    struct str id = arena_printf(a, "texts-%lld-%d", (long long)al->day,
                                 x->level == DAY_NEAR ? NEAR_PERCENT : 100);
    cJSON *data = cJSON_CreateObject();
    cJSON_AddNumberToObject(data, "texts_per_day", (double)al->limit);
    cJSON_AddNumberToObject(data, "percent",
                            x->level == DAY_NEAR ? NEAR_PERCENT : 100);
    alert_raise(service_of(t)->redis, t, id, type, al->day * day_ms, data);
    cJSON_Delete(data);
}

static void note_told(struct asking *x)
{
    struct allowance *al = x->allowance;
    if (x->level == DAY_ENOUGH || x->day != al->day || x->level <= al->told)
        return;
    al->told = x->level;
    log_event(LEVEL_WARN, "texts.limit", STR_NONE,
              "left=%s limit=%lld check=TEXTS_PER_DAY%s",
              x->level == DAY_NEAR ? "little" : "nothing", (long long)al->limit,
              x->level == DAY_NEAR ? "" : " texts=wait");
}

/* ---- asking Redis ---- */

static void ask(struct task *t, struct asking *x)
{
    struct arena *a = t->arena;
    struct str key = key_texts_today(a);
    struct str args[] = {arena_number(a, x->allowance->limit),
                         arena_number(a, x->wanted), arena_number(a, x->least),
                         arena_number(a, x->day)};
    redis_script(service_of(t)->redis, t, str_of(texts_tag), &allowance_take,
                 &key, 1, args, 4, &x->got);
}

static void take_in(struct asking *x)
{
    struct allowance *al = x->allowance;
    int64_t day = value_num(value_at(&x->got, 0), 0);
    int64_t taken = value_num(value_at(&x->got, 2), 0);
    if (day != al->day) {
        al->day = day;
        al->left = 0;
        al->told = DAY_ENOUGH;
    }
    x->day = day;
    al->used = value_num(value_at(&x->got, 1), 0);
    al->day_over_ms = loop_now_ms() + value_num(value_at(&x->got, 3), 0);
    if (taken > 0) {
        al->left += taken;
        al->used_ms = loop_now_ms();
    }
    metric_set(METRIC_texts_today, al->used);
    metric_set(METRIC_texts_per_day, al->limit);
}

static void ask_run(struct task *t)
{
    struct asking *x = (struct asking *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask(t, x));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    take_in(x);
    AWAIT(t, raise_next(t, x));
    if (t->outcome == DONE)
        note_told(x);
    TASK_END(t);
}

static void asked(struct task *t)
{
    const struct asking *x = (const struct asking *)t;
    struct allowance *al = x->allowance;
    al->asking = false;
    if (x->wanted > 0)
        al->least = 0;
    if (!al->leaving)
        al->refilled(al->arg);
}

static void begin_to_ask(struct allowance *al, int64_t wanted)
{
    if (al->asking)
        return;
    al->asking = true;
    struct asking *x =
        service_task(al->service, sizeof(*x), ask_run, DEADLINE_MS);
    x->allowance = al;
    x->wanted = wanted;
    x->least = wanted > 0 ? al->least : 0;
    x->day = al->day;
    x->task.finish = asked;
    task_start(&x->task);
}

/* Before it is sent, so that an answer that is lost spends it at worst. */
static void give_back(struct allowance *al)
{
    int64_t left = al->left;
    al->left = 0;
    begin_to_ask(al, -left);
}

static void look(void *arg)
{
    struct allowance *al = arg;
    loop_timer_set(al->timer, LOOK_EVERY_MS);
    if (al->asking)
        return;
    if (al->left > 0 && loop_now_ms() - al->used_ms > IDLE_MS)
        give_back(al);
    else
        begin_to_ask(al, 0);
}

/* ---- the calls ---- */

struct allowance *allowance_new(struct service *s, void (*refilled)(void *arg),
                                void *arg)
{
    struct allowance *al = xcalloc(1, sizeof(*al));
    *al = (struct allowance){.service = s,
                             .refilled = refilled,
                             .arg = arg,
                             .limit = s->settings.texts_per_day};
    al->timer = loop_timer_new(s->loop, look, al);
    return al;
}

void allowance_destroy(struct allowance **allowance)
{
    struct allowance *al = *allowance;
    if (al == NULL)
        return;
    *allowance = NULL;
    loop_timer_destroy(&al->timer);
    free(al);
}

void allowance_start(struct allowance *al)
{
    if (al->limit > 0)
        loop_timer_set(al->timer, 1);
}

bool allowance_gave_back(struct allowance *al)
{
    al->leaving = true;
    loop_timer_stop(al->timer);
    if (al->left > 0 && !al->asking)
        give_back(al);
    return !al->asking;
}

enum allowed allowance_look(struct allowance *al)
{
    if (al->limit == 0)
        return ALLOWED;
    if (loop_now_ms() >= al->day_over_ms)
        al->left = 0;
    else if (al->left > 0)
        return ALLOWED;
    else if (al->used >= al->limit)
        return ALLOWED_SPENT;
    begin_to_ask(al, AT_ONCE);
    return ALLOWED_SOON;
}

bool allowance_begin(struct allowance *al, struct taken *taken)
{
    *taken = (struct taken){0};
    if (al->limit == 0)
        return true;
    if (al->left == 0)
        return false;
    al->left--;
    *taken = (struct taken){.parts = 1, .day = al->day};
    return true;
}

bool allowance_raise(struct allowance *al, struct taken *taken, unsigned parts)
{
    if (al->limit == 0)
        return true;
    /* What was taken yesterday is no part of today. */
    if (taken->day != al->day)
        *taken = (struct taken){.day = al->day};
    int64_t more = (int64_t)parts - taken->parts;
    if (loop_now_ms() < al->day_over_ms && more <= al->left) {
        al->left -= more;
        taken->parts = parts;
        al->used_ms = loop_now_ms();
        return true;
    }
    if (al->least < more)
        al->least = more;
    begin_to_ask(al, AT_ONCE);
    return false;
}

void allowance_end(struct allowance *al, const struct taken *taken, bool sent)
{
    if (!sent && taken->day == al->day)
        al->left += taken->parts;
}
