#include "tests/unit/check.h"

#include "shared/metrics.h"

static void assert_text(const struct buffer *got, const char *want)
{
    if (!str_is(buffer_view(got), want))
        fail_msg("got: %.*s", STR_ARG(buffer_view(got)));
}

/* Runs first: nothing was touched yet. */
static void leaves_out_the_untouched(void **state)
{
    struct buffer out = {0};
    (void)state;
    metrics_samples(&out, "gateway", "gateway-1");
    assert_int_equal(out.len, 0);
    buffer_free(&out);
}

static void counts(void **state)
{
    (void)state;
    metric_add((enum metric)0, 1);
    metric_add(METRIC_sends_total, 2);
    metric_add(METRIC_sends_total, 3);
    metric_set(METRIC_partitions_owned, 64);
    metric_set(METRIC_partitions_owned, 0);
    assert_int_equal(metric_get(METRIC_sends_total), 5);
    assert_int_equal(metric_get(METRIC_partitions_owned), 0);
    assert_int_equal(metric_get(METRIC_reports_total), 0);
}

/* Runs behind counts(): a gauge that went back to 0 is there. */
static void writes_samples(void **state)
{
    struct buffer out = {0};
    (void)state;
    metrics_samples(&out, "notifier", "notifier-1");
    assert_text(&out, "birdcar_bus_requests_total{service=\"notifier\","
                      "instance=\"notifier-1\"} 1\n"
                      "birdcar_sends_total{service=\"notifier\","
                      "instance=\"notifier-1\"} 5\n"
                      "birdcar_partitions_owned{service=\"notifier\","
                      "instance=\"notifier-1\"} 0\n");
    buffer_free(&out);
}

static void writes_a_ratio(void **state)
{
    struct buffer out = {0};
    (void)state;
    metric_set(METRIC_disk_free_ratio, 51);
    metrics_samples(&out, "g", "g-1");
    CHECK("a fraction", memmem(out.ptr, out.len,
                               "birdcar_disk_free_ratio{service=\"g\","
                               "instance=\"g-1\"} 0.051\n",
                               58) != NULL);
    buffer_reset(&out);
    metrics_page(&out, STR_NONE);
    CHECK("a gauge",
          memmem(out.ptr, out.len, "# TYPE birdcar_disk_free_ratio gauge\n",
                 37) != NULL);
    buffer_free(&out);
}

static void escapes_labels(void **state)
{
    struct buffer out = {0};
    (void)state;
    metrics_samples(&out, "a\"b", "c\\d\ne");
    CHECK("escaped", memmem(out.ptr, out.len,
                            "{service=\"a\\\"b\",instance=\"c\\\\d\\ne\"} 5\n",
                            37) != NULL);
    buffer_free(&out);
}

static void labels_of_their_own(void **state)
{
    struct buffer out = {0};
    (void)state;
    metric_set_of(METRIC_pool_low, "pool", STR("gone"), 1);
    metric_set_of(METRIC_pool_held, "pool", STR("gone"), 7);
    metric_forget_of(METRIC_pool_low);
    for (int i = 0; i < 40; i++)
        metric_set_of(METRIC_pool_low, "pool", STR("N\"L"), i);
    metrics_samples(&out, "p", "p-1");
    CHECK("one of many",
          memmem(out.ptr, out.len,
                 "birdcar_pool_low{service=\"p\",instance=\"p-1\","
                 "pool=\"N\\\"L\"} 39\n",
                 60) != NULL);
    CHECK("of another", memmem(out.ptr, out.len, "pool=\"gone\"} 7\n", 15));
    CHECK("forgotten",
          memmem(out.ptr, out.len, "pool=\"gone\"} 1\n", 15) == NULL);
    buffer_free(&out);
}

static void sorts_a_page(void **state)
{
    /* The last has no newline; four belong to nothing in the table. */
    static const char samples[] = "birdcar_sends_total{instance=\"n-1\"} 1\n"
                                  "birdcar_reports_total{instance=\"n-1\"} 2\n"
                                  "birdcar_sends{instance=\"n-1\"} 3\n"
                                  "sends_total{instance=\"n-1\"} 3\n"
                                  "birdcar_sends_total\n"
                                  "birdcar_of_tomorrow{instance=\"n-1\"} 4\n"
                                  "birdcar_sends_total{instance=\"n-2\"} 5";
    static const char *const parts[] = {
        "# HELP birdcar_sends_total Texts that the provider took.\n"
        "# TYPE birdcar_sends_total counter\n"
        "birdcar_sends_total{instance=\"n-1\"} 1\n"
        "birdcar_sends_total{instance=\"n-2\"} 5\n"
        "# HELP ",
        ("# TYPE birdcar_reports_total counter\n"
         "birdcar_reports_total{instance=\"n-1\"} 2\n"),
        "# TYPE birdcar_bus_copies gauge\n# HELP ",
    };
    struct buffer out = {0};
    (void)state;
    metrics_page(&out, str_of(samples));
    for (size_t i = 0; i < COUNT(parts); i++)
        CHECK(parts[i],
              memmem(out.ptr, out.len, parts[i], strlen(parts[i])) != NULL);
    CHECK("none without labels",
          memmem(out.ptr, out.len, "\nbirdcar_sends_total\n", 21) == NULL);
    CHECK("no others", memmem(out.ptr, out.len, "} 3", 3) == NULL &&
                           memmem(out.ptr, out.len, "} 4", 3) == NULL);
    buffer_free(&out);
}

static void needs_no_samples(void **state)
{
    struct buffer out = {0};
    size_t lines = 0;
    (void)state;
    metrics_page(&out, STR_NONE);
    for (size_t i = 0; i < out.len; i++)
        lines += out.ptr[i] == '\n';
    assert_int_equal(lines, METRIC_COUNT * 2);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_out_the_untouched),
        cmocka_unit_test(counts),
        cmocka_unit_test(writes_samples),
        cmocka_unit_test(writes_a_ratio),
        cmocka_unit_test(escapes_labels),
        cmocka_unit_test(labels_of_their_own),
        cmocka_unit_test(sorts_a_page),
        cmocka_unit_test(needs_no_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
