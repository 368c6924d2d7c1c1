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

/* Samples with a label of their own. */
struct labelled {
    enum metric metric;
    const char *label;
    char of[41];
    int64_t value;
};

static struct labelled *labelled;
static size_t labelled_count, labelled_room;

void metric_forget_of(enum metric metric)
{
    size_t kept = 0;
    for (size_t i = 0; i < labelled_count; i++)
        if (labelled[i].metric != metric)
            labelled[kept++] = labelled[i];
    labelled_count = kept;
}

void metric_set_of(enum metric metric, const char *label, struct str of,
                   int64_t to)
{
    if (labelled_count == labelled_room) {
        labelled_room = labelled_room * 2 + 16;
        labelled = xrealloc(labelled, labelled_room * sizeof(*labelled));
    }
    struct labelled *l = &labelled[labelled_count++];
    *l = (struct labelled){.metric = metric, .label = label, .value = to};
    assert(of.len < sizeof(l->of));
    memcpy(l->of, of.ptr, of.len);
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

static void add_labelled(struct buffer *out, const char *service,
                         const char *instance)
{
    for (size_t i = 0; i < labelled_count; i++) {
        const struct labelled *l = &labelled[i];
        buffer_printf(out, "birdcar_%s{service=\"", metrics[l->metric].name);
        add_label(out, service);
        buffer_str(out, STR("\",instance=\""));
        add_label(out, instance);
        buffer_printf(out, "\",%s=\"", l->label);
        add_label(out, l->of);
        buffer_printf(out, "\"} %" PRId64 "\n", l->value);
    }
}

void metrics_samples(struct buffer *out, const char *service,
                     const char *instance)
{
    add_labelled(out, service, instance);
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
