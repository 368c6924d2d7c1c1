#include "shared/redis.h"

#include <assert.h>
#include <hiredis/async.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/log.h"
#include "shared/loop.h"
#include "shared/metrics.h"
#include "shared/redis_url.h"
#include "shared/redis_wire.h"

enum {
    PATIENCE_MS = 3000,    /* for one answer, whatever the task would allow */
    TICK_MS = 20,          /* how often deadlines are looked at */
    STUCK_MS = 10000,      /* without any answer: the connection is dropped */
    RECONNECT_LEAST = 20,  /* ms */
    RECONNECT_MOST = 1000, /* ms */
    CONNECT_MS = 3000
};

enum op_state { OP_WAITING, OP_SENT, OP_REFUSED };

/* One command under way. Without a task it timed out, and only waits for its
 * answer, which hiredis will bring in any case. */
struct op {
    struct op *prev, *next;
    struct redis *redis;
    struct task *task;
    struct value *out;
    int64_t deadline_ms;
    enum op_state state;
    enum problem_code refusal;
    struct script *script; /* NULL: a plain command */
    struct str *words;     /* in the task's arena; words[1] of a script is its
                              SHA or its body */
    size_t count;
};

struct redis {
    struct loop *loop;
    struct redis_url url;
    redisAsyncContext *context;
    struct loop_io *io;
    struct loop_timer *reconnect, *tick;
    int64_t back_off_ms, connecting_since_ms, heard_ms;
    bool connected; /* and signed in */
    bool ticking, loss_logged;
    unsigned greetings;      /* unanswered words of the sign-in */
    char refusal[16];        /* of the last script; empty: it was carried out */
    struct op *first, *last; /* in the order in which they were asked */
    size_t count;
    struct buffer out; /* one command */
};

static void connect_now(void *arg);

/* ---- the list of operations ---- */

static void link_op(struct redis *r, struct op *op)
{
    op->prev = r->last;
    *(r->last != NULL ? &r->last->next : &r->first) = op;
    r->last = op;
    r->count++;
}

static void free_op(struct op *op)
{
    struct redis *r = op->redis;
    *(op->prev != NULL ? &op->prev->next : &r->first) = op->next;
    *(op->next != NULL ? &op->next->prev : &r->last) = op->prev;
    r->count--;
    free(op);
}

/* Ends the wait of its task; the operation itself may live on. */
static void fail_op(struct op *op, enum problem_code code)
{
    struct task *t = op->task;
    op->task = NULL;
    if (t == NULL)
        return;
    metric_add(METRIC_redis_failures_total, 1);
    task_fail(t, (struct problem){code, STR_NONE, 0});
}

/* ---- answers ---- */

static void reply_came(redisAsyncContext *context, void *reply, void *arg);

/* False: the connection is going down. */
static bool send_words(struct redis *r, const struct str *words, size_t count,
                       redisCallbackFn *came, void *arg)
{
    redisAsyncContext *c = r->context;
    const redisCallback *last = c->replies.tail;
    wire_command(&r->out, words, count);
    if (redisAsyncFormattedCommand(c, came, arg, r->out.ptr, r->out.len) !=
        REDIS_OK)
        return false;
    /* hiredis 0.14 sends it even where it has no memory to note who waits for
     * the answer: all later answers would come to the wrong one. */
    if (c->replies.tail == last)
        abort();
    return true;
}

static void send_op(struct op *op)
{
    struct redis *r = op->redis;
    op->state = OP_SENT;
    metric_add(METRIC_redis_calls_total, 1);
    if (!send_words(r, op->words, op->count, reply_came, op)) {
        op->state = OP_REFUSED;
        op->refusal = PROBLEM_store_away;
    }
}

/* The first word only: what follows may quote a key or an argument. */
static void note_refusal(struct op *op, struct str error)
{
    char *to = op->redis->refusal;
    struct str word = str_cut(&error, ' ');
    if (op->script == NULL)
        return;
    if (word.len > 0 && word.ptr[0] == '-')
        word = str_from(word, 1);
    size_t len = word.len < sizeof(op->redis->refusal)
                     ? word.len
                     : sizeof(op->redis->refusal) - 1;
    if (len > 0)
        memcpy(to, word.ptr, len);
    to[len] = '\0';
}

/* Mended by whoever keeps Redis, and then it goes on. */
static void denied(struct op *op)
{
    note_refusal(op, STR("NOPERM"));
    log_sparse(LEVEL_ERROR, "redis.denied",
               "call=%s check=\"the user of this service in Redis; "
               "deploy/redis-users prints its rights\"",
               op->script != NULL ? op->script->name : "command");
    fail_op(op, PROBLEM_store_away);
    free_op(op);
}

static void error_came(struct op *op, struct str error)
{
    if (op->script != NULL && str_starts(error, STR("NOSCRIPT"))) {
        if (op->task == NULL) { /* timed out: nobody waits for it any more */
            free_op(op);
            return;
        }
        op->words[0] = STR("EVAL");
        op->words[1] = str_of(op->script->body);
        send_op(op);
        return;
    }
    if (wire_is_denied(error)) {
        denied(op);
        return;
    }
    bool passing = wire_passes_by_itself(error);
    note_refusal(op, passing ? error : STR_NONE);
    /* The first word only: what follows may quote a key or an argument. */
    struct str rest = error;
    struct str code = str_cut(&rest, ' ');
    log_sparse(passing ? LEVEL_WARN : LEVEL_ERROR, "redis.refused",
               "error=%.*s call=%s", STR_ARG(code),
               op->script != NULL ? op->script->name : "command");
    if (!passing)
        log_sparse(LEVEL_ERROR, "redis.defect", "script=%s text=\"%.*s\"",
                   op->script != NULL ? op->script->name : "none",
                   op->script != NULL ? (int)error.len : 0, error.ptr);
    fail_op(op, passing ? PROBLEM_store_away : PROBLEM_internal);
    free_op(op);
}

static void reply_came(redisAsyncContext *context, void *reply, void *arg)
{
    (void)context;
    struct op *op = arg;
    const redisReply *r = reply;
    if (r == NULL) { /* the connection is going down */
        fail_op(op, PROBLEM_store_away);
        free_op(op);
        return;
    }
    op->redis->heard_ms = loop_now_ms();
    if (r->type == REDIS_REPLY_ERROR) {
        error_came(op, (struct str){r->str, (size_t)r->len});
        return;
    }
    struct task *t = op->task;
    note_refusal(op, STR_NONE);
    if (t != NULL) {
        if (op->out != NULL)
            wire_reply(t->arena, r, op->out);
        op->task = NULL;
        task_done(t);
    }
    free_op(op);
}

/* ---- the connection ---- */

static void io_ready(void *arg, int events)
{
    struct redis *r = arg;
    redisAsyncContext *context = r->context;
    if (events & LOOP_READ)
        redisAsyncHandleRead(context);
    if ((events & LOOP_WRITE) && r->context == context)
        redisAsyncHandleWrite(context);
}

struct wants {
    struct redis *redis;
    int events;
};

static void want(void *arg, int add, int drop)
{
    struct wants *w = arg;
    w->events = (w->events | add) & ~drop;
    if (w->redis->io != NULL)
        loop_io_want(w->redis->io, w->events);
}

static void add_read(void *arg)
{
    want(arg, LOOP_READ, 0);
}

static void del_read(void *arg)
{
    want(arg, 0, LOOP_READ);
}

static void add_write(void *arg)
{
    want(arg, LOOP_WRITE, 0);
}

static void del_write(void *arg)
{
    want(arg, 0, LOOP_WRITE);
}

static void io_gone(void *arg)
{
    struct wants *w = arg;
    loop_io_destroy(&w->redis->io);
    free(w);
}

static void connection_lost(struct redis *r, const char *why)
{
    r->context = NULL;
    if (!r->loss_logged)
        log_event(LEVEL_WARN, "redis.lost", STR_NONE, "why=\"%s\"", why);
    r->loss_logged = true;
    r->connected = false;
    int64_t jitter = (int64_t)randombytes_uniform((uint32_t)r->back_off_ms);
    loop_timer_set(r->reconnect, r->back_off_ms / 2 + jitter);
    if (r->back_off_ms < RECONNECT_MOST)
        r->back_off_ms *= 2;
}

static void disconnected(const redisAsyncContext *context, int status)
{
    struct redis *r = context->data;
    connection_lost(r, status == REDIS_OK ? "closed" : context->errstr);
}

static void signed_in(struct redis *r)
{
    r->connected = true;
    r->loss_logged = false;
    r->back_off_ms = RECONNECT_LEAST;
    r->heard_ms = loop_now_ms();
    metric_add(METRIC_redis_reconnects_total, 1);
    log_event(LEVEL_INFO, "redis.connected", STR_NONE, "waiting=%zu", r->count);
    for (struct op *op = r->first; op != NULL; op = op->next)
        if (op->state == OP_WAITING)
            send_op(op);
}

/* Nothing is asked before: whose password is wrong would be, with many a Redis,
 * the user `default`, who may do more than we should. */
static void said_hello(redisAsyncContext *context, void *reply, void *arg)
{
    struct redis *r = context->data;
    const redisReply *said = reply;
    (void)arg;
    if (said == NULL) /* the connection is going down */
        return;
    if (said->type == REDIS_REPLY_ERROR) {
        log_sparse(LEVEL_ERROR, "redis.hello",
                   "error=refused check=\"user, password and database of "
                   "REDIS_URL, REDIS_USER, REDIS_PASSWORD\"");
        redisAsyncDisconnect(context);
    } else if (--r->greetings == 0) {
        signed_in(r);
    }
}

static void greet(struct redis *r, const struct str *words, size_t count)
{
    r->greetings++;
    (void)send_words(r, words, count, said_hello, NULL);
}

static void say_hello(struct redis *r)
{
    const struct redis_url *u = &r->url;
    char db[16];
    (void)snprintf(db, sizeof(db), "%d", u->db);
    struct str auth[] = {STR("AUTH"), str_of(u->user), str_of(u->password)};
    struct str password[] = {STR("AUTH"), str_of(u->password)};
    struct str select[] = {STR("SELECT"), str_of(db)};
    if (u->password[0] != '\0' && u->user[0] != '\0')
        greet(r, auth, 3);
    else if (u->password[0] != '\0')
        greet(r, password, 2);
    if (u->db != 0)
        greet(r, select, 2);
}

static void connected(const redisAsyncContext *context, int status)
{
    struct redis *r = context->data;
    if (status != REDIS_OK) {
        connection_lost(r, context->errstr);
        return;
    }
    r->greetings = 0;
    say_hello(r);
    if (r->greetings == 0)
        signed_in(r);
}

static void connect_now(void *arg)
{
    struct redis *r = arg;
    const struct redis_url *u = &r->url;
    redisAsyncContext *c = u->path[0] != '\0'
                               ? redisAsyncConnectUnix(u->path)
                               : redisAsyncConnect(u->host, u->port);
    r->connecting_since_ms = loop_now_ms();
    if (c == NULL || c->err != 0) {
        connection_lost(r, c != NULL ? c->errstr : "out of memory");
        if (c != NULL)
            redisAsyncFree(c);
        return;
    }
    struct wants *w = xcalloc(1, sizeof(*w));
    w->redis = r;
    r->context = c;
    c->data = r;
    r->io = loop_io_new(r->loop, c->c.fd, io_ready, r);
    c->ev.data = w;
    c->ev.addRead = add_read;
    c->ev.delRead = del_read;
    c->ev.addWrite = add_write;
    c->ev.delWrite = del_write;
    c->ev.cleanup = io_gone;
    (void)redisAsyncSetDisconnectCallback(c, disconnected);
    (void)redisAsyncSetConnectCallback(c, connected);
}

/* Not from inside a callback of hiredis: from the hook and timers only. */
static void drop_connection(struct redis *r, const char *why)
{
    redisAsyncContext *c = r->context;
    r->context = NULL;
    c->onDisconnect = NULL;
    redisAsyncFree(c);
    loop_io_destroy(&r->io);
    connection_lost(r, why);
}

/* ---- deadlines ---- */

static void tick(void *arg)
{
    struct redis *r = arg;
    int64_t now = loop_now_ms();
    r->ticking = false;
    for (struct op *op = r->first, *next = NULL; op != NULL; op = next) {
        next = op->next;
        if (op->state == OP_REFUSED)
            fail_op(op, op->refusal);
        else if (op->task != NULL && now >= op->deadline_ms)
            fail_op(op, PROBLEM_store_away);
        if (op->task == NULL && op->state != OP_SENT)
            free_op(op);
    }
    if (r->context != NULL) {
        if (!r->connected && now - r->connecting_since_ms > CONNECT_MS)
            drop_connection(r, "no answer while connecting");
        else if (r->connected && r->first != NULL &&
                 now - r->heard_ms > STUCK_MS)
            drop_connection(r, "silent");
    }
    if (r->first != NULL) {
        r->ticking = true;
        loop_timer_set(r->tick, TICK_MS);
    }
}

/* ---- the calls ---- */

struct redis *redis_new(struct loop *loop, const char *url, const char *user,
                        const char *password, const char **why)
{
    struct redis_url parsed;
    if (!redis_url_parse(url, &parsed, why) ||
        !redis_url_sign_in(&parsed, user, password, why))
        return NULL;
    struct redis *r = xcalloc(1, sizeof(*r));
    r->loop = loop;
    r->url = parsed;
    r->back_off_ms = RECONNECT_LEAST;
    r->reconnect = loop_timer_new(loop, connect_now, r);
    r->tick = loop_timer_new(loop, tick, r);
    connect_now(r);
    return r;
}

void redis_destroy(struct redis **redis)
{
    struct redis *r = *redis;
    if (r == NULL)
        return;
    *redis = NULL;
    if (r->context != NULL) {
        r->context->onDisconnect = NULL;
        redisAsyncFree(r->context);
    }
    for (struct op *op = r->first, *next = NULL; op != NULL; op = next) {
        next = op->next;
        free(op);
    }
    loop_io_destroy(&r->io);
    loop_timer_destroy(&r->reconnect);
    loop_timer_destroy(&r->tick);
    buffer_free(&r->out);
    free(r);
}

bool redis_crowded(const struct redis *redis)
{
    return redis->count >= REDIS_MOST_IN_FLIGHT / 2;
}

const char *redis_refusal(const struct redis *redis)
{
    return redis->refusal[0] != '\0' ? redis->refusal : NULL;
}

bool redis_connected(const struct redis *redis)
{
    return redis->connected;
}

static void begin(struct redis *r, struct task *t, struct op *op)
{
    int64_t latest = loop_now_ms() + PATIENCE_MS;
    op->redis = r;
    op->task = t;
    op->deadline_ms = t->deadline_ms < latest ? t->deadline_ms : latest;
    task_hold(t);
    bool full = r->count >= REDIS_MOST_IN_FLIGHT;
    link_op(r, op);
    if (r->first == op)
        r->heard_ms = loop_now_ms();
    if (full) {
        op->state = OP_REFUSED; /* told at the next tick */
        op->refusal = PROBLEM_busy;
    } else if (r->connected) {
        send_op(op);
    }
    if (!r->ticking) {
        r->ticking = true;
        loop_timer_set(r->tick, TICK_MS);
    }
}

void redis_call(struct redis *redis, struct task *t, struct str tag,
                const struct str *words, size_t count, struct value *out)
{
    assert(count >= 1 && count <= REDIS_MOST_WORDS);
    (void)tag;
    struct op *op = xcalloc(1, sizeof(*op));
    op->words = arena_alloc(t->arena, count * sizeof(*words));
    memcpy(op->words, words, count * sizeof(*words));
    op->count = count;
    op->out = out;
    begin(redis, t, op);
}

static void hash_script(struct script *script)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    (void)EVP_Digest(script->body, strlen(script->body), digest, &len,
                     EVP_sha1(), NULL);
    (void)sodium_bin2hex(script->sha, sizeof(script->sha), digest, len);
}

void redis_script(struct redis *redis, struct task *t, struct str tag,
                  struct script *script, const struct str *keys, size_t nkeys,
                  const struct str *args, size_t nargs, struct value *out)
{
    size_t count = 3 + nkeys + nargs;
    assert(count <= REDIS_MOST_WORDS);
    if (script->sha[0] == '\0')
        hash_script(script);
    struct op *op = xcalloc(1, sizeof(*op));
    op->words = arena_alloc(t->arena, count * sizeof(*op->words));
    op->words[0] = STR("EVALSHA");
    op->words[1] = str_of(script->sha);
    op->words[2] = arena_printf(t->arena, "%zu", nkeys);
    for (size_t i = 0; i < nkeys; i++) {
        assert(memmem(keys[i].ptr, keys[i].len, tag.ptr, tag.len) != NULL);
        op->words[3 + i] = keys[i];
    }
    for (size_t i = 0; i < nargs; i++)
        op->words[3 + nkeys + i] = args[i];
    op->count = count;
    op->script = script;
    op->out = out;
    begin(redis, t, op);
}
