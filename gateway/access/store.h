/* The store of who may come in: keys and scripts of accounts, sessions and
 * tokens. All stand under one hash tag, {access}. The only file that numbers
 * the scripts' KEYS and ARGV. Replies stand in the task's arena. */
#ifndef BIRDCAR_GATEWAY_STORE_H
#define BIRDCAR_GATEWAY_STORE_H

#include "gateway/access/identity.h"
#include "shared/service.h"

enum {
    ACCOUNTS_MOST = 200,
    TOKENS_MOST = 200,
    SESSION_KEY_CHARS = VAULT_HASH_CHARS,
    TOKEN_ID_CHARS = 11,
    ATTEMPT_WINDOW_MS = 15 * 60 * 1000,
    ATTEMPTS_OF_DEVICE = 10, /* in a window; a browser that was in before */
    ATTEMPTS_OF_PAIR = 5,    /* others: for one account from one address */
    ATTEMPTS_OF_ACCOUNT = 50,
    ATTEMPTS_OF_ADDRESS = 50
};

/* ---- accounts ---- */

/* The hash of an account (HGETALL); empty where there is none. */
void store_account(struct service *s, struct task *t, struct str name,
                   struct value *out);
void store_accounts(struct service *s, struct task *t, struct value *out);
/* `most` accounts in all: ACCOUNTS_MOST; or 1, for the very first one, which is
 * made once and never more. */
void store_account_add(struct service *s, struct task *t, struct str name,
                       struct str role, struct str password, struct str by,
                       int64_t most, struct value *out);

struct account_change {
    struct str name;
    struct str if_password; /* only where that is its hash; empty: whatever */
    struct str sessions;    /* "keep", "end", or the key of the one to keep */
    bool removes;
    struct str pairs[8]; /* field, value; an empty value takes it away */
    size_t count;        /* of `pairs` */
};
void store_account_set(struct service *s, struct task *t,
                       const struct account_change *change, struct value *out);

/* ---- signing in, and sessions ---- */

/* `network`: see address_network(). `device`: of a browser that was in before;
 * empty: of none. */
void store_attempt(struct service *s, struct task *t, struct str name,
                   struct str network, struct str device, struct value *out);

struct session_start {
    struct str name, password, totp_step, address, network, agent, device, key;
    int64_t idle_ms, most_ms;
};
void store_session_new(struct service *s, struct task *t,
                       const struct session_start *start, struct value *out);
void store_session(struct service *s, struct task *t, struct str session,
                   int64_t idle_ms, struct value *out);
void store_sessions(struct service *s, struct task *t, struct str name,
                    struct value *out);
/* `session` empty: all but `keep`. */
void store_session_end(struct service *s, struct task *t, struct str name,
                       struct str session, struct str keep, struct value *out);

/* Whosever it is; the list of their sessions passes over it. */
void store_session_drop(struct service *s, struct task *t, struct str session);

/* ---- tokens ---- */

struct token_record {
    struct str id, name, hash, scopes, by;
    int64_t expires_ms;
};
void store_token_add(struct service *s, struct task *t,
                     const struct token_record *token, struct value *out);
void store_token(struct service *s, struct task *t, struct str id,
                 struct str hash, struct value *out);
void store_tokens(struct service *s, struct task *t, struct value *out);
void store_token_remove(struct service *s, struct task *t, struct str id,
                        struct value *out);

#endif
