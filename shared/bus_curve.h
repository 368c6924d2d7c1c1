/* CURVE on the bus: our key pair, whose public keys we talk to, and the answers
 * to libzmq's questions about them (ZAP). Inside the bus and its set-up only;
 * no message passes here. */
#ifndef BIRDCAR_BUS_CURVE_H
#define BIRDCAR_BUS_CURVE_H

#include <stdio.h>

#include "shared/str.h"

struct bus_curve;
struct loop;

enum { CURVE_KEY_BYTES = 32, CURVE_KEY_HEX = 64 };

/* `key_file`: a line with the secret key in hex, mode 0600. `allowed_file`: a
 * line a public key, in hex, with a name behind it; others may not write it. In
 * both `#` begins a remark. From now on whoever shows another key to a socket
 * of ours is turned away. NULL: `why` names the setting at fault. */
struct bus_curve *bus_curve_new(struct loop *loop, const char *key_file,
                                const char *allowed_file, char *why,
                                size_t room);
/* After all sockets. */
void bus_curve_destroy(struct bus_curve **curve);

/* Our public key in hex, for CURVE_KEY_HEX + 1 bytes. */
void bus_curve_public(const struct bus_curve *curve, char *hex);

/* Is the key on the list as the file has it now? A file that cannot be read any
 * more leaves the list as it was. */
bool bus_curve_allows(struct bus_curve *curve, const unsigned char *key);

/* For a libzmq socket that binds next, or connects next to whoever has `key`.
 * What was bound before stays as it was. */
void bus_curve_serve(const struct bus_curve *curve, void *raw);
void bus_curve_join(const struct bus_curve *curve, void *raw,
                    const unsigned char *key);

/* Writes a new key file. */
void bus_curve_make_key(FILE *out);

#endif
