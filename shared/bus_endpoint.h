/* Endpoints as they stand in the registry, and which of them are to be trusted:
 * whoever writes there must not lead us to a stranger. Inside the bus only. */
#ifndef BIRDCAR_BUS_ENDPOINT_H
#define BIRDCAR_BUS_ENDPOINT_H

#include "shared/bus_curve.h"

struct endpoint {
    char address[128]; /* as libzmq takes it */
    bool encrypted;
    unsigned char key[CURVE_KEY_BYTES]; /* the server's */
};

/* "ipc://<path>": a socket in a folder that is this user's alone; or
 * "tcp://<address>:<port>#<public key in hex>": encrypted (`curve` is not
 * NULL), the key on the list. False: it is neither; `*why` says so, or is NULL
 * where it may well be another machine's. */
bool endpoint_read(struct bus_curve *curve, struct str text,
                   struct endpoint *out, const char **why);

/* What may be announced of such an address: no wildcard, tcp alone. */
bool endpoint_can_listen(const char *address, const char **why);

#endif
