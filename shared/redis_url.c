#include "shared/redis_url.h"

#include <stdio.h>

#include "shared/str.h"

static bool keep(char *to, size_t room, struct str s, const char **why)
{
    if (s.len >= room) {
        *why = "a part of it is too long";
        return false;
    }
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
    return true;
}

static bool small_number(struct str s, int64_t least, int64_t most, int *out)
{
    int64_t n = 0;
    if (!str_to_num(s, &n) || n < least || n > most)
        return false;
    *out = (int)n;
    return true;
}

/* Takes `[[user]:password@]` off the front of `*rest`. */
static bool take_login(struct str *rest, struct redis_url *out,
                       const char **why)
{
    const char *at = rest->len > 0 ? memrchr(rest->ptr, '@', rest->len) : NULL;
    if (at == NULL)
        return true;
    struct str login = {rest->ptr, (size_t)(at - rest->ptr)};
    *rest = str_from(*rest, login.len + 1);
    struct str user = STR_NONE;
    if (login.len > 0 && memchr(login.ptr, ':', login.len) != NULL)
        user = str_cut(&login, ':');
    return keep(out->user, sizeof(out->user), user, why) &&
           keep(out->password, sizeof(out->password), login, why);
}

static bool parse_host(struct str rest, struct redis_url *out, const char **why)
{
    struct str host = str_cut(&rest, '/');
    if (rest.len > 0 && !small_number(rest, 0, 15, &out->db)) {
        *why = "the database behind / must be 0 to 15";
        return false;
    }
    struct str port = host;
    struct str name = str_cut(&port, ':');
    if (port.len > 0 && !small_number(port, 1, 65535, &out->port)) {
        *why = "the port must be 1 to 65535";
        return false;
    }
    if (name.len == 0)
        name = STR("127.0.0.1");
    return keep(out->host, sizeof(out->host), name, why);
}

bool redis_url_parse(const char *text, struct redis_url *out, const char **why)
{
    struct str rest = str_of(text);
    *out = (struct redis_url){.port = 6379};
    if (str_starts(rest, STR("unix://"))) {
        rest = str_from(rest, strlen("unix://"));
        if (!take_login(&rest, out, why))
            return false;
        if (rest.len == 0 || rest.ptr[0] != '/') {
            *why = "a Unix socket needs an absolute path: unix:///path";
            return false;
        }
        return keep(out->path, sizeof(out->path), rest, why);
    }
    if (str_starts(rest, STR("redis://"))) {
        rest = str_from(rest, strlen("redis://"));
        return take_login(&rest, out, why) && parse_host(rest, out, why);
    }
    *why = "it must begin with redis:// or unix://";
    return false;
}

bool redis_url_sign_in(struct redis_url *url, const char *user,
                       const char *password, const char **why)
{
    return (user[0] == '\0' ||
            keep(url->user, sizeof(url->user), str_of(user), why)) &&
           (password[0] == '\0' ||
            keep(url->password, sizeof(url->password), str_of(password), why));
}
