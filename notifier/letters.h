/* Dead letters: texts that failed for good, listed, sent again or dropped by
 * hand. Any copy serves them, whoever sends for the partition. Never gives
 * their words away, nor whom they are for. */
#ifndef BIRDCAR_NOTIFIER_LETTERS_H
#define BIRDCAR_NOTIFIER_LETTERS_H

#include "shared/service.h"

/* A letter taken away is gone: the second time it is not_found. What is sent
 * again leaves with the next poll of whoever sends for its partition. */
extern const struct bus_route route_letter_list, route_letter_resend,
    route_letter_drop, route_letter_resend_all, route_letter_drop_all;

#endif
