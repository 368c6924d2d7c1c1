#include "notifier/letters.h"

#include "notifier/sending.h"
#include "shared/keys.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/recent.h"
#include "shared/script.h"
#include "shared/sms.h"

SCRIPT(letters_take);

enum {
    BATCH = 32, /* letters a script: nobody waits long behind it */
    ARGS = 9,   /* of the script, before the references */
    /* Who asks for a second without an answer asks another copy, too. */
    ALL_WITHIN_MS = 700,
    REASON_MOST = 32
};

/* How the script is to act, and upon what. */
struct taking {
    const char *act;
    int64_t died_by_ms;
    struct str reason; /* empty: any */
};

static bool is_reference(struct str text)
{
    unsigned partition = 0;
    return reference_parse(text, &partition);
}

static void take(struct task *t, const struct taking *how, unsigned partition,
                 const struct str *references, size_t count, struct value *out)
{
    struct arena *a = t->arena;
    struct str keys[] = {key_of_partition(a, "dead", partition),
                         key_of_partition(a, "outbox", partition),
                         key_of_partition(a, "sending", partition),
                         key_of_partition(a, "waiting", partition)};
    struct str args[ARGS + BATCH] = {
        str_of(how->act),
        arena_number(a, how->died_by_ms),
        how->reason,
        arena_number(a, OUTBOX_MOST),
        arena_number(a, ATTEMPT_OVER_MS),
        key_in_partition(a, "letter", partition, STR_NONE),
        key_ride(a, partition, STR_NONE),
        key_timeline(a, partition, STR_NONE),
        key_in_partition(a, "status", partition, STR_NONE)};
    for (size_t i = 0; i < count; i++)
        args[ARGS + i] = references[i];
    redis_script(service_of(t)->redis, t, partition_tag(partition),
                 &letters_take, keys, 4, args, ARGS + count, out);
}

/* Lists and acts on all can wait; texts and calls come first. */
static bool may_ask(struct task *t)
{
    if (!redis_crowded(service_of(t)->redis))
        return true;
    task_reject(t, PROBLEM_busy, STR_NONE);
    return false;
}

static void ask_time(struct task *t, struct value *out)
{
    REDIS_DO(service_of(t)->redis, t, STR("dead"), out, STR("TIME"));
}

/* ---- LETTER_LIST: newest first, merged from all partitions ---- */

struct list_letters {
    struct call call;
    struct recent recent;
    struct value time, counts[PARTITIONS];
    struct value *looks;
};

static void ask_page(struct task *t, struct list_letters *c)
{
    struct redis *redis = service_of(t)->redis;
    /* Older ones are gone, but for their place in the set. */
    int64_t since_ms = redis_time_ms(&c->time) - LETTER_KEPT_MS + 1;
    struct str since = arena_number(t->arena, since_ms);
    recent_ask(&c->recent, redis, t, "dead", since_ms);
    for (unsigned p = 0; p < PARTITIONS; p++)
        REDIS_DO(redis, t, partition_tag(p), &c->counts[p], STR("ZCOUNT"),
                 key_of_partition(t->arena, "dead", p), since, STR("+inf"));
}

static void look_at_page(struct task *t, struct list_letters *c)
{
    static const struct taking look = {.act = "look", .died_by_ms = INT64_MAX};
    const struct recent *page = &c->recent;
    c->looks = arena_alloc(t->arena, page->count * sizeof(*c->looks) + 1);
    for (size_t i = 0; i < page->count; i++) {
        unsigned partition = 0;
        if (reference_parse(page->entries[i].id, &partition))
            take(t, &look, partition, &page->entries[i].id, 1, &c->looks[i]);
    }
}

static int64_t parts_of(struct task *t, const struct msg_letter_record *x)
{
    struct str text = STR_NONE;
    if (!vault_unseal(service_of(t)->vault, t->arena, x->text,
                      meaning_text(t->arena, x->reference), &text))
        return 0;
    return sms_parts(text);
}

static void add_letter(struct task *t, struct list_letters *c, size_t at)
{
    struct msg_letters *reply = c->call.reply;
    const struct value *look = &c->looks[at];
    struct str what = value_str(value_at(look, 0));
    struct msg_letter_record x;
    if (what.len == 0 || str_is(what, "none"))
        return; /* taken away since the page was read */
    if (!record_decode(&type_letter_record, value_str(value_at(look, 1)),
                       t->arena, &x)) {
        log_event(LEVEL_ERROR, "letter.unreadable", t->trace, "reference=%.*s",
                  STR_ARG(c->recent.entries[at].id));
        return;
    }
    struct msg_letter letter = {.reference = x.reference,
                                .ride = x.ride,
                                .role = x.role,
                                .reason = x.reason,
                                .kind = x.kind,
                                .proxy = x.proxy,
                                .queued = x.queued,
                                .died = c->recent.entries[at].at_ms,
                                .parts = parts_of(t, &x),
                                .sendable = !str_is(what, "over")};
    reply->letters.items[reply->letters.count++] =
        message_pack(t->arena, &type_letter, &letter);
}

static void fill_letters(struct task *t, struct list_letters *c)
{
    struct msg_letters *reply = c->call.reply;
    reply->letters.items =
        arena_alloc(t->arena, c->recent.count * sizeof(struct str) + 1);
    for (size_t i = 0; i < c->recent.count; i++)
        add_letter(t, c, i);
    for (unsigned p = 0; p < PARTITIONS; p++)
        reply->total += value_num(&c->counts[p], 0);
    reply->next = recent_next(&c->recent, t->arena);
}

static void list_run(struct task *t)
{
    struct list_letters *c = (struct list_letters *)t;
    const struct msg_letter_list *m = c->call.request;
    TASK_BEGIN(t);
    if (!recent_begin(&c->recent, t, m->before, m->limit, is_reference) ||
        !may_ask(t))
        TASK_FAIL(t);
    AWAIT(t, ask_time(t, &c->time));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_page(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    recent_merge(&c->recent, t->arena);
    AWAIT(t, look_at_page(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    fill_letters(t, c);
    TASK_END(t);
}

const struct bus_route route_letter_list = {
    &type_letter_list, sizeof(struct list_letters), list_run};

/* ---- LETTER_RESEND and LETTER_DROP ---- */

struct take_one {
    struct call call;
    struct taking how;
    struct str reference;
    unsigned partition;
    struct value taken;
};

static void judge_one(struct task *t, const struct take_one *c)
{
    struct msg_letters_taken *reply = c->call.reply;
    struct str what = value_str(value_at(&c->taken, 0));
    if (str_is(what, "done"))
        reply->done = 1;
    else if (str_is(what, "over"))
        task_reject(t, PROBLEM_ride_over, STR("reference"));
    else if (str_is(what, "full"))
        task_reject(t, PROBLEM_busy, STR_NONE);
    else
        task_reject(t, PROBLEM_not_found, STR("reference"));
}

static void take_one(struct task *t, const char *act, struct str reference)
{
    struct take_one *c = (struct take_one *)t;
    TASK_BEGIN(t);
    c->how = (struct taking){.act = act, .died_by_ms = INT64_MAX};
    c->reference = reference;
    if (!reference_parse(reference, &c->partition)) {
        task_reject(t, PROBLEM_not_found, STR("reference"));
        TASK_FAIL(t);
    }
    AWAIT(t, take(t, &c->how, c->partition, &c->reference, 1, &c->taken));
    if (t->outcome == DONE)
        judge_one(t, c);
    if (t->outcome != DONE)
        TASK_FAIL(t);
    log_event(LEVEL_INFO, "letter.taken", t->trace, "reference=%.*s act=%s",
              STR_ARG(c->reference), act);
    TASK_END(t);
}

static void resend_run(struct task *t)
{
    const struct msg_letter_resend *m = ((struct call *)t)->request;
    take_one(t, "resend", m->reference);
}

static void drop_run(struct task *t)
{
    const struct msg_letter_drop *m = ((struct call *)t)->request;
    take_one(t, "drop", m->reference);
}

const struct bus_route route_letter_resend = {
    &type_letter_resend, sizeof(struct take_one), resend_run};
const struct bus_route route_letter_drop = {&type_letter_drop,
                                            sizeof(struct take_one), drop_run};

/* ---- LETTER_RESEND_ALL and LETTER_DROP_ALL: one partition after the other,
 * oldest first, and no more at a time than a script does in a moment. What dies
 * meanwhile is for the next request. ---- */

struct take_all {
    struct call call;
    struct taking how;
    struct value time, dead[PARTITIONS], taken;
    int64_t until_ms; /* of our own clock */
    unsigned partition;
    size_t at; /* of its `dead` */
};

static bool all_begins(struct task *t, struct take_all *c, const char *act,
                       struct str reason)
{
    int64_t most_ms = task_left_ms(t) / 2;
    bool valid = reason.len <= REASON_MOST;
    for (size_t i = 0; i < reason.len; i++)
        valid = valid && ((reason.ptr[i] >= 'a' && reason.ptr[i] <= 'z') ||
                          reason.ptr[i] == '_');
    if (!valid) {
        task_reject(t, PROBLEM_invalid, STR("reason"));
        return false;
    }
    c->how = (struct taking){.act = act, .reason = reason};
    c->until_ms =
        loop_now_ms() + (most_ms < ALL_WITHIN_MS ? most_ms : ALL_WITHIN_MS);
    return may_ask(t);
}

static void ask_dead(struct task *t, struct take_all *c)
{
    struct arena *a = t->arena;
    c->how.died_by_ms = redis_time_ms(&c->time);
    struct str since = arena_number(a, c->how.died_by_ms - LETTER_KEPT_MS + 1);
    struct str by = arena_number(a, c->how.died_by_ms);
    for (unsigned p = 0; p < PARTITIONS; p++)
        REDIS_DO(service_of(t)->redis, t, partition_tag(p), &c->dead[p],
                 STR("ZRANGE"), key_of_partition(a, "dead", p), since, by,
                 STR("BYSCORE"));
}

static void take_some(struct task *t, struct take_all *c)
{
    struct str references[BATCH] = {{NULL, 0}};
    size_t count = 0;
    const struct value *dead = &c->dead[c->partition];
    while (count < BATCH && c->at < dead->count)
        references[count++] = value_str(value_at(dead, c->at++));
    take(t, &c->how, c->partition, references, count, &c->taken);
}

static void count_some(struct take_all *c)
{
    struct msg_letters_taken *reply = c->call.reply;
    for (size_t i = 0; i < c->taken.count; i++) {
        struct str what = value_str(value_at(&c->taken, i));
        if (str_is(what, "done"))
            reply->done++;
        else if (!str_is(what, "none"))
            reply->left++;
    }
}

static void take_all(struct task *t, const char *act, struct str reason)
{
    struct take_all *c = (struct take_all *)t;
    struct msg_letters_taken *reply = c->call.reply;
    TASK_BEGIN(t);
    if (!all_begins(t, c, act, reason))
        TASK_FAIL(t);
    AWAIT(t, ask_time(t, &c->time));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_dead(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    for (c->partition = 0; c->partition < PARTITIONS; c->partition++) {
        c->at = 0;
        while (c->at < c->dead[c->partition].count &&
               loop_now_ms() < c->until_ms) {
            AWAIT(t, take_some(t, c));
            if (t->outcome != DONE)
                TASK_FAIL(t);
            count_some(c);
        }
        reply->left += (int64_t)(c->dead[c->partition].count - c->at);
    }
    log_event(LEVEL_INFO, "letters.taken", t->trace,
              "act=%s done=%lld left=%lld", act, (long long)reply->done,
              (long long)reply->left);
    TASK_END(t);
}

static void resend_all_run(struct task *t)
{
    const struct msg_letter_resend_all *m = ((struct call *)t)->request;
    take_all(t, "resend", m->reason);
}

static void drop_all_run(struct task *t)
{
    const struct msg_letter_drop_all *m = ((struct call *)t)->request;
    take_all(t, "drop", m->reason);
}

const struct bus_route route_letter_resend_all = {
    &type_letter_resend_all, sizeof(struct take_all), resend_all_run};
const struct bus_route route_letter_drop_all = {
    &type_letter_drop_all, sizeof(struct take_all), drop_all_run};
