#include "gateway/access/secrets.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/arena.h"
#include "shared/secret_file.h"

enum { SECRET_MOST = 255 };

struct secret {
    char bytes[SECRET_MOST + 1];
    size_t len;
};

struct secrets {
    struct secret token, password;
};

/* ---- the secrets ---- */

static const char *take_secret(struct secret *secret, const char *bytes,
                               size_t len)
{
    struct str line = str_trim((struct str){bytes, len});
    if (line.len == 0)
        return "it is empty";
    if (line.len > SECRET_MOST)
        return "it holds more than 255 characters";
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.ptr[i] < ' ' || line.ptr[i] == 0x7f)
            return "it holds more than one line, or control characters";
    memcpy(secret->bytes, line.ptr, line.len);
    secret->len = line.len;
    return NULL;
}

static bool read_secret(struct secret *secret, const char *path, char *why,
                        size_t room)
{
    char bytes[SECRET_MOST + 16];
    size_t len = 0;
    const char *fault = secret_file_read(path, bytes, sizeof(bytes), &len);
    if (fault == NULL)
        fault = take_secret(secret, bytes, len);
    sodium_memzero(bytes, sizeof(bytes));
    if (fault != NULL)
        (void)snprintf(why, room, "%s: %s", path, fault);
    return fault == NULL;
}

struct secrets *secrets_new(const char *token_file, const char *password_file,
                            char *why, size_t room)
{
    struct secrets *secrets = xcalloc(1, sizeof(*secrets));
    if (!read_secret(&secrets->token, token_file, why, room) ||
        !read_secret(&secrets->password, password_file, why, room))
        secrets_destroy(&secrets);
    return secrets;
}

void secrets_destroy(struct secrets **secrets)
{
    if (*secrets == NULL)
        return;
    sodium_memzero(*secrets, sizeof(**secrets));
    free(*secrets);
    *secrets = NULL;
}

static bool is_secret(const struct secret *secret, struct str given)
{
    return given.len == secret->len &&
           sodium_memcmp(given.ptr, secret->bytes, secret->len) == 0;
}

bool secrets_is_token(const struct secrets *secrets, struct str given)
{
    return is_secret(&secrets->token, given);
}

bool secrets_is_password(const struct secrets *secrets, struct str given)
{
    return is_secret(&secrets->password, given);
}
