#include "gateway/access/store.h"

#include "shared/script.h"

SCRIPT(account_add);
SCRIPT(account_list);
SCRIPT(account_set);
SCRIPT(attempt);
SCRIPT(session_check);
SCRIPT(session_end);
SCRIPT(session_list);
SCRIPT(session_new);
SCRIPT(token_add);
SCRIPT(token_check);
SCRIPT(token_list);
SCRIPT(token_remove);

#define TAG STR("access")
#define ACCOUNTS STR("{access}:accounts")
#define TOKENS STR("{access}:tokens")
#define ACCOUNT_PREFIX STR("{access}:account:")
#define SESSION_PREFIX STR("{access}:session:")
#define TOKEN_PREFIX STR("{access}:token:")

#define RUN(script, keys, args, out)                                           \
    redis_script(s->redis, t, TAG, &(script), (keys),                          \
                 sizeof(keys) / sizeof(*(keys)), (args),                       \
                 sizeof(args) / sizeof(*(args)), (out))

static struct str key(struct task *t, const char *what, struct str name)
{
    return arena_printf(t->arena, "{access}:%s:%.*s", what, STR_ARG(name));
}

/* ---- accounts ---- */

void store_account(struct service *s, struct task *t, struct str name,
                   struct value *out)
{
    REDIS_DO(s->redis, t, TAG, out, STR("HGETALL"), key(t, "account", name));
}

void store_accounts(struct service *s, struct task *t, struct value *out)
{
    const struct str keys[] = {ACCOUNTS}, args[] = {ACCOUNT_PREFIX};
    RUN(account_list, keys, args, out);
}

void store_account_add(struct service *s, struct task *t, struct str name,
                       struct str role, struct str password, struct str by,
                       int64_t most, struct value *out)
{
    const struct str keys[] = {key(t, "account", name), ACCOUNTS,
                               STR("{access}:founded")};
    const struct str args[] = {name, role, password, by,
                               arena_number(t->arena, most)};
    RUN(account_add, keys, args, out);
}

void store_account_set(struct service *s, struct task *t,
                       const struct account_change *change, struct value *out)
{
    struct str args[6 + 8] = {
        change->name,        change->removes ? STR("remove") : STR("set"),
        change->if_password, change->sessions,
        ACCOUNT_PREFIX,      SESSION_PREFIX};
    const struct str keys[] = {key(t, "account", change->name), ACCOUNTS,
                               key(t, "sessions", change->name)};
    memcpy(args + 6, change->pairs, change->count * sizeof(*args));
    redis_script(s->redis, t, TAG, &account_set, keys, 3, args,
                 6 + change->count, out);
}

/* ---- signing in, and sessions ---- */

/* Names and addresses are free text from outside; a count's key is their hash.
 */
static struct str count_key(struct service *s, struct task *t, const char *what,
                            struct str of)
{
    return key(t, what, vault_hash(s->vault, t->arena, what, of));
}

static struct str pair_of(struct task *t, struct str name, struct str network)
{
    return arena_printf(t->arena, "%.*s %.*s", STR_ARG(name), STR_ARG(network));
}

void store_attempt(struct service *s, struct task *t, struct str name,
                   struct str network, struct str device, struct value *out)
{
    if (device.len > 0) {
        const struct str keys[] = {count_key(s, t, "tries-device", device)};
        const struct str args[] = {arena_number(t->arena, ATTEMPTS_OF_DEVICE),
                                   arena_number(t->arena, ATTEMPT_WINDOW_MS)};
        RUN(attempt, keys, args, out);
        return;
    }
    const struct str keys[] = {
        count_key(s, t, "tries-pair", pair_of(t, name, network)),
        count_key(s, t, "tries-account", name),
        count_key(s, t, "tries-address", network)};
    const struct str args[] = {arena_number(t->arena, ATTEMPTS_OF_PAIR),
                               arena_number(t->arena, ATTEMPTS_OF_ACCOUNT),
                               arena_number(t->arena, ATTEMPTS_OF_ADDRESS),
                               arena_number(t->arena, ATTEMPT_WINDOW_MS)};
    RUN(attempt, keys, args, out);
}

void store_session_new(struct service *s, struct task *t,
                       const struct session_start *start, struct value *out)
{
    const struct str keys[] = {
        key(t, "account", start->name),
        key(t, "session", start->key),
        key(t, "sessions", start->name),
        start->device.len > 0
            ? count_key(s, t, "tries-device", start->device)
            : count_key(s, t, "tries-pair",
                        pair_of(t, start->name, start->network)),
        count_key(s, t, "tries-account", start->name),
        count_key(s, t, "tries-address", start->network)};
    const struct str args[] = {start->name,
                               start->password,
                               start->totp_step,
                               arena_number(t->arena, start->idle_ms),
                               arena_number(t->arena, start->most_ms),
                               start->address,
                               start->agent,
                               start->key,
                               SESSION_PREFIX};
    /* A known browser is counted by itself alone. */
    size_t nkeys = start->device.len > 0 ? 4 : 6;
    redis_script(s->redis, t, TAG, &session_new, keys, nkeys, args,
                 sizeof(args) / sizeof(*args), out);
}

void store_session(struct service *s, struct task *t, struct str session,
                   int64_t idle_ms, struct value *out)
{
    const struct str keys[] = {key(t, "session", session)};
    const struct str args[] = {arena_number(t->arena, idle_ms), ACCOUNT_PREFIX};
    RUN(session_check, keys, args, out);
}

void store_sessions(struct service *s, struct task *t, struct str name,
                    struct value *out)
{
    const struct str keys[] = {key(t, "sessions", name)};
    const struct str args[] = {SESSION_PREFIX};
    RUN(session_list, keys, args, out);
}

void store_session_end(struct service *s, struct task *t, struct str name,
                       struct str session, struct str keep, struct value *out)
{
    const struct str keys[] = {key(t, "sessions", name)};
    const struct str args[] = {SESSION_PREFIX, session, keep};
    RUN(session_end, keys, args, out);
}

void store_session_drop(struct service *s, struct task *t, struct str session)
{
    REDIS_DO(s->redis, t, TAG, NULL, STR("DEL"), key(t, "session", session));
}

/* ---- tokens ---- */

void store_token_add(struct service *s, struct task *t,
                     const struct token_record *token, struct value *out)
{
    const struct str keys[] = {key(t, "token", token->id), TOKENS};
    const struct str args[] = {token->id,
                               token->name,
                               token->hash,
                               token->scopes,
                               arena_number(t->arena, token->expires_ms),
                               token->by,
                               arena_number(t->arena, TOKENS_MOST)};
    RUN(token_add, keys, args, out);
}

void store_token(struct service *s, struct task *t, struct str id,
                 struct str hash, struct value *out)
{
    const struct str keys[] = {key(t, "token", id)}, args[] = {hash};
    RUN(token_check, keys, args, out);
}

void store_tokens(struct service *s, struct task *t, struct value *out)
{
    const struct str keys[] = {TOKENS}, args[] = {TOKEN_PREFIX};
    RUN(token_list, keys, args, out);
}

void store_token_remove(struct service *s, struct task *t, struct str id,
                        struct value *out)
{
    const struct str keys[] = {key(t, "token", id), TOKENS}, args[] = {id};
    RUN(token_remove, keys, args, out);
}
