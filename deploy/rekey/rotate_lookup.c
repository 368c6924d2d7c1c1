#include <stdio.h>

#include "deploy/rekey/copies.h"
#include "deploy/rekey/hashed.h"
#include "deploy/rekey/rotate.h"
#include "deploy/rekey/walk.h"
#include "shared/fault.h"
#include "shared/loop.h"

enum {
    MARK_ROOM = 64,
    /* A daemon that read the mark before it changed is to be seen by then. */
    SEEN_MS = 1500,
    /* The registry has forgotten a daemon that ended. */
    FORGOTTEN_MS = 4500,
    LOOK_AGAIN_MS = 300
};

/* With how many of the file's keys Redis was written. */
struct store {
    char mark[MARK_ROOM]; /* as it stands there; empty: none */
    unsigned layers;      /* 0: with none of them */
    bool changing;        /* from `layers` to one more */
};

/* ---- the mark in Redis ---- */

struct mark_task {
    struct task task;
    char *mark;
    bool set;
    struct value value;
};

static void ask_mark(struct task *t, struct mark_task *c)
{
    struct str key = STR("keys");
    if (c->set)
        REDIS_DO(app_of(t)->redis, t, key, NULL, STR("SET"), key,
                 str_of(c->mark));
    else
        REDIS_DO(app_of(t)->redis, t, key, &c->value, STR("GET"), key);
}

static void mark_run(struct task *t)
{
    struct mark_task *c = (struct mark_task *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask_mark(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (!c->set)
        (void)snprintf(c->mark, MARK_ROOM, "%.*s",
                       STR_ARG(value_str(&c->value)));
    TASK_END(t);
}

/* Reads or writes it, however long Redis takes. */
static enum end do_mark(struct app *a, char mark[MARK_ROOM], bool set)
{
    int64_t began = loop_now_ms();
    for (;;) {
        struct mark_task *c = app_task(a, sizeof(*c), mark_run);
        c->mark = mark;
        c->set = set;
        if (app_run(a, c))
            return END_DONE;
        if (!app_wait_redis(a, began))
            return END_AGAIN;
    }
}

static void write_mark(struct app *a, char mark[MARK_ROOM], unsigned layers,
                       bool changing)
{
    struct arena *arena = arena_new();
    (void)snprintf(mark, MARK_ROOM, "%s%.*s", changing ? "changing " : "",
                   STR_ARG(vault_mark(a->vault, arena, layers)));
    arena_destroy(&arena);
}

static enum end set_mark(struct app *a, unsigned layers, bool changing)
{
    char mark[MARK_ROOM];
    write_mark(a, mark, layers, changing);
    return do_mark(a, mark, true);
}

/* A store without a mark is a new one: of all keys that there are. */
static enum end read_store(struct app *a, struct store *store)
{
    char mark[MARK_ROOM];
    unsigned all = vault_layers(a->vault);
    *store = (struct store){.mark = ""};
    enum end end = do_mark(a, store->mark, false);
    if (end != END_DONE)
        return end;
    if (store->mark[0] == '\0')
        store->layers = all;
    for (unsigned layers = 1; layers <= all; layers++) {
        write_mark(a, mark, layers, false);
        if (str_is(str_of(store->mark), mark))
            store->layers = layers;
        write_mark(a, mark, layers, true);
        if (layers > 1 && str_is(str_of(store->mark), mark)) {
            store->layers = layers - 1;
            store->changing = true;
        }
    }
    return END_DONE;
}

enum end tell_lookup(struct app *a)
{
    struct store store;
    unsigned all = vault_layers(a->vault);
    enum end end = read_store(a, &store);
    if (end != END_DONE)
        return end;
    if (store.layers == 0)
        say("  look-up  written with other keys: no daemon starts. Put the key "
            "file back that belongs to this Redis.");
    else if (store.changing || store.layers < all)
        say("  look-up  being changed: no daemon starts until deploy/keys "
            "rotate-lookup has been run to its end.");
    else
        say("  look-up  written with these keys; no change is under way.");
    return END_DONE;
}

/* ---- nobody else writes ---- */

static enum end want_none_alive(struct app *a, int64_t within_ms)
{
    int64_t began = loop_now_ms();
    for (;;) {
        int alive = copies_alive(a);
        if (alive == 0)
            return END_DONE;
        if (alive < 0 && !app_wait_redis(a, began))
            return END_AGAIN;
        if (alive > 0 && loop_now_ms() - began >= within_ms)
            break;
        app_sleep(a, LOOK_AGAIN_MS);
    }
    say_fault("The look-up key can be changed only while no daemon runs: "
              "deploy/down first, on every machine.");
    return END_FAILED;
}

/* ---- the steps ---- */

static enum end add_key(struct app *a, const struct key_file *file,
                        const struct store *store)
{
    char why[256];
    /* Else a new store would be taken for one of the new key. */
    if (store->mark[0] == '\0') {
        enum end end = set_mark(a, store->layers, false);
        if (end != END_DONE)
            return end;
    }
    say("A new look-up key, beside those that there are. Back the key file up "
        "when this is done.");
    if (!key_file_add_lookup(file, why, sizeof(why))) {
        say_fault("%s", why);
        return END_FAILED;
    }
    FAULT("lookup.added");
    return app_read_keys(a) ? END_DONE : END_FAILED;
}

static enum end lay_over(struct app *a, unsigned layer)
{
    struct hashed_tally tally;
    enum end end = set_mark(a, layer, true);
    if (end != END_DONE)
        return end;
    FAULT("lookup.marked");
    app_sleep(a, SEEN_MS);
    end = want_none_alive(a, 0);
    if (end == END_DONE)
        end = hashed_pass(a, layer, &tally);
    if (end != END_DONE)
        return end;
    say("  %lld names and values have it now.", (long long)tally.changed);
    if (tally.odd > 0)
        say("  %lld others are of no key of this file, and were left alone.",
            (long long)tally.odd);
    FAULT("lookup.moved");
    return END_DONE;
}

/* Whether a change is to begin, or one to go on. */
static enum end begin(struct app *a, const struct key_file *file,
                      struct store *store)
{
    enum end end = want_none_alive(a, FORGOTTEN_MS);
    if (end == END_DONE)
        end = read_store(a, store);
    if (end != END_DONE)
        return end;
    if (store->layers == 0) {
        say_fault("This Redis was written with other keys. Put the key file "
                  "back that belongs to it; nothing was changed.");
        return END_FAILED;
    }
    if (store->changing || store->layers < vault_layers(a->vault)) {
        say("Going on where an earlier run was cut short.");
        return END_DONE;
    }
    return add_key(a, file, store);
}

enum end rotate_lookup(struct app *a, const struct key_file *file)
{
    struct store store = {.mark = ""};
    int64_t began = loop_now_ms();
    enum end end = begin(a, file, &store);
    unsigned all = vault_layers(a->vault);
    for (unsigned layer = store.layers + 1; end == END_DONE && layer <= all;
         layer++) {
        end = lay_over(a, layer);
        if (end == END_DONE && layer < all)
            end = set_mark(a, layer, false);
    }
    if (end != END_DONE)
        return end;
    rewrite_files(a);
    end = set_mark(a, all, false);
    if (end == END_DONE)
        say("Done, in %lld s. Back the key file up anew, apart from Redis; "
            "then deploy/up.",
            (long long)(loop_now_ms() - began + 500) / 1000);
    return end;
}
