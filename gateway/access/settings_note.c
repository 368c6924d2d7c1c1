#include "gateway/access/settings_note.h"

#include <stdlib.h>

#include "gateway/access/audit.h"
#include "shared/secret_file.h"

enum { WITHIN_MS = 10000, SECRET_MOST = 1024 };

/* INSTANCE is another one in each copy. */
static const char *const names[] = {
#define SETTING(kind, field, name, otherwise, least, most, who, help) name,
#include "shared/settings.def"
#undef SETTING
    NULL};

struct noting {
    struct task task;
    struct gateway *gateway;
    struct value before;
    struct str changed; /* names */
};

#define KEY STR("{access}:settings")

/* A secret may stand in a file. */
static struct str in_file(const char *name, char *bytes, size_t room)
{
    char variable[64];
    size_t len = 0;
    (void)snprintf(variable, sizeof(variable), "%s_FILE", name);
    const char *path = getenv(variable);
    if (path == NULL || secret_file_read(path, bytes, room, &len) != NULL)
        return STR_NONE;
    if (len > 0 && bytes[len - 1] == '\n')
        len--;
    return (struct str){bytes, len};
}

static struct str hash_of(const struct noting *n, const char *name)
{
    char bytes[SECRET_MOST] = "";
    const char *given = getenv(name);
    struct str value = str_of(given != NULL ? given : "");
    if (value.len == 0)
        value = in_file(name, bytes, sizeof(bytes));
    struct str hash = vault_hash(
        n->gateway->service->vault, n->task.arena, "setting",
        arena_printf(n->task.arena, "%s=%.*s", name, STR_ARG(value)));
    explicit_bzero(bytes, sizeof(bytes));
    return hash;
}

static bool is_changed(const struct noting *n, const char *name)
{
    return strcmp(name, "INSTANCE") != 0 &&
           !str_eq(hash_of(n, name), value_field(&n->before, name));
}

static void compare(struct noting *n)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (is_changed(n, names[i]))
            n->changed =
                arena_printf(n->task.arena, "%.*s%s%s", STR_ARG(n->changed),
                             n->changed.len > 0 ? " " : "", names[i]);
    if (n->changed.len > AUDIT_DETAIL_MOST)
        n->changed.len = AUDIT_DETAIL_MOST;
}

static void keep(struct noting *n)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (is_changed(n, names[i]))
            REDIS_DO(n->gateway->service->redis, &n->task, STR("access"), NULL,
                     STR("HSET"), KEY, str_of(names[i]), hash_of(n, names[i]));
}

static void write_down(struct noting *n)
{
    bool first = n->before.count == 0;
    const struct msg_audit_entry entry = {
        .what = first ? STR("settings.first") : STR("settings.changed"),
        .outcome = STR("done"),
        .who = STR(""),
        .with = STR(""),
        .detail = first ? STR("") : n->changed};
    audit_add(n->gateway->audit, &n->task, AUDIT_ACCESS, &entry);
}

/* The entry first: it may come twice, but not be left out. */
static void noting_run(struct task *t)
{
    struct noting *n = (struct noting *)t;
    struct redis *redis = n->gateway->service->redis;
    TASK_BEGIN(t);
    AWAIT(t,
          REDIS_DO(redis, t, STR("access"), &n->before, STR("HGETALL"), KEY));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    compare(n);
    if (n->changed.len > 0) {
        AWAIT(t, write_down(n));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        AWAIT(t, keep(n));
    }
    TASK_END(t);
}

void settings_note(struct gateway *gateway)
{
    struct noting *n =
        service_task(gateway->service, sizeof(*n), noting_run, WITHIN_MS);
    n->gateway = gateway;
    task_start(&n->task);
}
