/* Who may come in: the bearer token, the admin's password, and the tokens of
 * the forms that we ourselves handed out. Knows no route. */
#ifndef BIRDCAR_GATEWAY_ACCESS_H
#define BIRDCAR_GATEWAY_ACCESS_H

#include "gateway/http.h"
#include "shared/vault.h"

struct access;

enum identity { IDENTITY_NONE, IDENTITY_BEARER, IDENTITY_PASSWORD };

enum { FORM_TOKEN_LIVES_S = 24 * 3600 };

/* Reads both secrets, each a file of one line that only its owner may read.
 * NULL: `why` says which file is wrong, and how. */
struct access *access_new(const char *token_file, const char *password_file,
                          char *why, size_t room);
void access_destroy(struct access **access);

/* By the Authorization header; compared in constant time. */
enum identity access_check(const struct access *access,
                           const struct http_request *request);

/* The browser says that another site made it send this request. */
bool access_is_foreign(const struct http_request *request);

/* A token for one form, "<nonce>.<expiry in s>.<mac>". */
struct str form_token_new(const struct vault *vault, struct arena *arena,
                          int64_t now_s);
/* False where it is not ours or too old. `nonce`: the form's request key. */
bool form_token_holds(const struct vault *vault, struct str token,
                      int64_t now_s, struct str *nonce);

#endif
