/* Changes the vault's keys: what deploy/keys runs. */
#include <czmq.h>
#include <stdio.h>

#include "deploy/rekey/copies.h"
#include "deploy/rekey/rotate.h"
#include "deploy/rekey/walk.h"
#include "shared/loop.h"
#include "shared/process.h"

enum { SETTLE_S = 65 /* a request lives a minute at most */ };

static const char usage[] =
    "usage: birdcar-keys status | rotate-seal [--settle=SECONDS] | "
    "rotate-lookup\n"
    "\n"
    "deploy/keys runs it, and tells what each does. It reads the settings "
    "KEYS_FILE,\nREDIS_URL and RUN_DIR as the daemons do.\n"
    "\n"
    "exit status: 0 done; 1 refused or failed; 2 called wrong; 75 cut short: "
    "run it again\n";

static enum end status(struct app *a, const struct key_file *file)
{
    char why[256];
    struct key_counts counts;
    if (!key_file_count(file, &counts, why, sizeof(why))) {
        say_fault("%s", why);
        return END_FAILED;
    }
    say("Key file %s", file->path);
    say("  seal     key %u seals; %s", vault_seals_with(a->vault),
        counts.nexts > 0 || counts.seals > 1
            ? "a change is under way: deploy/keys rotate-seal goes on with it."
            : "no change is under way.");
    say("  look-up  %u key%s, one over the other.", counts.lookups,
        counts.lookups == 1 ? "" : "s");
    say("Redis");
    enum end end = tell_lookup(a);
    if (end != END_DONE)
        return end;
    say("Daemons");
    return copies_tell(a);
}

static const struct command {
    const char *name;
    int64_t patience_ms;
    enum end (*run)(struct app *a, const struct key_file *file);
} commands[] = {{"status", 3000, status},
                {"rotate-seal", 60000, rotate_seal},
                {"rotate-lookup", 60000, rotate_lookup}};

static const struct command *command_of(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (str_is(str_of(name), commands[i].name))
            return &commands[i];
    return NULL;
}

/* Before anything is changed. */
static enum end want_redis(struct app *a)
{
    int64_t began = loop_now_ms();
    while (count_keys(a) < 0)
        if (!app_wait_redis(a, began))
            return END_AGAIN;
    return END_DONE;
}

static bool read_settle(const char *argument, int64_t *settle_ms)
{
    struct str word = str_of(argument), prefix = STR("--settle=");
    int64_t seconds = 0;
    if (!str_starts(word, prefix) ||
        !str_to_num(str_from(word, prefix.len), &seconds) || seconds < 0 ||
        seconds > 3600)
        return false;
    *settle_ms = seconds * 1000;
    return true;
}

int main(int argc, char **argv)
{
    char why[256];
    struct app app = {.settle_ms = (int64_t)SETTLE_S * 1000};
    struct key_file file;
    const struct command *command = argc > 1 ? command_of(argv[1]) : NULL;
    if (argc == 2 && str_is(str_of(argv[1]), "--help")) {
        (void)fputs(usage, stdout);
        return END_DONE;
    }
    if (command == NULL || argc > 3 ||
        (argc == 3 && !read_settle(argv[2], &app.settle_ms))) {
        (void)fputs(usage, stderr);
        return END_USAGE;
    }
    process_harden();
    (void)signal(SIGPIPE, SIG_IGN);
    zsys_handler_set(NULL);
    enum end end = END_FAILED;
    if (app_open(&app)) {
        /* The lock first: then the file is read as it is. */
        if (!key_file_open(&file, app.settings.keys_file, why, sizeof(why))) {
            say_fault("%s", why);
        } else {
            app.patience_ms = command->patience_ms;
            if (app_read_keys(&app))
                end = want_redis(&app);
            if (end == END_DONE)
                end = command->run(&app, &file);
            key_file_close(&file);
        }
    }
    app_close(&app);
    zsys_shutdown();
    return (int)end;
}
