/* Whose address a request comes from, where proxies stand in front. */
#ifndef BIRDCAR_GATEWAY_ADDRESS_H
#define BIRDCAR_GATEWAY_ADDRESS_H

#include "gateway/http.h"

/* The peer's; where that is one of `trusted` ("127.0.0.1,10.0.0.0/8"), the last
 * address in X-Forwarded-For that is none of them. What is no address there is
 * not believed, nor is what stands in front of it. */
struct str address_of(const struct http_request *request, struct str trusted);

/* Whether it is one of them. */
bool address_is_in(struct str address, struct str list);

/* What counts are kept of: an IPv4 address, or the /64 of an IPv6 one, which is
 * what one host has. */
struct str address_network(struct arena *arena, struct str address);

/* False, and `*fault` is the entry that is no address and no network. */
bool address_list_holds(struct str trusted, struct str *fault);

#endif
