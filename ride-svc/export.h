/* PERSON_EXPORT: all that is kept of one person, page by page; it changes
 * nothing. */
#ifndef BIRDCAR_EXPORT_H
#define BIRDCAR_EXPORT_H

#include "shared/service.h"

extern const struct bus_route route_person_export;

#endif
