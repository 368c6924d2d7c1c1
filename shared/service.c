#include "shared/service.h"

#include <czmq.h>
#include <sys/stat.h>

#include "shared/bus_curve.h"
#include "shared/bus_endpoint.h"
#include "shared/keys_watch.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/process.h"

enum {
    CHECK_AGAIN_MS = 500,
    CHECK_DEADLINE_MS = 2000,
    /* Longer than the askers' time between two looks at the registry, so that
     * nobody asks us any more when we end. */
    LEAVE_LEAST_MS = 1300,
    LEAVE_MOST_MS = 8000
};

/* ---- Redis must keep what it acknowledges ---- */

struct check {
    struct task task;
    struct value appendonly, appendfsync, policy, keys;
};

static bool is_set(const struct value *reply, const char *name,
                   const char *wanted)
{
    struct str now = value_field(reply, name);
    if (str_is(now, wanted))
        return true;
    log_event(LEVEL_ERROR, "redis.unsafe", STR_NONE,
              "setting=%s is=%.*s wanted=%s", name, STR_ARG(now), wanted);
    return false;
}

static void ask_settings(struct service *s, struct check *c)
{
    struct task *t = &c->task;
    REDIS_DO(s->redis, t, STR_NONE, &c->appendonly, STR("CONFIG"), STR("GET"),
             STR("appendonly"));
    REDIS_DO(s->redis, t, STR_NONE, &c->appendfsync, STR("CONFIG"), STR("GET"),
             STR("appendfsync"));
    REDIS_DO(s->redis, t, STR_NONE, &c->policy, STR("CONFIG"), STR("GET"),
             STR("maxmemory-policy"));
}

/* What the store holds can be found and read with the keys that it was written
 * with alone: the first daemon leaves a mark of them. */
static struct str keys_mark(struct service *s, struct arena *arena)
{
    return vault_mark(s->vault, arena, vault_layers(s->vault));
}

static void ask_keys(struct service *s, struct check *c)
{
    struct task *t = &c->task;
    REDIS_DO(s->redis, t, STR("keys"), &c->keys, STR("SET"), STR("keys"),
             keys_mark(s, t->arena), STR("NX"), STR("GET"));
}

/* A new look-up key stands in the file, and nothing has it yet. */
static bool is_of_fewer_keys(struct service *s, struct arena *arena,
                             struct str mark)
{
    for (unsigned i = 1; i < vault_layers(s->vault); i++)
        if (str_eq(vault_mark(s->vault, arena, i), mark))
            return true;
    return false;
}

static bool keys_fit(struct service *s, struct check *c)
{
    struct str there = value_str(&c->keys);
    if (c->keys.kind != VALUE_STR || str_eq(there, keys_mark(s, c->task.arena)))
        return true;
    if (str_starts(there, STR("changing ")) ||
        is_of_fewer_keys(s, c->task.arena, there))
        log_event(LEVEL_ERROR, "keys.refused", STR_NONE,
                  "fault=\"its look-up key is being changed\" "
                  "check=\"deploy/keys rotate-lookup, which ends it\"");
    else
        log_event(LEVEL_ERROR, "keys.refused", STR_NONE,
                  "fault=\"the store was written with other keys\" "
                  "check=KEYS_FILE,REDIS_URL");
    return false;
}

static void become_ready(struct service *s)
{
    const char *why = NULL, *listen = s->settings.bus_listen;
    const char *announced = s->endpoint;
    s->server = bus_server_new(s->loop, s->tasks, s->spec->name, s->instance,
                               s->endpoint, s->spec->routes, s, &why);
    if (s->server != NULL && listen[0] != '\0')
        announced = bus_server_listen(s->server, s->curve, listen, &why);
    if (s->server == NULL || announced == NULL) {
        log_event(LEVEL_ERROR, "bus.bind", STR_NONE,
                  "endpoint=%s error=\"%s\" check=%s",
                  s->server == NULL ? s->endpoint : listen, why,
                  s->server == NULL ? "RUN_DIR" : "BUS_LISTEN");
        s->status = 1;
        loop_stop(s->loop);
        return;
    }
    s->registry =
        registry_new(s->loop, s->tasks, s->redis, s->client, s->spec->name,
                     s->instance, announced, s->spec->peers);
    log_event(LEVEL_INFO, "service.ready", STR_NONE, "endpoint=%s", announced);
    if (s->spec->ready != NULL)
        s->spec->ready(s);
}

/* To start again would come to the same. */
static void refuse(struct service *s)
{
    s->status = 1;
    loop_stop(s->loop);
}

static void check(struct task *t)
{
    struct check *c = (struct check *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    AWAIT(t, ask_settings(s, c));
    if (t->outcome != DONE) {
        loop_timer_set(s->checker, CHECK_AGAIN_MS);
        TASK_FAIL(t);
    }
    bool append = is_set(&c->appendonly, "appendonly", "yes");
    bool fsync_ = is_set(&c->appendfsync, "appendfsync", "always");
    bool policy = is_set(&c->policy, "maxmemory-policy", "noeviction");
    if (!append || !fsync_ || !policy) {
        refuse(s);
        TASK_FAIL(t);
    }
    AWAIT(t, ask_keys(s, c));
    if (t->outcome != DONE) {
        loop_timer_set(s->checker, CHECK_AGAIN_MS);
        TASK_FAIL(t);
    }
    if (keys_fit(s, c))
        become_ready(s);
    else
        refuse(s);
    TASK_END(t);
}

static void begin_check(void *arg)
{
    struct service *s = arg;
    struct check *c = service_task(s, sizeof(*c), check, CHECK_DEADLINE_MS);
    task_start(&c->task);
}

/* ---- leaving ---- */

static void leave_when_idle(void *arg)
{
    struct service *s = arg;
    int64_t since = loop_now_ms() - s->left_ms;
    bool idle = tasks_alive(s->tasks) == 0 &&
                (s->spec->idle == NULL || s->spec->idle(s));
    bool unheard = s->registry == NULL;
    if (since >= LEAVE_MOST_MS ||
        (idle && (unheard || since >= LEAVE_LEAST_MS))) {
        log_event(LEVEL_INFO, "service.stopped", STR_NONE, "unanswered=%u",
                  tasks_alive(s->tasks));
        loop_stop(s->loop);
        return;
    }
    loop_timer_set(s->leaver, 20);
}

static void leave(void *arg)
{
    struct service *s = arg;
    if (s->left_ms != 0)
        return;
    s->left_ms = loop_now_ms();
    log_event(LEVEL_INFO, "service.leaving", STR_NONE, "unanswered=%u",
              tasks_alive(s->tasks));
    loop_timer_stop(s->checker);
    if (s->registry != NULL)
        registry_leave(s->registry);
    if (s->spec->leave != NULL)
        s->spec->leave(s);
    leave_when_idle(s);
}

/* ---- life ---- */

void *service_task(struct service *s, size_t size, void (*run)(struct task *),
                   int64_t deadline_in_ms)
{
    struct task *t = task_new(s->tasks, size, run, NULL);
    t->owner = s;
    t->deadline_ms = loop_now_ms() + deadline_in_ms;
    return t;
}

static enum log_level level_of(const char *word)
{
    static const char *const words[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum log_level)i;
    return LEVEL_INFO;
}

/* Whoever can open the bus's sockets can ask for anything. */
static bool run_dir_is_ours(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
        (st.st_mode & 077) == 0)
        return true;
    log_event(LEVEL_ERROR, "settings.refused", STR_NONE,
              "RUN_DIR: must be a folder of this user with mode 0700");
    return false;
}

static bool settings_refused(const char *setting, const char *why)
{
    log_event(LEVEL_ERROR, "settings.refused", STR_NONE, "%s: %s", setting,
              why);
    return false;
}

/* Nothing leaves this machine in the clear, and nobody is talked to who is not
 * on the list. */
static bool set_up_curve(struct service *s)
{
    const struct settings *set = &s->settings;
    bool key = set->curve_key_file[0] != '\0';
    bool list = set->curve_allowed_file[0] != '\0';
    bool listens = set->bus_listen[0] != '\0';
    char why[256] = "";
    const char *fault = NULL;
    if (listens && !endpoint_can_listen(set->bus_listen, &fault))
        return settings_refused("BUS_LISTEN", fault);
    if (listens && !(key && list))
        return settings_refused("BUS_LISTEN",
                                "unencrypted TCP is refused: set "
                                "CURVE_KEY_FILE and CURVE_ALLOWED_FILE, too");
    if (key != list)
        return settings_refused(key ? "CURVE_ALLOWED_FILE" : "CURVE_KEY_FILE",
                                "must be set, too");
    if (!key)
        return true;
    s->curve = bus_curve_new(s->loop, set->curve_key_file,
                             set->curve_allowed_file, why, sizeof(why));
    if (s->curve == NULL) {
        log_event(LEVEL_ERROR, "settings.refused", STR_NONE, "%s", why);
        return false;
    }
    bus_client_set_curve(s->client, s->curve);
    return true;
}

static bool set_up(struct service *s)
{
    char why[256] = "";
    const char *reason = "";
    if (!settings_read(&s->settings, s->spec->name, why, sizeof(why))) {
        log_event(LEVEL_ERROR, "settings.refused", STR_NONE, "%s", why);
        return false;
    }
    if (s->settings.instance[0] != '\0')
        (void)snprintf(s->instance, sizeof(s->instance), "%s",
                       s->settings.instance);
    else
        (void)snprintf(s->instance, sizeof(s->instance), "%s-%d", s->spec->name,
                       (int)getpid());
    log_setup(s->instance, level_of(s->settings.log_level));
    int len = snprintf(s->endpoint, sizeof(s->endpoint), "ipc://%s/%s.%d.sock",
                       s->settings.run_dir, s->instance, (int)getpid());
    if (len < 0 || (size_t)len >= sizeof(s->endpoint)) {
        return settings_refused("RUN_DIR",
                                "the path of a socket in it is over 107 bytes");
    }
    if (!run_dir_is_ours(s->settings.run_dir))
        return false;
    s->vault = vault_new(s->settings.keys_file, why, sizeof(why));
    if (s->vault == NULL) {
        log_event(LEVEL_ERROR, "keys.refused", STR_NONE, "KEYS_FILE: %s", why);
        return false;
    }
    if (!vault_is_locked(s->vault))
        log_event(LEVEL_WARN, "keys.not_locked", STR_NONE,
                  "fault=\"the keys may be written to a swap disk\" "
                  "check=\"RLIMIT_MEMLOCK (ulimit -l), or encrypt the swap\"");
    s->loop = loop_new();
    s->keys_watch = keys_watch_new(s->loop, s->settings.keys_file, &s->vault);
    s->tasks = tasks_new(s->loop);
    s->redis = redis_new(s->loop, s->settings.redis_url, s->settings.redis_user,
                         s->settings.redis_password, &reason);
    if (s->redis == NULL)
        return settings_refused("REDIS_URL", reason);
    s->client = bus_client_new(s->loop);
    s->checker = loop_timer_new(s->loop, begin_check, s);
    s->leaver = loop_timer_new(s->loop, leave_when_idle, s);
    return set_up_curve(s);
}

static void tear_down(struct service *s)
{
    if (s->spec->stop != NULL && s->client != NULL)
        s->spec->stop(s);
    registry_destroy(&s->registry);
    bus_server_destroy(&s->server);
    bus_client_destroy(&s->client);
    bus_curve_destroy(&s->curve);
    redis_destroy(&s->redis);
    if (s->loop != NULL) {
        keys_watch_destroy(&s->keys_watch);
        loop_timer_destroy(&s->checker);
        loop_timer_destroy(&s->leaver);
        tasks_destroy(&s->tasks);
        loop_destroy(&s->loop);
    }
    vault_destroy(&s->vault);
    zsys_shutdown();
}

static void help(const struct service_spec *spec)
{
    (void)printf("%s: %s\n\n  --curve-key  prints a new key for "
                 "CURVE_KEY_FILE, and ends\n\nSettings come from the "
                 "environment:\n\n",
                 spec->name, spec->summary);
    settings_help(stdout, spec->name);
}

/* The exit status. */
static int take_argument(const struct service_spec *spec, const char *argument)
{
    if (strcmp(argument, "--help") == 0) {
        help(spec);
    } else if (strcmp(argument, "--curve-key") == 0) {
        bus_curve_make_key(stdout);
    } else {
        (void)fprintf(stderr, "%s: unknown argument %s; try --help\n",
                      spec->name, argument);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

int service_run(const struct service_spec *spec, int argc, char **argv)
{
    struct service s = {.spec = spec};
    if (argc > 1)
        return take_argument(spec, argv[1]);
    process_harden();
    (void)signal(SIGPIPE, SIG_IGN);
    zsys_handler_set(NULL);
    log_setup(spec->name, LEVEL_INFO);
    if (set_up(&s) && (spec->start == NULL || spec->start(&s))) {
        loop_on_signal(s.loop, SIGTERM, leave, &s);
        loop_on_signal(s.loop, SIGINT, leave, &s);
        log_event(LEVEL_INFO, "service.started", STR_NONE, "pid=%d",
                  (int)getpid());
        begin_check(&s);
        loop_run(s.loop);
    } else {
        s.status = 1;
    }
    tear_down(&s);
    return s.status;
}
