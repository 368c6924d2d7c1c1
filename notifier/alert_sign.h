/* Standard Webhooks: the secret, and the signature of what is posted. Pure. */
#ifndef BIRDCAR_NOTIFIER_ALERT_SIGN_H
#define BIRDCAR_NOTIFIER_ALERT_SIGN_H

#include "shared/arena.h"

enum { ALERT_KEY_LEAST = 24, ALERT_KEY_MOST = 64 };

struct alert_key {
    unsigned char bytes[ALERT_KEY_MOST];
    size_t len;
};

/* Of "whsec_<base64>", or the base64 alone; 24 to 64 bytes. */
bool alert_key_read(struct str secret, struct alert_key *key);

/* The header webhook-signature: "v1,<base64>", an HMAC-SHA256 over
 * id.timestamp.body; the timestamp in seconds. */
struct str alert_sign(struct arena *arena, const struct alert_key *key,
                      struct str id, struct str timestamp, struct str body);

#endif
