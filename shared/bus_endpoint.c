#include "shared/bus_endpoint.h"

#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool keep(struct str address, struct endpoint *out)
{
    if (address.len >= sizeof(out->address) ||
        memchr(address.ptr, '\0', address.len) != NULL)
        return false;
    memcpy(out->address, address.ptr, address.len);
    out->address[address.len] = '\0';
    return true;
}

static bool is_private(const char *path, const char **why)
{
    char copy[sizeof(((struct endpoint *)0)->address)];
    struct stat st;
    *why = NULL;
    if (stat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false; /* another machine's, or one that has just ended */
    (void)snprintf(copy, sizeof(copy), "%s", path);
    if (stat(dirname(copy), &st) == 0 && st.st_uid == geteuid() &&
        (st.st_mode & 077) == 0)
        return true;
    *why = "its folder is not ours alone";
    return false;
}

bool endpoint_read(struct bus_curve *curve, struct str text,
                   struct endpoint *out, const char **why)
{
    struct str key = text;
    struct str address = str_cut(&key, '#');
    size_t len = 0;
    *out = (struct endpoint){.encrypted = str_starts(text, STR("tcp://"))};
    if (!out->encrypted && !str_starts(text, STR("ipc://"))) {
        *why = "it is neither ipc nor tcp";
        return false;
    }
    if (!keep(out->encrypted ? address : text, out)) {
        *why = "it is too long";
        return false;
    }
    if (!out->encrypted)
        return is_private(out->address + strlen("ipc://"), why);
    if (key.len != CURVE_KEY_HEX ||
        sodium_hex2bin(out->key, sizeof(out->key), key.ptr, key.len, NULL, &len,
                       NULL) != 0 ||
        len != sizeof(out->key)) {
        *why = "tcp without a CURVE key";
        return false;
    }
    if (curve == NULL) {
        *why = "tcp, and CURVE_KEY_FILE is not set here";
        return false;
    }
    if (!bus_curve_allows(curve, out->key)) {
        *why = "its key is not in CURVE_ALLOWED_FILE";
        return false;
    }
    return true;
}

bool endpoint_can_listen(const char *address, const char **why)
{
    struct str host = str_of(address);
    *why = NULL;
    if (!str_starts(host, STR("tcp://"))) {
        *why = "must be tcp://address:port, or tcp://address:* for any port";
        return false;
    }
    host = str_from(host, strlen("tcp://"));
    const char *colon = host.len > 0 ? memrchr(host.ptr, ':', host.len) : NULL;
    if (colon != NULL)
        host.len = (size_t)(colon - host.ptr);
    if (colon == NULL || host.len == 0 || str_is(host, "*") ||
        str_is(host, "0.0.0.0") || str_is(host, "[::]"))
        *why = "must name the address at which the others reach this machine";
    return *why == NULL;
}
