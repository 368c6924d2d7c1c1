#include "shared/phonebook.h"

#include "shared/script.h"

SCRIPT(phonebook);

enum { USERS_LOOKED_AT = 100 };

static void run(struct redis *redis, struct task *t, struct str hash,
                struct str member, const char *act, int64_t until_ms,
                struct value *out)
{
    struct str key = arena_printf(t->arena, "phone:%.*s", STR_ARG(hash));
    struct str args[] = {arena_copy(t->arena, member), str_of(act),
                         arena_number(t->arena, until_ms)};
    redis_script(redis, t, key, &phonebook, &key, 1, args, 3, out);
}

void phonebook_claim(struct redis *redis, struct task *t, struct str hash,
                     struct str member, struct value *out)
{
    run(redis, t, hash, member, "claim", 0, out);
}

void phonebook_keep(struct redis *redis, struct task *t, struct str hash,
                    struct str member, struct value *out)
{
    run(redis, t, hash, member, "keep", 0, out);
}

void phonebook_look(struct redis *redis, struct task *t, struct str hash,
                    struct str member, struct value *out)
{
    run(redis, t, hash, member, "look", 0, out);
}

void phonebook_release(struct redis *redis, struct task *t, struct str hash,
                       struct str member, int64_t until_ms)
{
    run(redis, t, hash, member, "release", until_ms, NULL);
}

void phonebook_users(struct redis *redis, struct task *t, struct str hash,
                     struct value *out)
{
    struct str key = arena_printf(t->arena, "phone:%.*s", STR_ARG(hash));
    REDIS_DO(redis, t, key, out, STR("ZRANGE"), key, STR("0"),
             arena_number(t->arena, USERS_LOOKED_AT - 1));
}

void phonebook_count(struct redis *redis, struct task *t, struct str hash,
                     struct value *out)
{
    struct str key = arena_printf(t->arena, "phone:%.*s", STR_ARG(hash));
    REDIS_DO(redis, t, key, out, STR("ZCOUNT"), key, STR("+inf"), STR("+inf"));
}

void phonebook_forget(struct redis *redis, struct task *t, struct str hash)
{
    struct str key = arena_printf(t->arena, "phone:%.*s", STR_ARG(hash));
    REDIS_DO(redis, t, key, NULL, STR("ZREMRANGEBYSCORE"), key, STR("-inf"),
             STR("(+inf"));
}

bool phonebook_refused(const struct value *out)
{
    return str_is(value_str(value_at(out, 0)), "taken");
}

struct str phonebook_user(const struct value *out, size_t nth)
{
    return value_str(value_at(out, nth + 1));
}
