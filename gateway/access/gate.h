/* Who is it, and do they come too often? Looks at the token or the session's
 * cookie; what a route needs is the router's business. */
#ifndef BIRDCAR_GATEWAY_GATE_H
#define BIRDCAR_GATEWAY_GATE_H

#include "gateway/router.h"

/* Fills x->who; IDENTITY_NONE where nothing holds. RETRY store_away where the
 * store must be asked and does not answer. */
void gate_identify(struct exchange *x);

/* Counts the request to whoever it is. RETRY too_many_requests. */
void gate_pace(struct exchange *x);

/* Where it comes from, for limits and the audit log. */
struct str gate_address(const struct exchange *x);

/* The session's cookie: its name, by whether TLS is in front, and its value,
 * empty where it is not there. */
const char *gate_cookie_name(const struct settings *settings);
struct str gate_cookie(const struct http_request *request, const char *name);
/* What the store knows a session by. */
struct str gate_session_key(const struct service *s, struct arena *arena,
                            struct str cookie);

/* "bc_<id>_<secret>", and the hash of the secret that the store keeps. */
bool gate_token_split(struct str given, struct str *id, struct str *secret);
struct str gate_token_text(struct arena *arena, struct str id,
                           struct str secret);
struct str gate_token_hash(const struct service *s, struct arena *arena,
                           struct str id, struct str secret);

#endif
