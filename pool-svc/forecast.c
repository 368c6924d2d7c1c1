#include "pool-svc/forecast.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MOST_PAIRS = FORECAST_DAYS * (FORECAST_DAYS - 1) / 2 };

/* One in twenty, one-sided: what chance alone makes seem to grow. */
static const double chance = 1.645;

struct point {
    double x, y;
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_size);
    return count % 2 == 1 ? values[count / 2]
                          : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The full days that have a peak. */
static size_t take_points(const int64_t *need, size_t days, struct point *out)
{
    size_t count = 0;
    for (size_t i = 0; i + 1 < days; i++)
        if (need[i] >= 0)
            out[count++] = (struct point){(double)i, (double)need[i]};
    return count;
}

/* Theil and Sen: the median of all slopes between two days, which one odd day
 * does not move. False where Kendall's test does not see a growth. */
static bool slope_of(const struct point *p, size_t count, double *slope)
{
    double slopes[MOST_PAIRS] = {0};
    double n = (double)count, up = 0;
    size_t pairs = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            slopes[pairs++] = (p[j].y - p[i].y) / (p[j].x - p[i].x);
            up += (p[j].y > p[i].y) - (p[j].y < p[i].y);
        }
    *slope = median(slopes, pairs);
    return *slope > 0 && up > chance * sqrt(n * (n - 1) * (2 * n + 5) / 18);
}

static bool is_short(const int64_t *need, size_t days, int64_t numbers)
{
    if (days > 0 && need[days - 1] > numbers)
        return true;
    for (size_t i = days; i-- > 1;)
        if (need[i - 1] >= 0)
            return need[i - 1] > numbers;
    return false;
}

int64_t forecast_short_in(const int64_t *need, size_t days, int64_t numbers)
{
    struct point points[FORECAST_DAYS];
    double rest[FORECAST_DAYS];
    double slope = 0;
    assert(days <= FORECAST_DAYS);
    if (is_short(need, days, numbers))
        return 0;
    size_t count = take_points(need, days, points);
    if (count < FORECAST_LEAST_DAYS || !slope_of(points, count, &slope))
        return FORECAST_NONE;
    for (size_t i = 0; i < count; i++)
        rest[i] = points[i].y - slope * points[i].x;
    double today = median(rest, count) + slope * (double)(days - 1);
    double in_days = floor(((double)numbers - today) / slope) + 1;
    if (in_days > FORECAST_FAR)
        return FORECAST_NONE;
    return in_days > 0 ? (int64_t)in_days : 0;
}
