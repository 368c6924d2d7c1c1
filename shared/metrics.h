/* Counters and gauges of this process, from the one table metrics.def. */
#ifndef BIRDCAR_METRICS_H
#define BIRDCAR_METRICS_H

#include "shared/arena.h"

enum metric {
#define METRIC(kind, name, help) METRIC_##name,
#include "shared/metrics.def"
#undef METRIC
    METRIC_COUNT
};

void metric_add(enum metric metric, int64_t by);
/* Of a ratio, in thousandths. */
void metric_set(enum metric metric, int64_t to);
int64_t metric_get(enum metric metric);

/* One more sample of a gauge, with a label of its own beside those that all
 * have: metric_set_of(METRIC_pool_low, "pool", name, 1). `label` is a literal,
 * `of` at most 40 bytes. Each set is made anew: forget, then say all. */
void metric_forget_of(enum metric metric);
void metric_set_of(enum metric metric, const char *label, struct str of,
                   int64_t to);

/* Appends samples in Prometheus' text format, `birdcar_<name>{service="…",
 * instance="…"} value`, without HELP and TYPE: those come once a page. Metrics
 * that are 0 and were never touched are left out. */
void metrics_samples(struct buffer *out, const char *service,
                     const char *instance);
/* Appends HELP and TYPE of all metrics, each followed by its samples out of
 * `samples` (the samples of many processes, in any order). */
void metrics_page(struct buffer *out, struct str samples);

#endif
