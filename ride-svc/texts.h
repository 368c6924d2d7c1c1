/* Texts that come in: to whoever the sender rides with on that number, or to
 * nobody. */
#ifndef BIRDCAR_TEXTS_H
#define BIRDCAR_TEXTS_H

#include "shared/service.h"

extern const struct bus_route route_sms_received;

#endif
