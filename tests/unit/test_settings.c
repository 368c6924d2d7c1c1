#include "tests/unit/check.h"

#include "shared/arena.h"
#include "shared/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *kind, *name, *otherwise, *who;
} table[] = {
#define SETTING(kind, field, name, otherwise, least, most, who, help)          \
    {#kind, name, otherwise, who},
#include "shared/settings.def"
#undef SETTING
};

static struct settings settings;
static char why[512];

static int forget_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        unsetenv(table[i].name);
    memset(&settings, 0, sizeof(settings));
    why[0] = '\0';
    return 0;
}

static void assert_defaults(void)
{
    CHECK(why, settings_read(&settings, NULL, why, sizeof(why)));
    assert_string_equal(settings.redis_url, "redis://127.0.0.1:6379");
    assert_string_equal(settings.instance, "");
    assert_string_equal(settings.public_url, "http://127.0.0.1:4567");
    assert_string_equal(settings.api_url, "https://rest.messagebird.com");
    assert_true(settings.webhook_auth);
    assert_int_equal(settings.ride_ms, 24 * 3600000);
    assert_int_equal(settings.retention_days, 30);
    /* The tutorial's own words. */
    assert_string_equal(settings.customer_notice,
                        "{driver} will pick you up at {datetime}. Reply to "
                        "this message to contact the driver.");
    assert_string_equal(settings.driver_notice,
                        "{customer} will wait for you at {datetime}. Reply to "
                        "this message to contact the customer.");
    assert_string_equal(settings.unknown_caller,
                        "Sorry, we cannot identify your transaction. Make sure "
                        "you call in from the number you registered.");
}

static void has_defaults(void **state)
{
    (void)state;
    assert_defaults();
}

static void takes_empty_for_unset(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        setenv(table[i].name, "", 1);
    assert_defaults();
}

static void reads_texts(void **state)
{
    (void)state;
    setenv("INSTANCE", "ride-svc-2", 1);
    setenv("LOG_LEVEL", "debug", 1);
    setenv("VOICE_FORMAT", "json", 1);
    setenv("CUSTOMER_NOTICE", "Bis gleich, {driver} für Sie ✓", 1);
    CHECK(why, settings_read(&settings, NULL, why, sizeof(why)));
    assert_string_equal(settings.instance, "ride-svc-2");
    assert_string_equal(settings.log_level, "debug");
    assert_string_equal(settings.voice_format, "json");
    assert_string_equal(settings.customer_notice,
                        "Bis gleich, {driver} für Sie ✓");
}

static void reads_urls(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"https://ride.example", "https://ride.example"},
        {"https://ride.example/", "https://ride.example"},
        {"https://ride.example:8443//", "https://ride.example:8443"},
        {"http://ride.example/sub/", "http://ride.example/sub"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        setenv("PUBLIC_URL", rows[i].in, 1);
        setenv("MESSAGEBIRD_API_URL", rows[i].in, 1);
        CHECK(rows[i].in, settings_read(&settings, NULL, why, sizeof(why)));
        assert_string_equal(settings.public_url, rows[i].out);
        assert_string_equal(settings.api_url, rows[i].out);
        assert_string_equal(getenv("PUBLIC_URL"), rows[i].in);
    }
}

static void bounds_urls(void **state)
{
    char url[203] = "https://";
    (void)state;
    memset(url + 8, 'a', sizeof(url) - 9);
    setenv("PUBLIC_URL", url, 1);
    CHECK("202", !settings_read(&settings, NULL, why, sizeof(why)));
    CHECK(why, strstr(why, "PUBLIC_URL must be 8 to 200 bytes") != NULL);
    url[200] = '\0';
    setenv("PUBLIC_URL", url, 1);
    CHECK("200", settings_read(&settings, NULL, why, sizeof(why)));
    assert_string_equal(settings.public_url, url);
}

static void reads_hours(void **state)
{
    static const struct {
        const char *in;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"1", 3600000},
        {"0.5", 1800000},
        {"0.25", 900000},
        {"1.000000", 3600000},
        {"0.001", 3600},
        {"0.000001", 3},
        {"8784", INT64_C(8784) * 3600000},
        {"never", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].ms >= 0) {
            setenv("RIDE_HOURS", rows[i].in, 1);
            CHECK(rows[i].in, settings_read(&settings, NULL, why, sizeof(why)));
            CHECK(rows[i].in, settings.ride_ms == rows[i].ms);
        }
        setenv("COOLDOWN_HOURS", rows[i].in, 1);
        CHECK(rows[i].in, settings_read(&settings, NULL, why, sizeof(why)));
        CHECK(rows[i].in, settings.cooldown_ms == rows[i].ms);
    }
}

static void reads_numbers_and_switches(void **state)
{
    (void)state;
    setenv("WEBHOOK_AUTH", "off", 1);
    setenv("RETENTION_DAYS", "3650", 1);
    CHECK(why, settings_read(&settings, NULL, why, sizeof(why)));
    assert_false(settings.webhook_auth);
    assert_int_equal(settings.retention_days, 3650);
    setenv("WEBHOOK_AUTH", "on", 1);
    CHECK(why, settings_read(&settings, NULL, why, sizeof(why)));
    assert_true(settings.webhook_auth);
}

static void refuses(void **state)
{
    static const struct {
        const char *name, *value, *why;
    } rows[] = {
        {"WEBHOOK_AUTH", "false", "must be on or off"},
        {"WEBHOOK_AUTH", "OFF", "must be on or off"},
        {"RETENTION_DAYS", "0", "a whole number from 1 to 3650"},
        {"RETENTION_DAYS", "3651", "a whole number from 1 to 3650"},
        {"RETENTION_DAYS", "1.5", "a whole number"},
        {"RETENTION_DAYS", "a month", "a whole number"},
        {"RETENTION_DAYS", "-1", "a whole number from 1 to 3650"},
        {"RIDE_HOURS", "-1", "a number of hours from 0 to 8784"},
        {"RIDE_HOURS", "never", "a number of hours from 0 to 8784"},
        {"RIDE_HOURS", "8784.000001", "a number of hours"},
        {"RIDE_HOURS", "9999999999999999", "a number of hours"},
        {"RIDE_HOURS", "1.", "a number of hours"},
        {"RIDE_HOURS", ".5", "a number of hours"},
        {"RIDE_HOURS", ".", "a number of hours"},
        {"RIDE_HOURS", "1.2.3", "a number of hours"},
        {"RIDE_HOURS", "1.-5", "a number of hours"},
        {"RIDE_HOURS", "-0.5", "a number of hours"},
        {"RIDE_HOURS", "1.1234567", "a number of hours"},
        {"RIDE_HOURS", "1,5", "a number of hours"},
        {"RIDE_HOURS", "24h", "a number of hours"},
        {"RIDE_HOURS", "1e2", "a number of hours"},
        {"COOLDOWN_HOURS", "-1", "from 0 to 8784, or never"},
        {"COOLDOWN_HOURS", "Never", "or never"},
        {"PUBLIC_URL", "ride.example.org", "begins with http://"},
        {"PUBLIC_URL", "ftp://ride.example", "begins with http://"},
        {"VOICE_LANGUAGE", "nl_NL", "the tag of a language, like nl-NL"},
        {"PUBLIC_URL", "https://a b", "begins with http://"},
        {"PUBLIC_URL", "https://a\r\nX: y", "begins with http://"},
        {"PUBLIC_URL", "https://\xc3\xa9.example", "begins with http://"},
        {"PUBLIC_URL", "https://", "begins with http://"},
        {"PUBLIC_URL", "http://", "begins with http://"},
        {"LOG_LEVEL", "loud", "one of: debug info warn error"},
        {"LOG_LEVEL", "INFO", "one of: debug info warn error"},
        {"VOICE_FORMAT", "yaml", "one of: xml json"},
        {"SAMPLES", "yes", "one of: on off"},
        {"INSTANCE", "a-name-that-is-longer-than-forty-characters", "0 to 40"},
        {"CUSTOMER_NOTICE", "bad \xff byte", "not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char label[128];
        snprintf(label, sizeof(label), "%s=%s", rows[i].name, rows[i].value);
        setenv(rows[i].name, rows[i].value, 1);
        CHECK(label, !settings_read(&settings, NULL, why, sizeof(why)));
        unsetenv(rows[i].name);
        if (strncmp(why, rows[i].name, strlen(rows[i].name)) != 0 ||
            strstr(why, rows[i].why) == NULL)
            fail_msg("%s: %s", label, why);
    }
}

static void keeps_secrets(void **state)
{
    static const char *const secrets[] = {"MESSAGEBIRD_API_KEY",
                                          "MESSAGEBIRD_SIGNING_KEY",
                                          "WEBHOOK_TOKEN", "REDIS_URL"};
    char value[1024];
    (void)state;
    memset(value, 's', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    for (size_t i = 0; i < COUNT(secrets); i++) {
        setenv(secrets[i], value, 1);
        CHECK(secrets[i], !settings_read(&settings, NULL, why, sizeof(why)));
        CHECK(secrets[i], strstr(why, "sss") == NULL);
        unsetenv(secrets[i]);
    }
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(path, mode), 0);
}

static void reads_secrets_from_files(void **state)
{
    char path[] = "/tmp/test-settings-XXXXXX";
    (void)state;
    close(mkstemp(path));
    setenv("WEBHOOK_TOKEN_FILE", path, 1);
    write_file(path, "a token\n", 0600);
    CHECK(why, settings_read(&settings, "gateway", why, sizeof(why)));
    assert_string_equal(settings.webhook_token, "a token");
    /* Not whose it is not. */
    CHECK(why, settings_read(&settings, "notifier", why, sizeof(why)));
    assert_string_equal(settings.webhook_token, "");
    /* The setting itself wins. */
    setenv("WEBHOOK_TOKEN", "another", 1);
    CHECK(why, settings_read(&settings, "gateway", why, sizeof(why)));
    assert_string_equal(settings.webhook_token, "another");
    unsetenv("WEBHOOK_TOKEN");
    unsetenv("WEBHOOK_TOKEN_FILE");
    CHECK(why, settings_read(&settings, "gateway", why, sizeof(why)));
    assert_string_equal(settings.webhook_token, "");
    unlink(path);
}

static void refuses_files_of_secrets(void **state)
{
    static char just[130], much[200];
    static const struct {
        const char *label, *text;
        mode_t mode;
        const char *why; /* NULL: it is taken */
    } rows[] = {
        {"open to others", "sss", 0640, "open to others"},
        {"empty", "", 0600, "one line"},
        {"an empty line", "\n", 0600, "one line"},
        {"two lines", "sss\nsss\n", 0600, "one line"},
        {"not UTF-8", "sss\xff\n", 0600, "UTF-8"},
        {"just right", just, 0600, NULL},
        {"much too long", much, 0600, "too large"},
    };
    char path[] = "/tmp/test-settings-XXXXXX";
    (void)state;
    memset(just, 's', 128);
    just[128] = '\n';
    memset(much, 's', sizeof(much) - 1);
    close(mkstemp(path));
    setenv("WEBHOOK_TOKEN_FILE", path, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_file(path, rows[i].text, rows[i].mode);
        bool taken = settings_read(&settings, NULL, why, sizeof(why));
        CHECK(rows[i].label, taken == (rows[i].why == NULL));
        if (!taken && (strstr(why, "WEBHOOK_TOKEN") == NULL ||
                       strstr(why, rows[i].why) == NULL ||
                       strstr(why, "sss") != NULL || strstr(why, path) != NULL))
            fail_msg("%s: %s", rows[i].label, why);
    }
    unlink(path);
    CHECK("gone", !settings_read(&settings, NULL, why, sizeof(why)));
    CHECK(why, strstr(why, "WEBHOOK_TOKEN_FILE: No such file") != NULL);
    unsetenv("WEBHOOK_TOKEN_FILE");
}

static void helps(void **state)
{
    char *text = NULL;
    size_t len = 0;
    (void)state;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    settings_help(out, "notifier");
    fclose(out);
    CHECK("all", strstr(text, "REDIS_URL") != NULL);
    CHECK("its own", strstr(text, "MESSAGEBIRD_API_KEY") != NULL);
    CHECK("shared by two", strstr(text, "PUBLIC_URL") != NULL);
    CHECK("help", strstr(text, "where texts are posted") != NULL);
    CHECK("default", strstr(text, "[https://rest.messagebird.com]") != NULL);
    CHECK("not another's", strstr(text, "RIDE_HOURS") == NULL);
    CHECK("not the scripts'", strstr(text, "SAMPLES") == NULL);
    free(text);
}

/* What deploy/up makes itself for each start: in the example these would only
 * be overridden. */
static const char *const made_by_up[] = {"RUN_DIR", "KEYS_FILE", "INSTANCE",
                                         "API_TOKEN_FILE",
                                         "ADMIN_PASSWORD_FILE"};

static bool is_made_by_up(const char *name)
{
    for (size_t i = 0; i < COUNT(made_by_up); i++)
        if (strcmp(name, made_by_up[i]) == 0)
            return true;
    return false;
}

/* Empty is not unset for deploy/up: it then starts a Redis of its own. */
static const char *example_default(size_t row)
{
    return strcmp(table[row].name, "REDIS_URL") == 0 ? ""
                                                     : table[row].otherwise;
}

static size_t row_of(struct str name)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (str_is(name, table[i].name))
            return i;
    return COUNT(table);
}

/* `NAME=value` or `#NAME=value`, the value in quotes or not; an empty name for
 * any other line. */
static struct str example_name(struct str line, struct str *value)
{
    line = str_trim(line);
    if (str_starts(line, STR("#")))
        line = str_trim(str_from(line, 1));
    *value = line;
    struct str name = str_cut(value, '=');
    if (name.len == line.len || name.ptr[0] < 'A' || name.ptr[0] > 'Z')
        return STR_NONE;
    for (size_t i = 0; i < name.len; i++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", name.ptr[i]) ==
            NULL)
            return STR_NONE;
    if (value->len >= 2 && (value->ptr[0] == '"' || value->ptr[0] == '\'') &&
        value->ptr[value->len - 1] == value->ptr[0])
        *value = (struct str){value->ptr + 1, value->len - 2};
    return name;
}

static bool is_secret(size_t row)
{
    return strcmp(table[row].kind, "SECRET") == 0;
}

/* The secret whose file the setting of that name names; or COUNT(table). */
static size_t secret_of_file(struct str name)
{
    const struct str end = STR("_FILE");
    if (name.len <= end.len || !str_eq(str_from(name, name.len - end.len), end))
        return COUNT(table);
    name.len -= end.len;
    size_t row = row_of(name);
    return row < COUNT(table) && is_secret(row) ? row : COUNT(table);
}

static void matches_the_example(void **state)
{
    bool by_file[COUNT(table)] = {false};
    bool seen[COUNT(table)] = {false};
    char line[2048];
    (void)state;
    FILE *in = fopen(SOURCE_DIR "/deploy/env.example", "re");
    if (in == NULL) {
        print_message("no deploy/env.example: skipped\n");
        skip();
    }
    while (fgets(line, sizeof(line), in) != NULL) {
        struct str value = STR_NONE;
        struct str name = example_name(str_of(line), &value);
        if (name.len == 0)
            continue;
        size_t row = secret_of_file(name);
        if (row < COUNT(table)) {
            by_file[row] = true;
            continue;
        }
        row = row_of(name);
        if (row == COUNT(table))
            fail_msg("not in settings.def: %.*s", STR_ARG(name));
        if (is_made_by_up(table[row].name))
            fail_msg("deploy/up overrides it: %s", table[row].name);
        if (!str_is(value, example_default(row)))
            fail_msg("%s: its default is %s", table[row].name,
                     example_default(row));
        seen[row] = true;
    }
    fclose(in);
    for (size_t i = 0; i < COUNT(table); i++)
        if ((!seen[i] || (is_secret(i) && !by_file[i])) &&
            !is_made_by_up(table[i].name))
            fail_msg("not in env.example: %s", table[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(has_defaults, forget_all),
        cmocka_unit_test_setup(takes_empty_for_unset, forget_all),
        cmocka_unit_test_setup(reads_texts, forget_all),
        cmocka_unit_test_setup(reads_urls, forget_all),
        cmocka_unit_test_setup(bounds_urls, forget_all),
        cmocka_unit_test_setup(reads_hours, forget_all),
        cmocka_unit_test_setup(reads_numbers_and_switches, forget_all),
        cmocka_unit_test_setup(refuses, forget_all),
        cmocka_unit_test_setup(keeps_secrets, forget_all),
        cmocka_unit_test_setup(reads_secrets_from_files, forget_all),
        cmocka_unit_test_setup(refuses_files_of_secrets, forget_all),
        cmocka_unit_test_setup(helps, forget_all),
        cmocka_unit_test_setup(matches_the_example, forget_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
