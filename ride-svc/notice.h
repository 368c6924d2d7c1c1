/* The notices' texts: a template filled with the ride's words. */
#ifndef BIRDCAR_NOTICE_H
#define BIRDCAR_NOTICE_H

#include "shared/message.h"

/* {customer}, {driver}, {start}, {destination} and {datetime} are replaced;
 * anything else in braces stays as it is. */
struct str notice_text(struct arena *arena, const char *template,
                       const struct msg_ride_record *ride);

#endif
