/* Where a form comes from: from a page that we made, for this session, and not
 * from another site. Knows no route. */
#ifndef BIRDCAR_GATEWAY_FORM_H
#define BIRDCAR_GATEWAY_FORM_H

#include "gateway/http.h"
#include "shared/vault.h"

enum { FORM_TOKEN_LIVES_S = 24 * 3600 };

/* The browser says that another site made it send the request. */
bool form_is_foreign(const struct http_request *request);

/* A token for one form of that session, "<nonce>.<expiry in s>.<mac>". */
struct str form_token_new(const struct vault *vault, struct arena *arena,
                          struct str session, int64_t now_s);
/* False where it is not ours, of another session, or too old. `nonce`: the
 * form's request key. */
bool form_token_holds(const struct vault *vault, struct arena *arena,
                      struct str token, struct str session, int64_t now_s,
                      struct str *nonce);

#endif
