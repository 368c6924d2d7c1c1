#include "gateway/access/audit.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/access/audit_parts.h"
#include "shared/log.h"
#include "shared/script.h"
#include "shared/timestamp.h"

SCRIPT(audit_append);

enum {
    AT_ONCE = 18, /* entries an append: what one call of Redis may bear */
    TRIES = 400,  /* while other gateways append, too */
    APPEND_WITHIN_MS = 3000,
    DAY_MS = 24 * 3600 * 1000
};

static const char *const names[AUDIT_TRAILS] = {"access", "rides"};

bool audit_trail_parse(struct str name, enum audit_trail *trail)
{
    *trail = AUDIT_ACCESS;
    for (int i = 0; i < AUDIT_TRAILS; i++)
        if (str_is(name, names[i])) {
            *trail = (enum audit_trail)i;
            return true;
        }
    return name.len == 0;
}

struct str audit_key(struct arena *arena, enum audit_trail trail)
{
    return arena_printf(arena, "{audit}:%s", names[trail]);
}

struct str audit_head_key(struct arena *arena, enum audit_trail trail)
{
    return arena_printf(arena, "{audit}:%s:head", names[trail]);
}

const char *audit_purpose(enum audit_trail trail)
{
    static const char *const purposes[AUDIT_TRAILS] = {"audit access",
                                                       "audit rides"};
    return purposes[trail];
}

int64_t audit_keep_ms(const struct service *s, enum audit_trail trail)
{
    int64_t days = trail == AUDIT_RIDES ? s->settings.retention_days
                                        : s->settings.audit_days;
    return days * DAY_MS;
}

struct audit *audit_new(struct service *s)
{
    struct audit *audit = xcalloc(1, sizeof(*audit));
    audit->service = s;
    for (int i = 0; i < AUDIT_TRAILS; i++) {
        struct trail *trail = &audit->trails[i];
        trail->audit = audit;
        trail->name = (enum audit_trail)i;
        trail->last = &trail->first;
    }
    return audit;
}

void audit_destroy(struct audit **audit)
{
    free(*audit);
    *audit = NULL;
}

/* ---- appending ---- */

struct append {
    struct task task;
    struct trail *trail;
    struct waiting_entry *taken; /* in the arenas of the tasks that wait */
    int tries;
    char head[96]; /* behind what is appended */
    struct value got;
};

/* Chains and packs what was taken; its words stand behind `args`. */
static size_t pack_entries(struct append *a, struct str *args)
{
    struct arena *arena = a->task.arena;
    const struct service *s = a->trail->audit->service;
    struct str rest = str_of(a->trail->head);
    int64_t at_ms = 0, seq = 0;
    (void)str_to_num(str_cut(&rest, ' '), &at_ms);
    (void)str_to_num(str_cut(&rest, ' '), &seq);
    struct str mac = rest;
    int64_t now_ms = time_now_ms();
    at_ms = now_ms > at_ms ? now_ms : at_ms; /* ids never go back */
    size_t count = 0;
    for (const struct waiting_entry *w = a->taken; w != NULL; w = w->next) {
        struct msg_audit_entry entry = *w->entry;
        entry.seq = ++seq;
        entry.at = at_ms;
        entry.prev = mac;
        struct str packed = record_pack(arena, &type_audit_entry, &entry);
        mac = vault_mac(s->vault, arena, audit_purpose(a->trail->name), packed);
        args[count++] =
            arena_printf(arena, "%lld-%lld", (long long)at_ms, (long long)seq);
        args[count++] = packed;
        args[count++] = mac;
    }
    (void)snprintf(a->head, sizeof(a->head), "%lld %lld %.*s", (long long)at_ms,
                   (long long)seq, STR_ARG(mac));
    return count;
}

/* EVALSHA, its script and how many keys; the keys; heads, an age, entries. */
_Static_assert(3 + 2 + 3 + 3 * AT_ONCE <= REDIS_MOST_WORDS,
               "an append is one call");

static void send_append(struct append *a)
{
    struct arena *arena = a->task.arena;
    struct service *s = a->trail->audit->service;
    struct str args[3 + 3 * AT_ONCE];
    const struct str keys[] = {audit_key(arena, a->trail->name),
                               audit_head_key(arena, a->trail->name)};
    size_t count = pack_entries(a, args + 3);
    args[0] = arena_copy(arena, str_of(a->trail->head));
    args[1] = str_of(a->head);
    args[2] =
        arena_number(arena, time_now_ms() - audit_keep_ms(s, a->trail->name));
    redis_script(s->redis, &a->task, STR("audit"), &audit_append, keys, 2, args,
                 3 + count, &a->got);
}

/* True: they stand. Else somebody else's do, and ours follow on them. */
static bool appended(struct append *a)
{
    struct str head = value_str(value_at(&a->got, 1));
    bool done = str_is(value_str(value_at(&a->got, 0)), "done");
    if (done)
        head = str_of(a->head);
    if (head.len < sizeof(a->trail->head)) {
        memcpy(a->trail->head, head.len > 0 ? head.ptr : "", head.len);
        a->trail->head[head.len] = '\0';
    }
    return done;
}

static void append_run(struct task *t);

/* Takes what waits, as much as goes at once. */
static void begin_append(struct trail *trail)
{
    struct service *s = trail->audit->service;
    if (trail->busy || trail->first == NULL)
        return;
    struct append *a =
        service_task(s, sizeof(*a), append_run, APPEND_WITHIN_MS);
    a->trail = trail;
    a->taken = trail->first;
    struct waiting_entry *w = trail->first;
    for (int i = 1; i < AT_ONCE && w->next != NULL; i++)
        w = w->next;
    trail->first = w->next;
    if (trail->first == NULL)
        trail->last = &trail->first;
    w->next = NULL;
    trail->busy = true;
    task_start(&a->task);
}

static void end_append(struct append *a, bool stands)
{
    for (struct waiting_entry *w = a->taken, *next = NULL; w != NULL;
         w = next) {
        next = w->next;
        if (stands)
            task_done(w->task);
        else
            task_fail(w->task,
                      (struct problem){PROBLEM_store_away, STR_NONE, 0});
    }
    a->trail->busy = false;
    begin_append(a->trail);
}

static void append_run(struct task *t)
{
    struct append *a = (struct append *)t;
    TASK_BEGIN(t);
    do {
        AWAIT(t, send_append(a));
        if (t->outcome != DONE) {
            log_sparse(LEVEL_ERROR, "audit.not_written", "problem=%s",
                       problem_name(t->problem.code));
            end_append(a, false);
            TASK_FAIL(t);
        }
    } while (!appended(a) && ++a->tries < TRIES);
    end_append(a, a->tries < TRIES);
    TASK_END(t);
}

void audit_add(struct audit *audit, struct task *t, enum audit_trail name,
               const struct msg_audit_entry *entry)
{
    struct trail *trail = &audit->trails[name];
    struct waiting_entry *w = arena_alloc(t->arena, sizeof(*w));
    struct msg_audit_entry *copy = arena_alloc(t->arena, sizeof(*copy));
    *copy = *entry;
    w->task = t;
    w->entry = copy;
    *trail->last = w;
    trail->last = &w->next;
    task_hold(t);
    begin_append(trail);
}
