/* Notes in the audit log which settings are not what they were when a gateway
 * last started: their names, never their values. */
#ifndef BIRDCAR_GATEWAY_SETTINGS_NOTE_H
#define BIRDCAR_GATEWAY_SETTINGS_NOTE_H

#include "gateway/router.h"

/* Once the store can be asked; needs nobody to wait for it. */
void settings_note(struct gateway *gateway);

#endif
