/* The Redis client: asynchronous, deadlines, reconnect, scripts.
 * The only code that calls hiredis. Every call names the hash tag that its
 * keys share, so that a Cluster is a setting and not a rewrite. */
#ifndef BIRDCAR_REDIS_H
#define BIRDCAR_REDIS_H

#include "shared/task.h"

struct redis;
struct loop;

enum value_kind { VALUE_NIL, VALUE_NUM, VALUE_STR, VALUE_LIST };

/* A reply, copied into the arena of the task that asked. */
struct value {
    enum value_kind kind;
    int64_t num;
    struct str str;
    struct value *items;
    size_t count;
};

/* A Lua script, embedded by CMake; `sha` is filled at first use. */
struct script {
    const char *name;
    const char *body;
    char sha[41];
};

enum { REDIS_MOST_WORDS = 64, REDIS_MOST_IN_FLIGHT = 10000 };

/* `url`: redis://[user:password@]host[:port][/db] or unix:///path. NULL and
 * `*why` where it is not of that form. `user` and `password`, where they are
 * not empty, are used in place of the URL's. Connects by itself, again after
 * each loss, with back-off and jitter; where Redis does not take the password
 * it tries again, and nothing is asked of it meanwhile. */
struct redis *redis_new(struct loop *loop, const char *url, const char *user,
                        const char *password, const char **why);
void redis_destroy(struct redis **redis);
bool redis_connected(const struct redis *redis);
/* Why scripts are refused at present, as Redis says it: LOADING, BUSY,
 * READONLY, MISCONF, OOM, …; NULL: the last one was carried out. Costs nothing:
 * every copy's heartbeat is a script. */
const char *redis_refusal(const struct redis *redis);
/* Half of what may be in flight is: time to refuse what can wait. */
bool redis_crowded(const struct redis *redis);

/* One command. Waits for a connection where there is none, no longer than the
 * task's deadline or 3 s. `*out` is set before the task
 * resumes; it is untouched where the outcome is not DONE. RETRY store_away: no
 * answer, a broken connection, or a Redis that cannot write now, or does not
 * let this user do it (logged as redis.denied); the command may or may not have
 * been carried out. RETRY internal: Redis called the command wrong; that is a
 * defect of ours and is logged. RETRY busy: too much in flight. `out` may be
 * NULL. */
void redis_call(struct redis *redis, struct task *t, struct str tag,
                const struct str *words, size_t count, struct value *out);
#define REDIS_DO(redis, t, tag, out, ...)                                      \
    redis_call((redis), (t), (tag), (const struct str[]){__VA_ARGS__},         \
               sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str), \
               (out))

/* Runs the script; loads it where the server does not know it. */
void redis_script(struct redis *redis, struct task *t, struct str tag,
                  struct script *script, const struct str *keys, size_t nkeys,
                  const struct str *args, size_t nargs, struct value *out);

/* The item at `at`, or a nil value where there is none. */
const struct value *value_at(const struct value *list, size_t at);
/* A number, or a string that reads as one; else `otherwise`. */
int64_t value_num(const struct value *v, int64_t otherwise);
struct str value_str(const struct value *v);
/* Milliseconds since 1970, out of the reply to TIME; 0 where it is no time. */
int64_t redis_time_ms(const struct value *time);
/* The value behind `field` in a flat list of pairs (HGETALL). */
struct str value_field(const struct value *pairs, const char *field);

#endif
