#include "ride-svc/rewrite.h"

#include "shared/log.h"
#include "shared/script.h"

SCRIPT(rewrite_done);

enum { LOOK_EVERY_MS = 2000, DEADLINE_MS = 5000 };

static const char tag[] = "{erasures}";

struct rewrite {
    struct round_task round;
    struct value owed, info, mine, begun, done;
};

static void ask_owed(struct task *t, struct rewrite *r)
{
    REDIS_DO(service_of(t)->redis, t, str_of(tag), &r->owed, STR("GET"),
             STR("{erasures}:rewrite"));
}

/* One that began before tells of it still. */
static bool is_under_way(const struct rewrite *r)
{
    struct str info = value_str(&r->info);
    while (info.len > 0) {
        struct str line = str_trim(str_cut(&info, '\n'));
        if (str_is(line, "aof_rewrite_in_progress:1") ||
            str_is(line, "aof_rewrite_scheduled:1") ||
            str_is(line, "aof_enabled:0"))
            return true;
    }
    return false;
}

static void ask_info(struct task *t, struct rewrite *r)
{
    REDIS_DO(service_of(t)->redis, t, str_of(tag), &r->info, STR("INFO"),
             STR("persistence"));
}

/* So often at most, and by one. */
static void take_turn(struct task *t, struct rewrite *r)
{
    REDIS_DO(service_of(t)->redis, t, str_of(tag), &r->mine, STR("SET"),
             STR("{erasures}:rewriting"), STR("1"), STR("NX"), STR("EX"),
             STR("60"));
}

static void begin(struct task *t, struct rewrite *r)
{
    REDIS_DO(service_of(t)->redis, t, str_of(tag), &r->begun,
             STR("BGREWRITEAOF"));
}

static void settle(struct task *t, struct rewrite *r)
{
    struct str key = STR("{erasures}:rewrite"), owed = value_str(&r->owed);
    redis_script(service_of(t)->redis, t, str_of(tag), &rewrite_done, &key, 1,
                 &owed, 1, &r->done);
}

static void rewrite_run(struct task *t)
{
    struct rewrite *r = (struct rewrite *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask_owed(t, r));
    if (t->outcome != DONE || r->owed.kind != VALUE_STR)
        TASK_FAIL(t);
    AWAIT(t, ask_info(t, r));
    if (t->outcome != DONE || is_under_way(r))
        TASK_FAIL(t);
    AWAIT(t, take_turn(t, r));
    if (t->outcome != DONE || r->mine.kind != VALUE_STR)
        TASK_FAIL(t);
    AWAIT(t, begin(t, r));
    if (t->outcome == DONE)
        log_event(LEVEL_INFO, "store.rewritten", STR_NONE, "why=erasure");
    else
        log_event(LEVEL_WARN, "store.not_rewritten", STR_NONE,
                  "why=erasure advice=\"run BGREWRITEAOF\"");
    AWAIT(t, settle(t, r));
    TASK_END(t);
}

struct rounds *rewrites_new(struct service *s)
{
    return rounds_new(s, LOOK_EVERY_MS, sizeof(struct rewrite), rewrite_run,
                      DEADLINE_MS);
}
