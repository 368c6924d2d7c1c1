/* Delivery reports: what became of a text at the provider. */
#ifndef BIRDCAR_NOTIFIER_REPORTS_H
#define BIRDCAR_NOTIFIER_REPORTS_H

#include "shared/service.h"

/* REPORT: its MAC was checked by whoever asks. Early, late, repeated and
 * unknown ones change nothing. */
extern const struct bus_route route_report;

#endif
