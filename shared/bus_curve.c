#include "shared/bus_curve.h"

#include <assert.h>
#include <czmq.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/bus_frame.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "shared/secret_file.h"

enum {
    KEY_FILE_MOST = 4096,
    LIST_FILE_MOST = 65536,
    MOST_KEYS = 256,
    ANSWERS_A_TURN = 16,
    /* A stranger holds a connection no longer than this. */
    HANDSHAKE_MS = 3000
};

struct key_list {
    unsigned char keys[MOST_KEYS][CURVE_KEY_BYTES];
    size_t count;
    struct stat as_of; /* the file */
};

/* In memory of libsodium's, which is never written out. */
struct bus_curve {
    unsigned char secret[CURVE_KEY_BYTES], public[CURVE_KEY_BYTES];
    const char *allowed_file;
    struct key_list allowed;
    void *zap;
    struct loop_io *io;
    struct loop_hook *hook;
    struct received in;
};

/* ---- files ---- */

/* The first word of the next line that has one. */
static bool next_word(struct str *text, struct str *word)
{
    while (text->len > 0) {
        struct str line = str_cut(text, '\n');
        while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
            line = str_from(line, 1);
        size_t len = 0;
        while (len < line.len && (unsigned char)line.ptr[len] > ' ')
            len++;
        *word = (struct str){line.ptr, len};
        if (len > 0 && word->ptr[0] != '#')
            return true;
    }
    return false;
}

static bool read_hex(struct str hex, unsigned char *key)
{
    size_t len = 0;
    return hex.len == CURVE_KEY_HEX &&
           sodium_hex2bin(key, CURVE_KEY_BYTES, hex.ptr, hex.len, NULL, &len,
                          NULL) == 0 &&
           len == CURVE_KEY_BYTES;
}

static const char *read_own_key(struct bus_curve *c, const char *path)
{
    char *bytes = sodium_malloc(KEY_FILE_MOST);
    size_t len = 0;
    if (bytes == NULL)
        abort();
    const char *fault = secret_file_read(path, bytes, KEY_FILE_MOST, &len);
    if (fault == NULL) {
        struct str text = {bytes, len}, word = STR_NONE, more = STR_NONE;
        if (!next_word(&text, &word) || !read_hex(word, c->secret) ||
            next_word(&text, &more) ||
            crypto_scalarmult_base(c->public, c->secret) != 0)
            fault = "must hold one secret key, as deploy/curve-key makes it";
    }
    sodium_free(bytes);
    return fault;
}

static const char *list_fault(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "not a regular file";
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "others may write it; chmod go-w it";
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return "it belongs to another user";
    return st->st_size >= LIST_FILE_MOST ? "too large" : NULL;
}

static const char *parse_list(struct str text, struct key_list *list)
{
    struct str word = STR_NONE;
    while (next_word(&text, &word)) {
        if (list->count == MOST_KEYS)
            return "too many keys";
        if (!read_hex(word, list->keys[list->count]))
            return "a line does not begin with a public key in hex";
        list->count++;
    }
    return NULL;
}

static const char *read_list(const char *path, struct key_list *list)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &list->as_of) != 0)
        return strerrordesc_np(errno);
    char *bytes = xcalloc(1, LIST_FILE_MOST);
    const char *fault = list_fault(&list->as_of);
    ssize_t len = fault == NULL ? read(fd, bytes, LIST_FILE_MOST) : 0;
    if (len < 0)
        fault = strerrordesc_np(errno);
    if (fault == NULL)
        fault = parse_list((struct str){bytes, (size_t)len}, list);
    free(bytes);
    (void)close(fd);
    return fault;
}

static bool is_as_of(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
           a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void look_at_list(struct bus_curve *c)
{
    struct stat now;
    if (stat(c->allowed_file, &now) == 0 && is_as_of(&now, &c->allowed.as_of))
        return;
    struct key_list *list = xcalloc(1, sizeof(*list));
    const char *fault = read_list(c->allowed_file, list);
    if (fault == NULL) {
        c->allowed = *list;
        log_event(LEVEL_INFO, "curve.list", STR_NONE, "keys=%zu", list->count);
    } else {
        log_sparse(LEVEL_ERROR, "curve.list",
                   "fault=\"%s\" check=CURVE_ALLOWED_FILE", fault);
    }
    free(list);
}

bool bus_curve_allows(struct bus_curve *c, const unsigned char *key)
{
    bool found = false;
    look_at_list(c);
    for (size_t i = 0; i < c->allowed.count; i++)
        found = found ||
                sodium_memcmp(c->allowed.keys[i], key, CURVE_KEY_BYTES) == 0;
    return found;
}

/* ---- who is let in (ZAP, RFC 27) ---- */

static void answer(struct bus_curve *c, struct str request, bool let_in)
{
    const struct str frames[] = {STR("1.0"),
                                 request,
                                 let_in ? STR("200") : STR("400"),
                                 let_in ? STR("OK") : STR("not on the list"),
                                 STR_NONE,
                                 STR_NONE};
    size_t count = sizeof(frames) / sizeof(frames[0]);
    for (size_t i = 0; i < count; i++)
        (void)zmq_send(c->zap, frames[i].ptr, frames[i].len,
                       ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0));
}

/* version, request, domain, address, identity, mechanism, public key */
static void judge(struct bus_curve *c)
{
    enum { REQUEST = 1, ADDRESS = 3, MECHANISM = 5, KEY = 6, FRAMES = 7 };
    struct str frames[FRAMES] = {STR_NONE};
    const char *at = c->in.bytes.ptr;
    for (size_t i = 0; i < c->in.count && i < FRAMES; i++) {
        frames[i] = (struct str){at, c->in.lengths[i]};
        at += c->in.lengths[i];
    }
    bool let_in = c->in.count == FRAMES && str_is(frames[MECHANISM], "CURVE") &&
                  frames[KEY].len == CURVE_KEY_BYTES &&
                  bus_curve_allows(c, (const unsigned char *)frames[KEY].ptr);
    if (!let_in) {
        char hex[CURVE_KEY_HEX + 1] = "none";
        if (frames[KEY].len == CURVE_KEY_BYTES)
            sodium_bin2hex(hex, sizeof(hex),
                           (const unsigned char *)frames[KEY].ptr,
                           CURVE_KEY_BYTES);
        log_sparse(LEVEL_WARN, "bus.stranger",
                   "from=%.*s key=%s check=CURVE_ALLOWED_FILE",
                   STR_ARG(frames[ADDRESS]), hex);
    }
    answer(c, frames[REQUEST], let_in);
}

static bool judge_some(void *arg)
{
    struct bus_curve *c = arg;
    unsigned done = 0;
    while (done < ANSWERS_A_TURN && socket_receive(c->zap, &c->in)) {
        judge(c);
        done++;
    }
    return done > 0;
}

static void wake(void *arg, int events)
{
    /* The hook, which runs before each sleep, does the work. */
    (void)arg;
    (void)events;
}

/* Without somebody here libzmq lets every key in. */
static bool begin_to_judge(struct bus_curve *c, struct loop *loop)
{
    int fd = -1;
    size_t size = sizeof(fd);
    c->zap = zmq_socket(zsys_init(), ZMQ_REP);
    if (c->zap == NULL || zmq_bind(c->zap, "inproc://zeromq.zap.01") != 0 ||
        zmq_getsockopt(c->zap, ZMQ_FD, &fd, &size) != 0)
        return false;
    c->io = loop_io_new(loop, fd, wake, c);
    loop_io_want(c->io, LOOP_READ);
    c->hook = loop_hook_new(loop, judge_some, c);
    return true;
}

/* ---- sockets ---- */

static void set(void *raw, int option, const void *value, size_t len)
{
    int rc = zmq_setsockopt(raw, option, value, len);
    assert(rc == 0);
    (void)rc;
}

void bus_curve_serve(const struct bus_curve *c, void *raw)
{
    static const int on = 1, handshake_ms = HANDSHAKE_MS;
    set(raw, ZMQ_CURVE_SERVER, &on, sizeof(on));
    set(raw, ZMQ_CURVE_SECRETKEY, c->secret, sizeof(c->secret));
    set(raw, ZMQ_HANDSHAKE_IVL, &handshake_ms, sizeof(handshake_ms));
}

void bus_curve_join(const struct bus_curve *c, void *raw,
                    const unsigned char *key)
{
    set(raw, ZMQ_CURVE_SERVERKEY, key, CURVE_KEY_BYTES);
    set(raw, ZMQ_CURVE_PUBLICKEY, c->public, sizeof(c->public));
    set(raw, ZMQ_CURVE_SECRETKEY, c->secret, sizeof(c->secret));
}

/* ---- life ---- */

struct bus_curve *bus_curve_new(struct loop *loop, const char *key_file,
                                const char *allowed_file, char *why,
                                size_t room)
{
    if (sodium_init() < 0)
        abort();
    struct bus_curve *c = sodium_malloc(sizeof(*c));
    if (c == NULL)
        abort();
    *c = (struct bus_curve){.allowed_file = allowed_file};
    const char *setting = "CURVE_KEY_FILE";
    const char *fault = read_own_key(c, key_file);
    if (fault == NULL) {
        setting = "CURVE_ALLOWED_FILE";
        fault = read_list(allowed_file, &c->allowed);
    }
    if (fault == NULL && !begin_to_judge(c, loop))
        fault = zmq_strerror(zmq_errno());
    if (fault != NULL) {
        (void)snprintf(why, room, "%s: %s", setting, fault);
        bus_curve_destroy(&c);
    }
    return c;
}

void bus_curve_destroy(struct bus_curve **curve)
{
    struct bus_curve *c = *curve;
    if (c == NULL)
        return;
    *curve = NULL;
    loop_hook_destroy(&c->hook);
    loop_io_destroy(&c->io);
    if (c->zap != NULL)
        (void)zmq_close(c->zap);
    buffer_free(&c->in.bytes);
    sodium_free(c);
}

void bus_curve_public(const struct bus_curve *c, char *hex)
{
    sodium_bin2hex(hex, CURVE_KEY_HEX + 1, c->public, sizeof(c->public));
}

void bus_curve_make_key(FILE *out)
{
    unsigned char secret[CURVE_KEY_BYTES], public[CURVE_KEY_BYTES];
    char hex[CURVE_KEY_HEX + 1];
    if (sodium_init() < 0)
        abort();
    (void)crypto_box_keypair(public, secret);
    (void)fprintf(out, "# public %s\n",
                  sodium_bin2hex(hex, sizeof(hex), public, sizeof(public)));
    (void)fprintf(out, "%s\n",
                  sodium_bin2hex(hex, sizeof(hex), secret, sizeof(secret)));
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(hex, sizeof(hex));
}
