/* How a pool stands: what it has, what is held, what assigning saw of each day,
 * and what that comes to. Reads; what is written down about it says alerts.h.
 */
#ifndef BIRDCAR_NEED_H
#define BIRDCAR_NEED_H

#include "shared/service.h"

/* Awaited: pool_figures.lua of that pool, `act` as it takes it, for: */
void need_ask(struct task *t, struct str pool, const char *act,
              struct value *figures);

/* Those of the pool's settings that its figures come with. */
enum need_setting {
    NEED_LOW_WATER,
    NEED_CAPABILITIES,
    NEED_CUSTOMER_NOTICE,
    NEED_DRIVER_NOTICE,
    NEED_CLOSED_ANSWER,
    NEED_CLOSED_CALLER,
    NEED_LANGUAGE
};
/* Empty where it was not set. */
struct str need_setting(const struct value *figures, enum need_setting which);

/* All that is counted; name, prefixes and capabilities are not. */
void need_fill(const struct value *figures, struct msg_pool *m);
/* Of POOL_DAY; days that assigning saw nothing of are left out. */
void need_list_days(struct arena *arena, const struct value *figures,
                    struct list *days);
/* Of POOL_ALERT: what is to be told, oldest first. */
const struct value *need_alerts(const struct value *figures);

#endif
