/* The two secrets of a deployment's first start: the first API token, and the
 * password with which the first admin signs in. Each is a file; nothing here
 * writes one. */
#ifndef BIRDCAR_GATEWAY_SECRETS_H
#define BIRDCAR_GATEWAY_SECRETS_H

#include <stdbool.h>

#include "shared/str.h"

struct secrets;

/* Each a file of one line that only its owner may read. NULL: `why` says which
 * file is wrong, and how. */
struct secrets *secrets_new(const char *token_file, const char *password_file,
                            char *why, size_t room);
void secrets_destroy(struct secrets **secrets);

/* In constant time. */
bool secrets_is_token(const struct secrets *secrets, struct str given);
bool secrets_is_password(const struct secrets *secrets, struct str given);

#endif
