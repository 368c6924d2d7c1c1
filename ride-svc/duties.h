/* What is owed to pool-svc: that a ride's hold is as the ride says. A duty is
 * the ride's id alone, written in the same step as the change; whoever carries
 * it out reads the ride as it is then. So late, early and repeated duties all
 * come to the same. */
#ifndef BIRDCAR_DUTIES_H
#define BIRDCAR_DUTIES_H

#include "ride-svc/ride.h"
#include "shared/rounds.h"

/* Memory that the two calls below need until the task goes on. */
struct hold_sync {
    struct str takes_over; /* a claim that HOLD_SET is to take over; or empty */
    struct msg_hold_set hold;
    struct msg_ok ok;
    struct value done, kept;
};

/* Asks pool-svc to hold the number as this ride wants it; and remembers a long
 * ride with its people, which its plan alone did not. */
void hold_ask(struct service *s, struct task *t, struct str id,
              const struct msg_ride_record *ride, int64_t now_ms,
              struct hold_sync *sync);
/* It does: the duty is done, unless the ride changed since. */
void hold_settled(struct service *s, struct task *t, struct str id,
                  const struct msg_ride_record *ride, struct hold_sync *sync);

/* Looks for due ones once a second; every ride-svc does. */
struct rounds *duties_new(struct service *s);

#endif
