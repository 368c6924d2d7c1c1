#include "notifier/outbox.h"

#include <math.h>
#include <stdlib.h>

#include "notifier/allowance.h"
#include "notifier/delivery.h"
#include "notifier/sending.h"
#include "notifier/undelivered.h"
#include "shared/keys.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"
#include "shared/script.h"

SCRIPT(outbox_scan);

enum {
    POLL_MS = 500,
    SCAN_DEADLINE_MS = 3000,
    MOST_UNDER_WAY = 150, /* attempts, in this process */
    MOST_LOOK_UPS = 30,   /* of these, so that texts never wait for them */
    MOST_WAITING = 500,   /* entries in memory, a partition */
    MOST_READ = 100,      /* entries a scan */
    ENOUGH = 32,          /* waiting in a partition: no need to read more yet */
    MOST_DUE = 100,       /* parked conversations a scan */
    REFILL_MS = 20,       /* until there is more of the day's, at most */
    SPENT_MS = 50,        /* between two looks at texts while there is not */
    ID_ROOM = 48
};

/* What this process knows of a partition. */
struct place {
    char after[ID_ROOM]; /* the last entry that was read */
    bool scanning;
    bool again;   /* a scan was asked for while one was under way */
    bool behind;  /* more stands in the stream than was read */
    int64_t dead; /* dead letters, when they were counted last */
};

struct outbox {
    struct service *service;
    struct leases *leases;
    struct http_client *http;
    struct rounds *undelivered; /* NULL until it has started */
    struct conversations *conversations;
    struct delivery_means means;
    struct allowance *allowance;
    int64_t spent_ms; /* the next look while nothing is left of the day */
    struct loop_timer *poll, *turn;
    struct place places[PARTITIONS];
    struct pace pace;
    enum trouble shown; /* of the account, in the log */
    unsigned under_way, look_ups;
    bool leaving;
};

struct scan {
    struct task task;
    struct outbox *outbox;
    unsigned partition, wanted;
    int64_t epoch;
    struct value found;
};

static void scan_soon(struct outbox *o, unsigned partition);

/* ---- the account's pace ---- */

/* The rate is the account's, shared by all that live. */
static void set_pace(struct outbox *o)
{
    const struct service *s = o->service;
    pace_set_rate(&o->pace, (double)s->settings.send_rate /
                                registry_brothers(s->registry));
}

static void show_pace(struct outbox *o)
{
    static const char *const causes[] = {[TROUBLE_NONE] = "none",
                                         [TROUBLE_LIMIT] = "rate_limit",
                                         [TROUBLE_ACCOUNT] = "account",
                                         [TROUBLE_AWAY] = "away"};
    enum trouble shut = pace_shut(&o->pace, TURN_SEND);
    if (o->service->settings.send_rate > 0)
        metric_set(METRIC_send_rate,
                   llround(pace_rate(&o->pace, TURN_SEND, loop_now_ms())));
    metric_set(METRIC_provider_away, shut == TROUBLE_AWAY);
    if (shut == o->shown)
        return;
    o->shown = shut;
    if (shut == TROUBLE_NONE)
        log_sparse(LEVEL_INFO, "account.open", "texts=leave");
    else
        log_sparse(LEVEL_WARN, "account.shut", "cause=%s texts=wait",
                   causes[shut]);
}

/* ---- sending ---- */

static void pump(struct outbox *o);

static void ended(void *arg, const struct delivery_result *result)
{
    struct outbox *o = arg;
    unsigned partition = result->conversation->partition;
    o->under_way--;
    if (result->turn == TURN_LOOK)
        o->look_ups--;
    conversations_ended(o->conversations, result->conversation, result->end,
                        result->not_before_ms, result->more, result->line);
    if (leases_epoch(o->leases, partition) == 0)
        conversations_drop(o->conversations, partition);
    else if (o->places[partition].behind &&
             conversations_waiting(o->conversations, partition) < ENOUGH)
        scan_soon(o, partition);
    pump(o);
}

static bool has_room(const struct outbox *o, enum turn turn)
{
    return !o->leaving && o->under_way < MOST_UNDER_WAY &&
           (turn != TURN_LOOK || o->look_ups < MOST_LOOK_UPS);
}

/* Milliseconds until a text may begin, for TEXTS_PER_DAY. Where nothing is left
 * of the day, one now and then still does: what has waited too long is put on
 * record. */
static int64_t allowance_wait(const struct outbox *o, int64_t now)
{
    switch (allowance_look(o->allowance)) {
    case ALLOWED:
        return 0;
    case ALLOWED_SOON:
        return REFILL_MS;
    case ALLOWED_SPENT:
        break;
    }
    return o->spent_ms > now ? o->spent_ms - now : 0;
}

/* Begins what may begin now; milliseconds until more may, 0: not by time. */
static int64_t begin_turns(struct outbox *o, enum turn turn)
{
    while (has_room(o, turn)) {
        int64_t now = loop_now_ms();
        int64_t wait = pace_wait(&o->pace, turn, now);
        if (wait == 0 && turn == TURN_SEND &&
            conversations_ready(o->conversations, turn, now))
            wait = allowance_wait(o, now);
        if (wait > 0)
            return wait;
        const struct conversation *c =
            conversations_next(o->conversations, turn, now);
        if (c == NULL)
            return 0;
        if (turn == TURN_SEND)
            o->spent_ms = now + SPENT_MS;
        o->under_way++;
        if (turn == TURN_LOOK)
            o->look_ups++;
        delivery_start(&o->means, c, pace_begin(&o->pace, turn, now), ended, o);
    }
    return 0;
}

static void pump(struct outbox *o)
{
    int64_t look = begin_turns(o, TURN_LOOK);
    int64_t send = begin_turns(o, TURN_SEND);
    if (look > 0 || send > 0)
        loop_timer_set(o->turn,
                       look > 0 && (send == 0 || look < send) ? look : send);
    show_pace(o);
}

static void refilled(void *arg)
{
    pump(arg);
}

static void turn_came(void *arg)
{
    pump(arg);
}

/* ---- reading ---- */

static void ask(struct scan *x)
{
    struct outbox *o = x->outbox;
    struct task *t = &x->task;
    struct arena *a = t->arena;
    unsigned waiting = conversations_waiting(o->conversations, x->partition);
    x->wanted = waiting < MOST_WAITING ? MOST_WAITING - waiting : 0;
    if (x->wanted > MOST_READ)
        x->wanted = MOST_READ;
    struct str keys[] = {key_of_partition(a, "outbox", x->partition),
                         key_of_partition(a, "parked", x->partition),
                         key_of_partition(a, "dead", x->partition)};
    /* A copy: the place is forgotten when the lease is lost. */
    struct str args[] = {arena_copy(a, str_of(o->places[x->partition].after)),
                         arena_printf(a, "%u", x->wanted),
                         arena_printf(a, "%d", MOST_DUE),
                         arena_number(a, LETTER_KEPT_MS)};
    redis_script(o->service->redis, t, partition_tag(x->partition),
                 &outbox_scan, keys, 3, args, 4, &x->found);
}

static void add_entries(struct scan *x, const struct value *flat)
{
    struct outbox *o = x->outbox;
    struct place *place = &o->places[x->partition];
    for (size_t i = 0; i + 2 < flat->count; i += 3) {
        struct str id = value_str(value_at(flat, i));
        if (id.len == 0 || id.len >= ID_ROOM)
            continue;
        conversations_add(o->conversations, x->partition,
                          value_str(value_at(flat, i + 1)),
                          value_str(value_at(flat, i + 2)), id);
        memcpy(place->after, id.ptr, id.len);
        place->after[id.len] = '\0';
    }
    place->behind = flat->count / 3 >= x->wanted;
}

static void add_due(struct scan *x, const struct value *names)
{
    for (size_t i = 0; i + 1 < names->count; i += 2) {
        struct str role = value_str(value_at(names, i));
        struct str ride = str_cut(&role, ':');
        bool doubt = value_num(value_at(names, i + 1), 0) > 0;
        conversations_due(x->outbox->conversations, x->partition, ride, role,
                          doubt ? TURN_LOOK : TURN_SEND);
    }
}

static void count_dead(struct outbox *o, unsigned partition, int64_t count)
{
    metric_add(METRIC_dead_letters, count - o->places[partition].dead);
    o->places[partition].dead = count;
}

static void scan_run(struct task *t)
{
    struct scan *x = (struct scan *)t;
    struct outbox *o = x->outbox;
    TASK_BEGIN(t);
    x->outbox->places[x->partition].again = false;
    AWAIT(t, ask(x));
    /* Given back, and perhaps taken again, since: read from the start then. */
    if (t->outcome != DONE || leases_epoch(o->leases, x->partition) != x->epoch)
        TASK_FAIL(t);
    add_entries(x, value_at(&x->found, 0));
    add_due(x, value_at(&x->found, 1));
    count_dead(o, x->partition, value_num(value_at(&x->found, 2), 0));
    pump(o);
    TASK_END(t);
}

static void scan_ended(struct task *t)
{
    const struct scan *x = (const struct scan *)t;
    struct outbox *o = x->outbox;
    struct place *place = &o->places[x->partition];
    place->scanning = false;
    if (place->again ||
        (t->outcome == DONE && place->behind &&
         conversations_waiting(o->conversations, x->partition) < ENOUGH))
        scan_soon(o, x->partition);
}

static void scan_soon(struct outbox *o, unsigned partition)
{
    struct place *place = &o->places[partition];
    place->again = true;
    if (place->scanning || o->leaving ||
        leases_epoch(o->leases, partition) == 0)
        return;
    place->scanning = true;
    struct scan *x =
        service_task(o->service, sizeof(*x), scan_run, SCAN_DEADLINE_MS);
    x->outbox = o;
    x->partition = partition;
    x->epoch = leases_epoch(o->leases, partition);
    x->task.finish = scan_ended;
    task_start(&x->task);
}

static void poll_all(void *arg)
{
    struct outbox *o = arg;
    set_pace(o);
    for (unsigned p = 0; p < PARTITIONS; p++)
        scan_soon(o, p);
    pump(o);
    loop_timer_set(o->poll, POLL_MS);
}

/* ---- partitions come and go ---- */

static void forget(struct outbox *o, unsigned partition)
{
    o->places[partition].after[0] = '\0';
    o->places[partition].behind = false;
    count_dead(o, partition, 0);
    conversations_drop(o->conversations, partition);
}

static void taken(void *arg, unsigned partition)
{
    struct outbox *o = arg;
    forget(o, partition);
    scan_soon(o, partition);
}

static void lost(void *arg, unsigned partition)
{
    forget(arg, partition);
}

/* ---- POKE ---- */

static void poke_run(struct task *t)
{
    const struct msg_poke *m = ((struct call *)t)->request;
    struct outbox *o = service_of(t)->context;
    TASK_BEGIN(t);
    if (m->partition < 0 || m->partition >= PARTITIONS) {
        task_reject(t, PROBLEM_invalid, STR("partition"));
        TASK_FAIL(t);
    }
    unsigned partition = (unsigned)m->partition;
    if (conversations_waiting(o->conversations, partition) >= ENOUGH)
        o->places[partition].behind = true; /* read when these have left */
    else
        scan_soon(o, partition);
    TASK_END(t);
}

const struct bus_route route_poke = {&type_poke, sizeof(struct call), poke_run};

/* ---- life ---- */

struct outbox *outbox_new(struct service *s, const struct provider *provider)
{
    static const struct lease_events events = {taken, lost};
    struct outbox *o = xcalloc(1, sizeof(*o));
    o->service = s;
    o->leases = leases_new(s, &events, o);
    o->http = http_client_new(s->loop, MOST_UNDER_WAY, LEASE_TRUST_MS);
    o->conversations = conversations_new();
    o->allowance = allowance_new(s, refilled, o);
    o->means = (struct delivery_means){.service = s,
                                       .leases = o->leases,
                                       .http = o->http,
                                       .provider = provider,
                                       .pace = &o->pace,
                                       .allowance = o->allowance};
    o->poll = loop_timer_new(s->loop, poll_all, o);
    o->turn = loop_timer_new(s->loop, turn_came, o);
    return o;
}

void outbox_destroy(struct outbox **outbox)
{
    struct outbox *o = *outbox;
    if (o == NULL)
        return;
    *outbox = NULL;
    loop_timer_destroy(&o->poll);
    loop_timer_destroy(&o->turn);
    rounds_destroy(&o->undelivered);
    allowance_destroy(&o->allowance);
    http_client_destroy(&o->http);
    leases_destroy(&o->leases);
    conversations_destroy(&o->conversations);
    free(o);
}

void outbox_start(struct outbox *o)
{
    set_pace(o);
    leases_start(o->leases);
    allowance_start(o->allowance);
    o->undelivered = undelivered_new(o->service);
    loop_timer_set(o->poll, POLL_MS);
}

void outbox_leave(struct outbox *o)
{
    o->leaving = true;
    loop_timer_stop(o->poll);
    loop_timer_stop(o->turn);
    leases_leave(o->leases);
}

bool outbox_idle(const struct outbox *o)
{
    return o->under_way == 0 && leases_left(o->leases) &&
           allowance_gave_back(o->allowance);
}
