/* Sends alerts to the operator's URL, each at least once: with a back-off until
 * it is taken, for a day. Of many notifiers one at a time tries one. Knows not
 * what an alert is about. */
#ifndef BIRDCAR_NOTIFIER_ALERTS_H
#define BIRDCAR_NOTIFIER_ALERTS_H

#include "shared/service.h"

struct alerts;

/* NULL, and it is logged why: ALERT_URL is no URL, or its secret cannot be
 * read. Without ALERT_URL nothing is sent. */
struct alerts *alerts_new(struct service *s);
void alerts_destroy(struct alerts **alerts);
void alerts_start(struct alerts *alerts);

#endif
