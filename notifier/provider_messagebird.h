/* MessageBird's classic SMS API, as a provider. */
#ifndef BIRDCAR_NOTIFIER_PROVIDER_MESSAGEBIRD_H
#define BIRDCAR_NOTIFIER_PROVIDER_MESSAGEBIRD_H

#include "notifier/provider.h"

extern const struct provider provider_messagebird;

#endif
