#include "notifier/undelivered.h"

#include "shared/keys.h"
#include "shared/metrics.h"
#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(tell_senders);

enum { LOOK_EVERY_MS = 1000, DEADLINE_MS = 3000, MOST_A_LOOK = 15 };

/* The script's arguments: four, then three for each text. */
enum { FIXED = 4, EACH = 3, ARGUMENTS = FIXED + EACH * MOST_A_LOOK };

struct look {
    struct round_task round;
    struct value owed[PARTITIONS], told[PARTITIONS];
};

static void ask_owed(struct task *t, struct look *l)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        REDIS_DO(service_of(t)->redis, t, partition_tag(p), &l->owed[p],
                 STR("LRANGE"), key_of_partition(t->arena, "undelivered", p),
                 STR("0"), arena_number(t->arena, MOST_A_LOOK - 1));
}

static struct str seal_answer(const struct service *s, struct arena *a,
                              struct str reference)
{
    struct str words = str_of(s->settings.undelivered_answer);
    if (str_is(words, "none"))
        return STR_NONE;
    return vault_seal(s->vault, a, words, meaning_text(a, reference));
}

static void tell(struct task *t, struct look *l, unsigned p)
{
    struct service *s = service_of(t);
    struct arena *a = t->arena;
    struct str keys[] = {key_of_partition(a, "undelivered", p),
                         key_of_partition(a, "outbox", p),
                         key_of_partition(a, "waiting", p)};
    struct str args[ARGUMENTS] = {
        arena_number(a, OUTBOX_MOST), key_ride(a, p, STR_NONE),
        key_timeline(a, p, STR_NONE), key_in_partition(a, "told", p, STR_NONE)};
    size_t count = FIXED;
    for (size_t i = 0; i < l->owed[p].count && i < MOST_A_LOOK; i++) {
        struct str item = value_str(value_at(&l->owed[p], i));
        struct str rest = item;
        struct str answer =
            arena_printf(a, "%.*su", STR_ARG(str_cut(&rest, ' ')));
        args[count++] = item;
        args[count++] = answer;
        args[count++] = seal_answer(s, a, answer);
    }
    redis_script(s->redis, t, partition_tag(p), &tell_senders, keys, 3, args,
                 count, &l->told[p]);
}

static void tell_all(struct task *t, struct look *l)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (l->owed[p].count > 0)
            tell(t, l, p);
}

static void look_run(struct task *t)
{
    struct look *l = (struct look *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask_owed(t, l));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, tell_all(t, l));
    for (unsigned p = 0; p < PARTITIONS; p++)
        metric_add(METRIC_senders_told_total, value_num(&l->told[p], 0));
    TASK_END(t);
}

struct rounds *undelivered_new(struct service *s)
{
    return rounds_new(s, LOOK_EVERY_MS, sizeof(struct look), look_run,
                      DEADLINE_MS);
}
