#include "shared/metrics.h"

#include <assert.h>
#include <inttypes.h>

static const struct {
    const char *kind, *name, *help;
} metrics[METRIC_COUNT] = {
#define METRIC(kind, name, help) {#kind, #name, help},
#include "shared/metrics.def"
#undef METRIC
};

static bool is_ratio(unsigned metric)
{
    return str_is(str_of(metrics[metric].kind), "ratio");
}

static struct {
    int64_t value;
    bool touched;
} values[METRIC_COUNT];

void metric_add(enum metric metric, int64_t by)
{
    assert(metric < METRIC_COUNT);
    values[metric].value += by;
    values[metric].touched = true;
}

void metric_set(enum metric metric, int64_t to)
{
    assert(metric < METRIC_COUNT);
    values[metric].value = to;
    values[metric].touched = true;
}

int64_t metric_get(enum metric metric)
{
    assert(metric < METRIC_COUNT);
    return values[metric].value;
}

static void add_label(struct buffer *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            buffer_str(out, STR("\\n"));
            continue;
        }
        if (*value == '"' || *value == '\\')
            buffer_str(out, STR("\\"));
        buffer_add(out, value, 1);
    }
}

void metrics_samples(struct buffer *out, const char *service,
                     const char *instance)
{
    for (unsigned i = 0; i < METRIC_COUNT; i++) {
        if (!values[i].touched)
            continue;
        buffer_printf(out, "birdcar_%s{service=\"", metrics[i].name);
        add_label(out, service);
        buffer_str(out, STR("\",instance=\""));
        add_label(out, instance);
        if (is_ratio(i))
            buffer_printf(out, "\"} %.3f\n", (double)values[i].value / 1000);
        else
            buffer_printf(out, "\"} %" PRId64 "\n", values[i].value);
    }
}

static bool is_sample_of(struct str line, struct str name)
{
    struct str prefix = STR("birdcar_");
    if (!str_starts(line, prefix))
        return false;
    line = str_from(line, prefix.len);
    return str_starts(line, name) && line.len > name.len &&
           line.ptr[name.len] == '{';
}

void metrics_page(struct buffer *out, struct str samples)
{
    for (unsigned i = 0; i < METRIC_COUNT; i++) {
        buffer_printf(out,
                      "# HELP birdcar_%s %s\n"
                      "# TYPE birdcar_%s %s\n",
                      metrics[i].name, metrics[i].help, metrics[i].name,
                      is_ratio(i) ? "gauge" : metrics[i].kind);
        for (struct str rest = samples; rest.len > 0;) {
            struct str line = str_cut(&rest, '\n');
            if (!is_sample_of(line, str_of(metrics[i].name)))
                continue;
            buffer_str(out, line);
            buffer_str(out, STR("\n"));
        }
    }
}
