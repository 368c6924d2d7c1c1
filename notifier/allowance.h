/* What may still be sent today: TEXTS_PER_DAY, by Redis's clock (UTC), counted
 * in parts, as they are paid for. All notifiers take from one count in Redis,
 * each some in advance: together they never send more. What a copy that dies
 * had taken is not sent that day. Knows no text. */
#ifndef BIRDCAR_NOTIFIER_ALLOWANCE_H
#define BIRDCAR_NOTIFIER_ALLOWANCE_H

#include "shared/service.h"

struct allowance;

/* `refilled` is called from the loop when there is more, or a new day. */
struct allowance *allowance_new(struct service *s, void (*refilled)(void *arg),
                                void *arg);
void allowance_destroy(struct allowance **allowance);
void allowance_start(struct allowance *allowance);
/* While leaving: what is left is given back; true: it was. */
bool allowance_gave_back(struct allowance *allowance);

/* What one attempt has taken, and on which day; all zero: nothing. */
struct taken {
    int64_t parts, day;
};

/* SOON: more is being asked for. SPENT: nothing is left of the day. */
enum allowed { ALLOWED, ALLOWED_SOON, ALLOWED_SPENT };

/* May one more attempt begin? */
enum allowed allowance_look(struct allowance *allowance);
/* Takes a part for it, where one is left. False: nothing is left of the day. */
bool allowance_begin(struct allowance *allowance, struct taken *taken);
/* It takes so many parts. False: there are not so many; what it has it keeps.
 */
bool allowance_raise(struct allowance *allowance, struct taken *taken,
                     unsigned parts);
/* How it ended: sent, perhaps, or surely not. */
void allowance_end(struct allowance *allowance, const struct taken *taken,
                   bool sent);

#endif
