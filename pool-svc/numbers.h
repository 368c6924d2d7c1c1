/* Proxy numbers: added to a pool, listed with their use, changed, moved to
 * another pool, removed. */
#ifndef BIRDCAR_NUMBERS_H
#define BIRDCAR_NUMBERS_H

#include "shared/service.h"

enum { LABEL_MOST = 100 }; /* characters */

extern const struct bus_route route_number_add, route_number_list,
    route_number_get, route_number_edit, route_number_remove,
    route_number_set_aside, route_number_import;

#endif
