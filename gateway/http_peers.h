/* The connections of the HTTP server: what each may send, how long it may take,
 * and who goes when all places are taken. Private to the HTTP server.
 *
 * libmicrohttpd reads its sockets itself and lets pass what TRAPS of request
 * smuggling are made of. So this file defines recv() for the process: on a
 * connection of ours, and only while the library runs, the bytes pass through
 * http_wire.h first. Everywhere else it is the system's. */
#ifndef BIRDCAR_GATEWAY_HTTP_PEERS_H
#define BIRDCAR_GATEWAY_HTTP_PEERS_H

#include <arpa/inet.h>
#include <microhttpd.h>

#include "gateway/http.h"

struct peer;
struct peers;

/* Without its port; empty where it is no address of IP. */
void http_address_text(const struct sockaddr *address,
                       char text[INET6_ADDRSTRLEN]);

/* `refuse` fills the body of a refusal, as http_new() says. */
struct peers *http_peers_new(struct loop *loop, const struct http_rules *rules,
                             void (*refuse)(void *arg, int status,
                                            struct http_answer *answer),
                             void *arg);
void http_peers_destroy(struct peers **peers);

/* The library's accept policy: no more than the rules allow from one address
 * (of IPv6, one /64). Addresses are told apart by a hash, which may take two
 * for one. Loopback and proxies have no limit: they stand for everybody. */
enum MHD_Result http_peers_accept(void *arg, const struct sockaddr *address,
                                  socklen_t len);

/* For MHD_OPTION_NOTIFY_CONNECTION, with the peers as `arg`. */
void http_peers_notice(void *arg, struct MHD_Connection *connection,
                       void **context,
                       enum MHD_ConnectionNotificationCode what);

/* Around each round of the library. */
void http_peers_begin(void);
void http_peers_end(struct peers *all);

/* Whose request it is; never NULL. */
struct peer *http_peer_of(struct MHD_Connection *connection);
/* Its answer begins to leave; and it has left, or the connection has ended. */
void http_peer_answered(struct peer *peer);
void http_peer_done(struct peer *peer);

#endif
