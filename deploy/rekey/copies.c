#include "deploy/rekey/copies.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/bus.h"
#include "shared/keys_watch.h"
#include "shared/loop.h"

enum {
    MOST_COPIES = 512,
    ASK_MS = 2000,
    LOOK_AGAIN_MS = 300,
    /* Who read the file just before it changed, and was not to be seen yet. */
    LEAST_MS = KEYS_LOOK_MS + 500,
    PATIENCE_MS = 180000
};

static const char *const services[] = {"gateway", "ride-svc", "pool-svc",
                                       "voice-svc", "notifier"};
enum { SERVICES = sizeof(services) / sizeof(*services) };

struct copy_at {
    char instance[64];
    char endpoint[256];
};

struct copies {
    struct copy_at at[MOST_COPIES];
    size_t count;
};

/* ---- who lives ---- */

static void add(struct copies *c, struct str instance, struct str endpoint)
{
    if (c->count == MOST_COPIES || instance.len >= sizeof(c->at[0].instance) ||
        endpoint.len >= sizeof(c->at[0].endpoint))
        return;
    for (size_t i = 0; i < c->count; i++)
        if (str_is(endpoint, c->at[i].endpoint))
            return;
    struct copy_at *new = &c->at[c->count++];
    memset(new, 0, sizeof(*new));
    memcpy(new->instance, instance.ptr, instance.len);
    memcpy(new->endpoint, endpoint.ptr, endpoint.len);
}

static const char ipc[] = "ipc://";

/* A socket whose process is gone refuses; that of a frozen one does not. */
static bool somebody_listens(const char *endpoint)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct str path = str_of(endpoint);
    if (!str_starts(path, str_of(ipc)))
        return true;
    path = str_from(path, strlen(ipc));
    if (path.len == 0 || path.len >= sizeof(to.sun_path))
        return false;
    memcpy(to.sun_path, path.ptr, path.len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true;
    bool good = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ||
                errno == EAGAIN;
    (void)close(fd);
    return good;
}

/* "<instance>.<pid>.sock" */
static bool is_socket(const char *name, struct str *instance)
{
    struct str rest = str_of(name);
    int64_t pid = 0;
    *instance = str_cut(&rest, '.');
    return str_to_num(str_cut(&rest, '.'), &pid) && str_is(rest, "sock");
}

static void find_sockets(struct app *a, struct copies *c)
{
    struct arena *arena = arena_new();
    DIR *folder = opendir(a->settings.run_dir);
    struct dirent *file = NULL;
    struct str instance;
    while (folder != NULL && (file = readdir(folder)) != NULL) {
        if (!is_socket(file->d_name, &instance))
            continue;
        struct str endpoint = arena_printf(arena, "%s%s/%s", ipc,
                                           a->settings.run_dir, file->d_name);
        if (somebody_listens(endpoint.ptr))
            add(c, instance, endpoint);
    }
    if (folder != NULL)
        (void)closedir(folder);
    arena_destroy(&arena);
}

struct look {
    struct task task;
    struct copies *copies;
    struct value time, live[SERVICES];
};

static void ask_registry(struct task *t, struct look *l)
{
    REDIS_DO(app_of(t)->redis, t, STR_NONE, &l->time, STR("TIME"));
    for (size_t i = 0; i < SERVICES; i++) {
        struct str key = arena_printf(t->arena, "service:%s", services[i]);
        REDIS_DO(app_of(t)->redis, t, key, &l->live[i], STR("HGETALL"), key);
    }
}

/* {instance, "<ends> <state> <endpoint>", …} */
static void take_live(struct look *l, const struct value *pairs)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        struct str rest = value_str(value_at(pairs, i + 1));
        int64_t ends = 0;
        bool lives = str_to_num(str_cut(&rest, ' '), &ends) &&
                     ends > redis_time_ms(&l->time);
        (void)str_cut(&rest, ' ');
        char *endpoint =
            arena_cstr(l->task.arena, rest.len > 0 ? rest : STR(""));
        if (lives && somebody_listens(endpoint))
            add(l->copies, value_str(value_at(pairs, i)), rest);
    }
}

static void look_run(struct task *t)
{
    struct look *l = (struct look *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask_registry(t, l));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    for (size_t i = 0; i < SERVICES; i++)
        take_live(l, &l->live[i]);
    TASK_END(t);
}

/* False: Redis did not answer. */
static bool find(struct app *a, struct copies *c)
{
    struct look *l = app_task(a, sizeof(*l), look_run);
    c->count = 0;
    l->copies = c;
    find_sockets(a, c);
    return app_run(a, l);
}

/* ---- which keys they have ---- */

struct question {
    struct task task;
    struct bus_client *client;
    struct msg_stats_text reply;
    bool *agrees;
};

static void question_run(struct task *t)
{
    struct question *q = (struct question *)t;
    struct str wanted;
    TASK_BEGIN(t);
    AWAIT(t, bus_ask(q->client, t, "copy", &type_stats, &(struct msg_stats){0},
                     &q->reply));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    wanted =
        arena_printf(t->arena, "fingerprint=\"%.*s\"",
                     STR_ARG(vault_fingerprint(app_of(t)->vault, t->arena)));
    *q->agrees = memmem(q->reply.text.ptr, q->reply.text.len, wanted.ptr,
                        wanted.len) != NULL;
    TASK_END(t);
}

static bool agrees(struct app *a, const struct copy_at *at)
{
    bool yes = false;
    struct bus_client *client = bus_client_new(a->loop);
    if (a->curve != NULL)
        bus_client_set_curve(client, a->curve);
    struct question *q = app_task(a, sizeof(*q), question_run);
    bus_client_copy(client, "copy", str_of(at->instance), str_of(at->endpoint),
                    false);
    q->client = client;
    q->agrees = &yes;
    q->task.trace = STR("keys");
    q->task.deadline_ms = loop_now_ms() + ASK_MS;
    (void)app_run(a, q);
    bus_client_destroy(&client);
    return yes;
}

/* Those that do not have them yet; the first one's place in `*first`. */
static size_t behind(struct app *a, const struct copies *c, size_t *first)
{
    size_t count = 0;
    for (size_t i = c->count; i-- > 0;) {
        if (agrees(a, &c->at[i]))
            continue;
        count++;
        *first = i;
    }
    return count;
}

enum end copies_wait(struct app *a)
{
    struct copies *c = xcalloc(1, sizeof(*c));
    int64_t began = loop_now_ms();
    enum end end = END_AGAIN;
    while (loop_now_ms() - began < PATIENCE_MS) {
        size_t first = 0;
        int64_t asked = loop_now_ms();
        bool found = find(a, c);
        size_t left = behind(a, c, &first);
        if (found && left == 0 && asked - began >= LEAST_MS) {
            say("  %zu of %zu daemons have the new key file.", c->count,
                c->count);
            end = END_DONE;
            break;
        }
        if (left > 0)
            say_progress(a,
                         "%zu of %zu daemons have the new key file; "
                         "waiting for %s",
                         c->count - left, c->count, c->at[first].instance);
        app_sleep(a, LOOK_AGAIN_MS);
    }
    if (end != END_DONE)
        say_fault("Not every daemon reads the new key file: see deploy/status "
                  "and the logs for keys.refused; one of an older release has "
                  "to be started anew. Then run this again, it goes on.");
    free(c);
    return end;
}

int copies_alive(struct app *a)
{
    struct copies *c = xcalloc(1, sizeof(*c));
    int count = find(a, c) ? (int)c->count : -1;
    for (int i = 0; i < count; i++)
        say("  %s lives.", c->at[i].instance);
    free(c);
    return count;
}

enum end copies_tell(struct app *a)
{
    struct copies *c = xcalloc(1, sizeof(*c));
    enum end end = find(a, c) ? END_DONE : END_FAILED;
    for (size_t i = 0; end == END_DONE && i < c->count; i++)
        say("  %-14s %s", c->at[i].instance,
            agrees(a, &c->at[i]) ? "has the key file as it is"
                                 : "has another key file, or does not answer");
    free(c);
    return end;
}
