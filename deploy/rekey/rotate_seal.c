#include <stddef.h>

#include "deploy/rekey/copies.h"
#include "deploy/rekey/rotate.h"
#include "deploy/rekey/sealed.h"
#include "deploy/rekey/walk.h"
#include "shared/fault.h"
#include "shared/loop.h"

enum { OUTBOX_LOOK_MS = 2000 };

static enum end fail(const char *why)
{
    say_fault("%s", why);
    return END_FAILED;
}

/* ---- until nothing is sealed with an old key ---- */

static bool has_odd(const struct sealed_tally *tally)
{
    if (tally->unreadable == 0)
        return false;
    say_fault("%lld values do not open with any key of the file, so the old "
              "one stays. The first of them:",
              (long long)tally->unreadable);
    for (int i = 0; i < ODD_KEYS && i < tally->unreadable; i++)
        say_fault("  %s", tally->odd[i]);
    return true;
}

static bool is_clean(const struct sealed_tally *tally)
{
    return tally->changed == 0 && tally->missed == 0;
}

/* Sealed values are handed on: from an outbox to what is parked, from there to
 * the dead letters, and back by hand. A walk in that order misses none that is
 * on its way. */
static const char *const on_the_way[] = {"letter:*", "outbox:*", "parked:*",
                                         "letter:*", "outbox:*"};
enum { ON_THE_WAY = sizeof(on_the_way) / sizeof(*on_the_way) };

static enum end sweep_moving(struct app *a, bool *clean)
{
    struct sealed_tally tally;
    size_t at = 0;
    *clean = true;
    while (at < ON_THE_WAY && *clean) {
        enum end end = sealed_pass(a, on_the_way[at], &tally);
        if (end != END_DONE)
            return end;
        *clean = is_clean(&tally);
        at++;
        if (tally.waiting == 0)
            continue;
        say_progress(a,
                     "%lld values of texts that wait to be sent have the old "
                     "key; they leave within four hours at most",
                     (long long)tally.waiting);
        app_sleep(a, OUTBOX_LOOK_MS);
        at = 0;
    }
    return END_DONE;
}

/* What requests sealed that began before has come in by then. */
static void settle(struct app *a, int64_t settled_ms)
{
    int64_t left = settled_ms - loop_now_ms();
    if (left <= 0)
        return;
    say("  waiting %lld s for requests that began with the old key.",
        (long long)(left + 999) / 1000);
    app_sleep(a, left);
}

static enum end sweep(struct app *a, int64_t settled_ms)
{
    struct sealed_tally tally;
    bool clean = false;
    while (!clean) {
        int64_t began = loop_now_ms();
        enum end end = sealed_pass(a, NULL, &tally);
        if (end != END_DONE)
            return end;
        say("  %lld sealed values, %lld sealed anew.", (long long)tally.values,
            (long long)tally.changed);
        if (has_odd(&tally))
            return END_FAILED;
        if (!is_clean(&tally))
            continue;
        if (began < settled_ms) {
            settle(a, settled_ms);
            continue;
        }
        end = sweep_moving(a, &clean);
        if (end != END_DONE)
            return end;
    }
    return END_DONE;
}

/* ---- the steps ---- */

static enum end add(struct app *a, const struct key_file *file, char *why,
                    size_t room)
{
    say("1 of 4: a new seal key, which every daemon gets to know.");
    if (!key_file_add_next(file, why, room))
        return fail(why);
    FAULT("seal.added");
    return app_read_keys(a) ? END_DONE : END_FAILED;
}

static enum end use(struct app *a, const struct key_file *file, char *why,
                    size_t room)
{
    enum end end = copies_wait(a);
    if (end != END_DONE)
        return end;
    say("2 of 4: it seals from now on.");
    if (!key_file_use_next(file, why, room))
        return fail(why);
    FAULT("seal.used");
    return app_read_keys(a) ? END_DONE : END_FAILED;
}

static enum end drop(struct app *a, const struct key_file *file, char *why,
                     size_t room)
{
    FAULT("seal.swept");
    say("4 of 4: the old key goes.");
    if (!key_file_drop_old(file, why, room))
        return fail(why);
    FAULT("seal.dropped");
    if (!app_read_keys(a))
        return END_FAILED;
    return copies_wait(a);
}

enum end rotate_seal(struct app *a, const struct key_file *file)
{
    char why[256];
    struct key_counts counts;
    enum end end = END_DONE;
    if (!key_file_count(file, &counts, why, sizeof(why)))
        return fail(why);
    bool begun = counts.nexts > 0 || counts.seals > 1;
    if (begun)
        say("Going on where an earlier run was cut short.");
    else
        end = add(a, file, why, sizeof(why));
    if (end == END_DONE && (!begun || counts.nexts > 0))
        end = use(a, file, why, sizeof(why));
    if (end == END_DONE)
        end = copies_wait(a);
    if (end != END_DONE)
        return end;
    say("3 of 4: what stands in Redis is sealed anew with key %u.",
        vault_seals_with(a->vault));
    end = sweep(a, loop_now_ms() + a->settle_ms);
    if (end != END_DONE)
        return end;
    rewrite_files(a);
    end = drop(a, file, why, sizeof(why));
    if (end == END_DONE)
        say("Done. Back the key file up anew, apart from Redis.");
    return end;
}
