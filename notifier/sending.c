#include "notifier/sending.h"

#include "shared/keys.h"
#include "shared/script.h"

SCRIPT(send_begin);
SCRIPT(send_done);
SCRIPT(send_park);
SCRIPT(send_dead);

static struct str conversation(const struct sending *s, struct arena *a)
{
    return arena_printf(a, "%.*s:%.*s", STR_ARG(s->ride), STR_ARG(s->role));
}

/* The keys that all of them share, in the order that all have. */
enum {
    LEASE,
    OUTBOX,
    SENDING,
    TEXTS,
    PARKED,
    TIMELINE,
    WAITING,
    DEAD_LETTERS,
    UNDELIVERED,
    ORIGINATORS,
    KEYS
};

static void name_keys(const struct sending *s, struct arena *a,
                      struct str keys[KEYS])
{
    keys[LEASE] = key_of_partition(a, "lease", s->partition);
    keys[OUTBOX] = key_of_partition(a, "outbox", s->partition);
    keys[SENDING] = key_of_partition(a, "sending", s->partition);
    keys[TEXTS] =
        key_in_partition(a, "parked", s->partition, conversation(s, a));
    keys[PARKED] = key_of_partition(a, "parked", s->partition);
    keys[TIMELINE] = key_timeline(a, s->partition, s->ride);
    keys[WAITING] = key_of_partition(a, "waiting", s->partition);
    keys[DEAD_LETTERS] = key_of_partition(a, "dead", s->partition);
    keys[UNDELIVERED] = key_of_partition(a, "undelivered", s->partition);
    keys[ORIGINATORS] = key_of_partition(a, "originators", s->partition);
}

static void run(const struct sending *s, struct task *t, struct script *script,
                size_t nkeys, const struct str *args, size_t nargs,
                struct value *reply)
{
    struct str keys[KEYS];
    name_keys(s, t->arena, keys);
    redis_script(s->service->redis, t, partition_tag(s->partition), script,
                 keys, nkeys, args, nargs, reply);
}

void sending_begin(struct sending *s, struct task *t, struct value *reply)
{
    struct arena *a = t->arena;
    struct str args[] = {leases_mark(s->leases, a, s->partition),
                         s->entry,
                         s->ride,
                         s->role,
                         key_in_partition(a, "status", s->partition, STR_NONE),
                         arena_number(a, ATTEMPT_OVER_MS),
                         arena_number(a, TEXT_KEPT_MS),
                         s->day_spent ? STR("1") : STR("")};
    struct str keys[KEYS];
    name_keys(s, a, keys);
    /* In the places of what this script does not need. */
    keys[TIMELINE] = keys[PARKED];
    keys[PARKED] = key_ride(a, s->partition, s->ride);
    redis_script(s->service->redis, t, partition_tag(s->partition), &send_begin,
                 keys, TIMELINE + 1, args, 8, reply);
}

void sending_read(struct sending *s, const struct value *reply,
                  struct begun *out)
{
    static const struct {
        const char *word;
        enum may_send may;
        const char *reason;
    } words[] = {{"lost", MAY_LOST, NULL},
                 {"gone", MAY_GONE, NULL},
                 {"moved", MAY_MOVED, NULL},
                 {"spent", MAY_SPENT, NULL},
                 {"wait", MAY_WAIT, NULL},
                 {"send", MAY_SEND, NULL},
                 {"look", MAY_LOOK, NULL},
                 {"old", MAY_DEAD, "too_old"},
                 {"day_limit", MAY_DEAD, "day_limit"},
                 {"in_doubt", MAY_DEAD, "in_doubt"},
                 {"ride_over", MAY_DEAD, "ride_over"}};
    struct str word = value_str(value_at(reply, 0));
    *out = (struct begun){.may = MAY_LOST};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (!str_is(word, words[i].word))
            continue;
        out->may = words[i].may;
        out->reason = words[i].reason;
    }
    if (out->may == MAY_WAIT)
        out->wait_ms = value_num(value_at(reply, 1), 0);
    if (reply->count < 11)
        return;
    s->entry = value_str(value_at(reply, 1));
    s->attempt = value_str(value_at(reply, 2));
    out->now_ms = value_num(value_at(reply, 3), 0);
    out->attempts = value_num(value_at(reply, 4), 0);
    out->doubt_ms = value_num(value_at(reply, 5), 0);
    out->absences = value_num(value_at(reply, 6), 0);
    out->reference = value_str(value_at(reply, 7));
    out->proxy = value_str(value_at(reply, 8));
    out->to = value_str(value_at(reply, 9));
    out->text = value_str(value_at(reply, 10));
}

void sending_done(const struct sending *s, struct task *t,
                  const struct begun *text, struct value *reply)
{
    struct arena *a = t->arena;
    struct str args[] = {leases_mark(s->leases, a, s->partition),
                         s->entry,
                         s->attempt,
                         conversation(s, a),
                         s->role,
                         text->reference,
                         text->proxy};
    run(s, t, &send_done, KEYS, args, 7, reply);
}

void sending_dead(const struct sending *s, struct task *t, const char *reason,
                  struct value *reply)
{
    struct arena *a = t->arena;
    struct str args[] = {leases_mark(s->leases, a, s->partition),
                         s->entry,
                         s->attempt,
                         s->ride,
                         s->role,
                         str_of(reason),
                         arena_number(a, LETTER_KEPT_MS),
                         key_in_partition(a, "letter", s->partition, STR_NONE)};
    run(s, t, &send_dead, KEYS, args, 8, reply);
}

unsigned sending_refused_in_a_row(const struct value *reply)
{
    return (unsigned)value_num(value_at(reply, 2), 0);
}

bool sending_more(const struct value *reply)
{
    return value_num(value_at(reply, 1), 0) > 0;
}

bool sending_lost(const struct value *reply)
{
    return str_is(value_str(value_at(reply, 0)), "lost");
}

void sending_park(const struct sending *s, struct task *t,
                  const struct parking *how, struct value *reply)
{
    struct arena *a = t->arena;
    struct str args[] = {leases_mark(s->leases, a, s->partition),
                         s->entry,
                         s->attempt,
                         conversation(s, a),
                         arena_number(a, how->again_ms),
                         arena_number(a, how->attempts),
                         arena_number(a, how->doubt_ms),
                         arena_number(a, how->absences)};
    run(s, t, &send_park, PARKED + 1, args, 8, reply);
}
