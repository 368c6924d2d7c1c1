/* The HTTP server: requests in, whole and checked; answers out.
 * The only code that calls libmicrohttpd. Knows no route and no service. */
#ifndef BIRDCAR_GATEWAY_HTTP_H
#define BIRDCAR_GATEWAY_HTTP_H

#include "shared/arena.h"

struct http;
struct loop;

enum { HTTP_MOST_BODY = 64 * 1024 };

struct http_rules {
    /* Where all are taken, who asked for nothing for longest makes room. */
    unsigned most_connections;
    unsigned most_an_address; /* 0: no limit */
    /* One whom that limit does not hold, since others stand behind it, with
     * `arg` of http_new(). NULL: there is none. */
    bool (*is_proxy)(void *arg, struct str address);
    unsigned idle_seconds; /* between requests */
    /* From a head's first byte to its last, however it drips; then for the
     * body; and for an answer, to a client that reads slowly. */
    unsigned head_seconds, body_seconds, answer_seconds;
    bool https; /* clients reach us by TLS, through a proxy */
};

struct http_header {
    struct str name, value;
};

/* One whole request. It and all it points to live in `arena`, which the
 * handler takes over (task_new() does that). */
struct http_request {
    struct arena *arena;
    uint64_t ticket;   /* slot and generation; names the request for ever */
    struct str method; /* HEAD comes as GET, its answer's body is left out */
    struct str target; /* as sent: path and query, for signatures */
    struct str path;   /* raw, up to the `?` */
    struct str query;  /* raw, behind the `?` */
    struct str body;
    const struct http_header *headers;
    size_t nheaders;
    struct str peer; /* the other end's address, without its port */
};

struct http_answer {
    int status;
    struct str content_type; /* empty: no body */
    struct str body;
    struct http_header headers[6]; /* ends at an empty name */
};

/* Serves the listening socket `fd`, which stays the caller's, in a process that
 * serves no other. `handle` is
 * called once a request, from the loop, when its body is whole; it answers
 * now or later with http_answer(). What breaks the framing rules is answered
 * here (400, 408, 413, 417, 431, 414, 405 for methods outside GET HEAD POST PUT
 * PATCH DELETE) through `refuse`, which fills the body for that status. */
struct http *http_new(struct loop *loop, int fd, const struct http_rules *rules,
                      void (*handle)(void *arg, struct http_request *request),
                      void (*refuse)(void *arg, int status,
                                     struct http_answer *answer),
                      void *arg);

/* Answers the request of that ticket; the answer is copied. Nothing happens
 * where the client is gone or was answered before. */
void http_answer(struct http *http, uint64_t ticket,
                 const struct http_answer *answer);

/* Requests handed out and not answered. */
unsigned http_unanswered(const struct http *http);

/* Takes no new connections; those that stand are told `Connection: close` with
 * their next answer. */
void http_quiesce(struct http *http);
void http_destroy(struct http **http);

/* The value of the header of that name, in any case; empty where it is not
 * there. */
struct str http_header(const struct http_request *request, const char *name);

/* The socket inherited by systemd's protocol (LISTEN_FDS, LISTEN_PID), or a new
 * one bound to `address` ("127.0.0.1:4567", "[::1]:4567"); non-blocking,
 * close-on-exec. -1: `why` says what failed. */
int http_listen(const char *address, char *why, size_t room);

#endif
