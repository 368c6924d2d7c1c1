#include "gateway/http_peers.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "gateway/http_response.h"
#include "gateway/http_wire.h"
#include "shared/loop.h"
#include "shared/metrics.h"

enum {
    MOST_FD = 1 << 16,
    HOMES = 1 << 14,
    NETWORK_BYTES = 8, /* of an IPv6 address */
    SWEEP_MS = 1000,
    LINGER_MS = 2000,
    MOST_DRAINED = 64, /* reads a call, of what nobody wants any more */
    SPARE = 32,        /* places that are made free before they are wanted */
    MOST_LOOKED_AT = 64
};

struct peer {
    struct peers *peers;
    struct peer *prev, *next; /* the one that asked longest ago comes first */
    struct peer *next_doomed;
    struct http_wire wire;
    int fd;
    int home;         /* its address, hashed; -1: without a limit */
    uint32_t done;    /* requests whose answers have left */
    int64_t since_ms; /* what it does now, it does since then */
    bool answering;
    bool leaving; /* was refused here; what it still sends is thrown away */
    bool doomed;  /* is to be refused when the library's round is over */
    bool cut;     /* shut down; the library will see */
};

struct peers {
    struct loop_timer *timer;
    struct peer *first, *last, *doomed;
    struct http_rules rules;
    unsigned count;
    uint16_t from[HOMES]; /* how many come from there */
    unsigned char key[crypto_shorthash_KEYBYTES];
    void (*refuse)(void *arg, int status, struct http_answer *answer);
    void *arg;
};

/* recv() is told nothing but a descriptor. */
static struct peer *by_fd[MOST_FD];
static _Thread_local bool in_library;

/* Under its own name the system's header may have it inline already. */
ssize_t http_recv(int fd, void *to, size_t room, int flags) __asm__("recv");

/* ---- the list ---- */

static void list_remove(struct peers *all, struct peer *peer)
{
    *(peer->prev != NULL ? &peer->prev->next : &all->first) = peer->next;
    *(peer->next != NULL ? &peer->next->prev : &all->last) = peer->prev;
    peer->prev = peer->next = NULL;
}

static void list_add(struct peers *all, struct peer *peer)
{
    peer->prev = all->last;
    *(all->last != NULL ? &all->last->next : &all->first) = peer;
    all->last = peer;
}

/* ---- ends ---- */

static void cut(struct peer *peer)
{
    if (peer->cut)
        return;
    peer->cut = true;
    metric_add(METRIC_http_cut_total, 1);
    (void)shutdown(peer->fd, SHUT_RDWR);
}

/* Nothing of ours is under way on this connection, so the answer is the next
 * thing that its client reads. It may still be writing: closed at once, the
 * connection would be reset and the answer lost. */
static void turn_away(struct peer *peer, int status)
{
    struct peers *all = peer->peers;
    struct http_answer answer = {0};
    struct buffer bytes = {0};
    if (peer->leaving || peer->cut)
        return;
    all->refuse(all->arg, status, &answer);
    answer.status = status;
    http_response_write(&answer, all->rules.https, &bytes);
    (void)send(peer->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buffer_free(&bytes);
    (void)shutdown(peer->fd, SHUT_WR);
    peer->leaving = true;
    peer->since_ms = loop_now_ms();
    metric_add(METRIC_http_refused_total, 1);
}

/* ---- what comes in ---- */

static bool all_answered(const struct peer *peer)
{
    return peer->wire.ended == peer->done && !peer->answering;
}

/* Its end, or "not now". */
static ssize_t drain(const struct peer *peer, void *to, size_t room)
{
    for (int i = 0; i < MOST_DRAINED; i++) {
        ssize_t got = recvfrom(peer->fd, to, room, 0, NULL, NULL);
        if (got <= 0)
            return got;
    }
    errno = EAGAIN;
    return -1;
}

static ssize_t receive(struct peer *peer, void *to, size_t room)
{
    struct http_wire *wire = &peer->wire;
    if (peer->leaving || wire->refused != 0)
        return drain(peer, to, room);
    ssize_t got = recvfrom(peer->fd, to, room, 0, NULL, NULL);
    /* Told of the end now, the library would drop the answer that is due. */
    if (got == 0 && !all_answered(peer) && !peer->cut) {
        errno = EAGAIN;
        return -1;
    }
    if (got <= 0)
        return got;
    uint32_t begun = wire->begun, heads = wire->heads;
    size_t sound = http_wire_take(wire, to, (size_t)got);
    if (wire->begun != begun || wire->heads != heads)
        peer->since_ms = loop_now_ms();
    /* What came whole before it is served first. */
    if (wire->refused == 0 || !all_answered(peer)) {
        if (sound > 0)
            return (ssize_t)sound;
        errno = EAGAIN; /* 0 would be the end, with an answer still due */
        return -1;
    }
    turn_away(peer, wire->refused);
    return drain(peer, to, room);
}

ssize_t http_recv(int fd, void *to, size_t room, int flags)
{
    struct peer *peer =
        in_library && fd >= 0 && fd < MOST_FD ? by_fd[fd] : NULL;
    if (peer == NULL)
        return recvfrom(fd, to, room, flags, NULL, NULL);
    return receive(peer, to, room);
}

/* ---- who has had time enough ---- */

static bool has_left(const struct peer *peer)
{
    char byte = 0;
    /* The library asks no more where an end came along with bytes. */
    return recvfrom(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, NULL, NULL) ==
           0;
}

/* Milliseconds that it may take for what it does now; 0: as long as we do. */
static int64_t most_of(const struct peer *peer)
{
    const struct http_rules *rules = &peer->peers->rules;
    const unsigned reading[] = {[WIRE_BETWEEN] = rules->idle_seconds,
                                [WIRE_HEAD] = rules->head_seconds,
                                [WIRE_BODY] = rules->body_seconds};
    if (peer->leaving)
        return LINGER_MS;
    if (peer->answering)
        return INT64_C(1000) * rules->answer_seconds;
    return all_answered(peer)
               ? INT64_C(1000) * reading[http_wire_part(&peer->wire)]
               : 0;
}

static void judge(struct peer *peer, int64_t now_ms)
{
    int64_t spent_ms = now_ms - peer->since_ms, most_ms = most_of(peer);
    bool reading = all_answered(peer) && !peer->leaving;
    if (most_ms == 0 || spent_ms < SWEEP_MS)
        return;
    bool gone = reading && has_left(peer);
    if (!gone && spent_ms < most_ms)
        return;
    if (!gone && reading && http_wire_part(&peer->wire) != WIRE_BETWEEN)
        turn_away(peer, 408);
    else
        cut(peer);
}

static void on_sweep(void *arg)
{
    struct peers *all = arg;
    int64_t now_ms = loop_now_ms();
    for (struct peer *peer = all->first; peer != NULL; peer = peer->next)
        judge(peer, now_ms);
    if (all->count > 0)
        loop_timer_set(all->timer, SWEEP_MS);
}

/* ---- addresses ---- */

union address {
    const struct sockaddr *any;
    const struct sockaddr_in *v4;
    const struct sockaddr_in6 *v6;
};

void http_address_text(const struct sockaddr *address,
                       char text[INET6_ADDRSTRLEN])
{
    union address at = {.any = address};
    text[0] = '\0';
    if (address->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &at.v4->sin_addr, text, INET6_ADDRSTRLEN);
    else if (address->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &at.v6->sin6_addr, text, INET6_ADDRSTRLEN);
}

static bool is_proxy(const struct peers *all, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN];
    if (all->rules.is_proxy == NULL)
        return false;
    http_address_text(address, text);
    return all->rules.is_proxy(all->arg, str_of(text));
}

/* The bytes by which it is told from others. */
static struct str network_of(const struct sockaddr *address)
{
    union address at = {.any = address};
    const size_t v4_bytes = sizeof(at.v4->sin_addr);
    if (address->sa_family == AF_INET)
        return (struct str){(const char *)&at.v4->sin_addr, v4_bytes};
    if (address->sa_family != AF_INET6)
        return STR_NONE;
    const char *bytes = (const char *)at.v6->sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&at.v6->sin6_addr))
        return (struct str){bytes + sizeof(at.v6->sin6_addr) - v4_bytes,
                            v4_bytes};
    if (IN6_IS_ADDR_LOOPBACK(&at.v6->sin6_addr))
        return STR_NONE;
    return (struct str){bytes, NETWORK_BYTES};
}

static int home_of(const struct peers *all, const struct sockaddr *address)
{
    union {
        unsigned char bytes[crypto_shorthash_BYTES];
        uint64_t number;
    } hash = {.number = 0};
    struct str network = network_of(address);
    if (all->rules.most_an_address == 0 || network.len == 0 ||
        (network.len < NETWORK_BYTES && network.ptr[0] == IN_LOOPBACKNET) ||
        is_proxy(all, address))
        return -1;
    (void)crypto_shorthash(hash.bytes, (const unsigned char *)network.ptr,
                           network.len, all->key);
    return (int)(hash.number % HOMES);
}

enum MHD_Result http_peers_accept(void *arg, const struct sockaddr *address,
                                  socklen_t len)
{
    const struct peers *all = arg;
    int home = home_of(all, address);
    (void)len;
    if (home == -1 || all->from[home] < all->rules.most_an_address)
        return MHD_YES;
    metric_add(METRIC_http_cut_total, 1);
    return MHD_NO;
}

/* ---- room ---- */

/* Who was served lately stays; so does whoever waits for us. */
static void make_room(struct peers *all)
{
    for (int i = 0; i < MOST_LOOKED_AT && all->first != NULL; i++) {
        struct peer *peer = all->first;
        list_remove(all, peer);
        list_add(all, peer);
        if (!peer->cut && all_answered(peer)) {
            cut(peer);
            return;
        }
    }
}

static void arrive(struct peers *all, struct MHD_Connection *connection,
                   void **context)
{
    int fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
            ->connect_fd;
    struct peer *peer = xcalloc(1, sizeof(*peer));
    if (all->count + SPARE >= all->rules.most_connections)
        make_room(all);
    peer->peers = all;
    peer->fd = fd;
    peer->home =
        home_of(all, MHD_get_connection_info(connection,
                                             MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                         ->client_addr);
    if (peer->home != -1)
        all->from[peer->home]++;
    peer->since_ms = loop_now_ms();
    list_add(all, peer);
    *context = peer;
    if (all->count++ == 0)
        loop_timer_set(all->timer, SWEEP_MS);
    if (fd < MOST_FD)
        by_fd[fd] = peer;
    else
        cut(peer);
    metric_set(METRIC_http_connections, all->count);
}

static void depart(struct peers *all, struct peer *peer)
{
    struct peer **doomed = &all->doomed;
    while (peer->doomed && *doomed != peer)
        doomed = &(*doomed)->next_doomed;
    if (peer->doomed)
        *doomed = peer->next_doomed;
    list_remove(all, peer);
    if (peer->home != -1)
        all->from[peer->home]--;
    if (peer->fd < MOST_FD)
        by_fd[peer->fd] = NULL;
    free(peer);
    all->count--;
    metric_set(METRIC_http_connections, all->count);
}

void http_peers_notice(void *arg, struct MHD_Connection *connection,
                       void **context, enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        arrive(arg, connection, context);
    else
        depart(arg, *context);
}

/* ---- requests ---- */

struct peer *http_peer_of(struct MHD_Connection *connection)
{
    struct peer *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;
    assert(peer != NULL);
    return peer;
}

void http_peer_answered(struct peer *peer)
{
    peer->answering = true;
    peer->since_ms = loop_now_ms();
}

void http_peer_done(struct peer *peer)
{
    peer->answering = false;
    peer->done++;
    peer->since_ms = loop_now_ms();
    list_remove(peer->peers, peer);
    list_add(peer->peers, peer);
    /* Whether it closes the connection now the library does not say. */
    if (peer->wire.refused != 0 && !peer->doomed) {
        peer->doomed = true;
        peer->next_doomed = peer->peers->doomed;
        peer->peers->doomed = peer;
    }
}

void http_peers_begin(void)
{
    in_library = true;
}

void http_peers_end(struct peers *all)
{
    in_library = false;
    while (all->doomed != NULL) {
        struct peer *peer = all->doomed;
        all->doomed = peer->next_doomed;
        peer->doomed = false;
        if (all_answered(peer))
            turn_away(peer, peer->wire.refused);
    }
}

struct peers *http_peers_new(struct loop *loop, const struct http_rules *rules,
                             void (*refuse)(void *arg, int status,
                                            struct http_answer *answer),
                             void *arg)
{
    struct peers *all = xcalloc(1, sizeof(*all));
    all->rules = *rules;
    all->refuse = refuse;
    all->arg = arg;
    randombytes_buf(all->key, sizeof(all->key));
    all->timer = loop_timer_new(loop, on_sweep, all);
    return all;
}

void http_peers_destroy(struct peers **peers)
{
    if (*peers == NULL)
        return;
    loop_timer_destroy(&(*peers)->timer);
    free(*peers);
    *peers = NULL;
}
