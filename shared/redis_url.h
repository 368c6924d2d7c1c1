/* REDIS_URL taken apart. Opens nothing. */
#ifndef BIRDCAR_REDIS_URL_H
#define BIRDCAR_REDIS_URL_H

#include <stdbool.h>

struct redis_url {
    char path[108]; /* of a Unix socket; empty: host and port */
    char host[256];
    char user[64];
    char password[256];
    int port;
    int db;
};

/* redis://[[user]:password@]host[:port][/db], unix:///path or
 * unix://[user:]password@/path. False: `*why` says what is wrong with it. */
bool redis_url_parse(const char *text, struct redis_url *out, const char **why);

/* Puts a user and a password, where they are not empty, in place of those that
 * it has. */
bool redis_url_sign_in(struct redis_url *url, const char *user,
                       const char *password, const char **why);

#endif
