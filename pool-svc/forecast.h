/* At this growth, when is a pool too small? Pure: knows days and counts. */
#ifndef BIRDCAR_FORECAST_H
#define BIRDCAR_FORECAST_H

#include <stddef.h>
#include <stdint.h>

enum {
    FORECAST_DAYS = 30,
    FORECAST_LEAST_DAYS = 7, /* fewer say nothing of a growth */
    FORECAST_FAR = 365,      /* what is further off is not said */
    FORECAST_NONE = -1
};

/* `need`: each day's peak, oldest first, at most FORECAST_DAYS, today's last;
 * -1 where a day has none. Short is a day whose need is above `numbers`. The
 * days until one is expected: 0 where today or the last day before it was one
 * already; FORECAST_NONE where the peaks do not grow, or too little is known.
 * Today, which is not over, counts for nothing else. */
int64_t forecast_short_in(const int64_t *need, size_t days, int64_t numbers);

#endif
