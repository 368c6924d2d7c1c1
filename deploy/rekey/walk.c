#include "deploy/rekey/walk.h"

#include <stdio.h>

#include "shared/loop.h"

enum { WHOLE = 1024, REWRITE_LOOK_MS = 200, REWRITE_PATIENCE_MS = 3600000 };

void page_scan(struct page *p)
{
    struct task *t = &p->task;
    const struct walk *w = p->walk;
    struct str count = arena_number(t->arena, w->keys);
    if (w->match != NULL)
        REDIS_DO(app_of(t)->redis, t, STR_NONE, &p->scanned, STR("SCAN"),
                 p->cursor, STR("COUNT"), count, STR("MATCH"),
                 str_of(w->match));
    else
        REDIS_DO(app_of(t)->redis, t, STR_NONE, &p->scanned, STR("SCAN"),
                 p->cursor, STR("COUNT"), count);
}

void page_read(struct page *p)
{
    struct str next = value_str(value_at(&p->scanned, 0));
    p->keys = value_at(&p->scanned, 1);
    (void)snprintf(p->next, CURSOR_ROOM, "%.*s", STR_ARG(next));
}

static bool do_page(struct app *a, struct walk *w, char cursor[CURSOR_ROOM])
{
    struct page *p = app_task(a, w->size, w->run);
    char next[CURSOR_ROOM] = "0";
    p->walk = w;
    p->arg = w->arg;
    p->cursor = arena_copy(p->task.arena, str_of(cursor));
    p->next = next;
    if (!app_run(a, p))
        return false;
    (void)snprintf(cursor, CURSOR_ROOM, "%s", next);
    return true;
}

/* A cursor counts from its highest bit on, written backwards: so it tells how
 * far it is, whatever became of the keys meanwhile. */
static int per_cent(const char *cursor)
{
    int64_t at = 0;
    int part = 0;
    (void)str_to_num(str_of(cursor), &at);
    for (int half = WHOLE / 2; at > 0 && half > 0; half /= 2) {
        part += (int)(at & 1) * half;
        at >>= 1;
    }
    return part * 100 / WHOLE;
}

enum end walk(struct app *a, struct walk *w)
{
    char cursor[CURSOR_ROOM] = "0";
    int64_t all = count_keys(a), heard = loop_now_ms();
    bool whole = false;
    while (!whole) {
        int64_t began = loop_now_ms();
        if (!do_page(a, w, cursor)) {
            if (!app_wait_redis(a, heard))
                return END_AGAIN;
            /* A cursor is of one process of Redis alone. */
            (void)snprintf(cursor, CURSOR_ROOM, "0");
            continue;
        }
        heard = loop_now_ms();
        whole = str_is(str_of(cursor), "0");
        if (w->behind != NULL)
            w->behind(a, w->arg);
        if (w->match == NULL && !whole)
            say_progress(a, "%s: %d %% of %lld keys", w->what, per_cent(cursor),
                         (long long)all);
        if (w->gently)
            app_sleep(a, loop_now_ms() - began);
    }
    return END_DONE;
}

/* ---- one answer ---- */

struct question {
    struct task task;
    const struct str *words;
    size_t count;
    struct value answer;
    void (*read)(const struct value *answer, void *arg);
    void *arg;
};

static void question_run(struct task *t)
{
    struct question *q = (struct question *)t;
    TASK_BEGIN(t);
    AWAIT(t, redis_call(app_of(t)->redis, t, STR_NONE, q->words, q->count,
                        &q->answer));
    if (t->outcome == DONE)
        q->read(&q->answer, q->arg);
    else
        TASK_FAIL(t);
    TASK_END(t);
}

static bool ask(struct app *a, const struct str *words, size_t count,
                void (*read)(const struct value *answer, void *arg), void *arg)
{
    struct question *q = app_task(a, sizeof(*q), question_run);
    q->words = words;
    q->count = count;
    q->read = read;
    q->arg = arg;
    return app_run(a, q);
}

static void read_number(const struct value *answer, void *arg)
{
    *(int64_t *)arg = value_num(answer, -1);
}

int64_t count_keys(struct app *a)
{
    struct str words[] = {STR("DBSIZE")};
    int64_t count = -1;
    (void)ask(a, words, 1, read_number, &count);
    return count;
}

enum rewriting { REWRITE_RUNS, REWRITE_ENDED, REWRITE_FAILED };

static void read_rewriting(const struct value *answer, void *arg)
{
    struct str text = value_str(answer);
    enum rewriting *how = arg;
    *how = REWRITE_ENDED;
    while (text.len > 0) {
        struct str value = str_trim(str_cut(&text, '\n'));
        struct str name = str_cut(&value, ':');
        if ((str_is(name, "aof_rewrite_in_progress") ||
             str_is(name, "aof_rewrite_scheduled")) &&
            str_is(value, "1"))
            *how = REWRITE_RUNS;
        if (str_is(name, "aof_last_bgrewrite_status") && str_is(value, "err") &&
            *how == REWRITE_ENDED)
            *how = REWRITE_FAILED;
    }
}

static void read_nothing(const struct value *answer, void *arg)
{
    (void)answer;
    (void)arg;
}

void rewrite_files(struct app *a)
{
    struct str begin[] = {STR("BGREWRITEAOF")};
    struct str look[] = {STR("INFO"), STR("persistence")};
    enum rewriting how = REWRITE_RUNS;
    int64_t began = loop_now_ms();
    /* One that runs already began before: it is followed by another. */
    bool asked = false;
    while (loop_now_ms() - began < REWRITE_PATIENCE_MS) {
        if (!ask(a, look, 2, read_rewriting, &how)) {
            how = REWRITE_FAILED;
            break;
        }
        if (how != REWRITE_RUNS && asked)
            break;
        if (how != REWRITE_RUNS) {
            if (!ask(a, begin, 1, read_nothing, NULL)) {
                how = REWRITE_FAILED;
                break;
            }
            asked = true;
        }
        say_progress(a, "Redis writes its files anew");
        app_sleep(a, REWRITE_LOOK_MS);
    }
    if (how != REWRITE_ENDED)
        say_fault("Redis has not written its files anew (BGREWRITEAOF): until "
                  "it does, they hold what was there before, too.");
}
