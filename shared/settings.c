#include "shared/settings.h"

#include "shared/secret_file.h"
#include "shared/str.h"
#include "shared/words.h"

#include <inttypes.h>
#include <stdlib.h>

enum { HOUR_MS = 3600000, NEVER = -1 };

struct row {
    bool (*read)(const struct row *row, const char *value, void *field,
                 char *why, size_t room);
    size_t offset; /* of the field */
    char *kept;    /* room for `most` bytes and two more, or NULL */
    const char *name, *otherwise;
    int64_t least, most;
    const char *who, *help;
};

/* Texts of which only these words are taken. */
static const struct {
    const char *name, *words;
} choices[] = {
    {"LOG_LEVEL", "debug info warn error"},
    {"VOICE_FORMAT", "xml json"},
    {"SAMPLES", "on off"},
    {"REDIS_USERS", "on off"},
};

static bool has_word(const char *words, struct str word)
{
    struct str rest = str_of(words);
    while (rest.len > 0)
        if (str_eq(str_cut(&rest, ' '), word))
            return true;
    return false;
}

static bool fits(const struct row *row, struct str text, char *why, size_t room)
{
    if (text.len >= (size_t)row->least && text.len <= (size_t)row->most)
        return true;
    snprintf(why, room, "%s must be %" PRId64 " to %" PRId64 " bytes long (%s)",
             row->name, row->least, row->most, row->help);
    return false;
}

static bool is_choice(const struct row *row, struct str text, char *why,
                      size_t room)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
        if (text.len > 0 && str_is(str_of(row->name), choices[i].name) &&
            !has_word(choices[i].words, text)) {
            snprintf(why, room, "%s must be one of: %s", row->name,
                     choices[i].words);
            return false;
        }
    return true;
}

static bool read_text(const struct row *row, const char *value, void *field,
                      char *why, size_t room)
{
    struct str text = str_of(value);
    if (!is_choice(row, text, why, room) || !fits(row, text, why, room))
        return false;
    if (!str_is_utf8(text)) {
        snprintf(why, room, "%s is not UTF-8", row->name);
        return false;
    }
    *(const char **)field = value;
    return true;
}

/* False: there is such a file, and it cannot be used. */
static bool read_secret_file(const struct row *row, const char *path, char *why,
                             size_t room)
{
    size_t len = 0;
    const char *fault =
        secret_file_read(path, row->kept, (size_t)row->most + 2, &len);
    if (fault != NULL) {
        snprintf(why, room, "%s_FILE: %s", row->name, fault);
        return false;
    }
    if (len > 0 && row->kept[len - 1] == '\n')
        len--;
    row->kept[len] = '\0';
    if (len > 0 && memchr(row->kept, '\0', len) == NULL &&
        memchr(row->kept, '\n', len) == NULL)
        return true;
    snprintf(why, room, "%s_FILE: must hold one line, the secret", row->name);
    return false;
}

/* Where the file has the secret, `value` is row->kept by now. */
static bool read_secret(const struct row *row, const char *value, void *field,
                        char *why, size_t room)
{
    return read_text(row, value, field, why, room);
}

static bool read_language(const struct row *row, const char *value, void *field,
                          char *why, size_t room)
{
    if (!language_valid(str_of(value))) {
        snprintf(why, room, "%s must be the tag of a language, like nl-NL",
                 row->name);
        return false;
    }
    *(const char **)field = value;
    return true;
}

static bool read_url(const struct row *row, const char *value, void *field,
                     char *why, size_t room)
{
    struct str url = str_of(value);
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    bool plain = true;
    for (size_t i = 0; i < url.len; i++)
        plain = plain && url.ptr[i] > ' ' && url.ptr[i] <= '~';
    if (!plain || (!str_starts(url, STR("http://")) &&
                   !str_starts(url, STR("https://")))) {
        snprintf(why, room,
                 "%s must be a URL that begins with http:// or https://",
                 row->name);
        return false;
    }
    if (!fits(row, url, why, room))
        return false;
    snprintf(row->kept, (size_t)row->most + 1, "%.*s", STR_ARG(url));
    *(const char **)field = row->kept;
    return true;
}

static bool read_number(const struct row *row, const char *value, void *field,
                        char *why, size_t room)
{
    int64_t num = 0;
    if (!str_to_num(str_of(value), &num) || num < row->least ||
        num > row->most) {
        snprintf(why, room,
                 "%s must be a whole number from %" PRId64 " to %" PRId64,
                 row->name, row->least, row->most);
        return false;
    }
    *(int64_t *)field = num;
    return true;
}

/* Decimal digits with at most six behind the point, in milliseconds. */
static bool hours_to_ms(struct str text, int64_t *ms)
{
    int64_t whole = 0, part = 0, scale = 1;
    size_t len = text.len;
    struct str head = str_cut(&text, '.');
    if (!str_to_num(head, &whole) || head.ptr[0] == '-' ||
        __builtin_mul_overflow(whole, HOUR_MS, &whole))
        return false;
    if (head.len < len) {
        if (text.len > 6 || !str_to_num(text, &part) || text.ptr[0] == '-')
            return false;
        for (size_t i = 0; i < text.len; i++)
            scale *= 10;
    }
    return !__builtin_add_overflow(whole, part * HOUR_MS / scale, ms);
}

static bool read_hours(const struct row *row, const char *value, void *field,
                       char *why, size_t room)
{
    int64_t ms = 0;
    bool can_be_never = row->least < 0;
    if (can_be_never && str_is(STR("never"), value)) {
        *(int64_t *)field = NEVER;
        return true;
    }
    if (!hours_to_ms(str_of(value), &ms) || ms < row->least * HOUR_MS ||
        ms > row->most * HOUR_MS) {
        snprintf(why, room,
                 "%s must be a number of hours from %" PRId64 " to %" PRId64
                 "%s",
                 row->name, can_be_never ? 0 : row->least, row->most,
                 can_be_never ? ", or never" : "");
        return false;
    }
    *(int64_t *)field = ms;
    return true;
}

static bool read_switch(const struct row *row, const char *value, void *field,
                        char *why, size_t room)
{
    bool on = str_is(STR("on"), value);
    if (!on && !str_is(STR("off"), value)) {
        snprintf(why, room, "%s must be on or off", row->name);
        return false;
    }
    *(bool *)field = on;
    return true;
}

#define KEEP_TEXT(field, most)
#define KEEP_SECRET(field, most) static char kept_##field[(most) + 2];
#define KEEP_LANGUAGE(field, most)
#define KEEP_URL(field, most) static char kept_##field[(most) + 1];
#define KEEP_NUMBER(field, most)
#define KEEP_HOURS(field, most)
#define KEEP_SWITCH(field, most)
#define SETTING(kind, field, name, otherwise, least, most, who, help)          \
    KEEP_##kind(field, most)
#include "shared/settings.def"
#undef SETTING

#define ROW_TEXT(field) read_text, offsetof(struct settings, field), NULL
#define ROW_SECRET(field)                                                      \
    read_secret, offsetof(struct settings, field), kept_##field
#define ROW_LANGUAGE(field)                                                    \
    read_language, offsetof(struct settings, field), NULL
#define ROW_URL(field) read_url, offsetof(struct settings, field), kept_##field
#define ROW_NUMBER(field) read_number, offsetof(struct settings, field), NULL
#define ROW_HOURS(field) read_hours, offsetof(struct settings, field), NULL
#define ROW_SWITCH(field) read_switch, offsetof(struct settings, field), NULL
static const struct row rows[] = {
#define SETTING(kind, field, name, otherwise, least, most, who, help)          \
    {ROW_##kind(field), name, otherwise, least, most, who, help},
#include "shared/settings.def"
#undef SETTING
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool is_read_by(const struct row *row, const char *service)
{
    return service == NULL || has_word(row->who, STR("all")) ||
           has_word(row->who, str_of(service));
}

/* Empty where it is unset. */
static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

static bool look_into_file(const struct row *row, const char *service,
                           const char **value, char *why, size_t room)
{
    char name[64];
    if (row->read != read_secret || *value[0] != '\0' ||
        !is_read_by(row, service))
        return true;
    snprintf(name, sizeof(name), "%s_FILE", row->name);
    const char *path = from_environment(name);
    if (path[0] == '\0')
        return true;
    *value = row->kept;
    return read_secret_file(row, path, why, room);
}

bool settings_read(struct settings *settings, const char *service, char *why,
                   size_t room)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *value = from_environment(rows[i].name);
        void *field = (char *)settings + rows[i].offset;
        if (!look_into_file(&rows[i], service, &value, why, room))
            return false;
        if (value[0] == '\0')
            value = rows[i].otherwise;
        if (!rows[i].read(&rows[i], value, field, why, room))
            return false;
    }
    return true;
}

void settings_help(FILE *out, const char *service)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (!is_read_by(&rows[i], service))
            continue;
        fprintf(out, "  %-24s %s\n", rows[i].name, rows[i].help);
        if (rows[i].read == read_secret)
            fprintf(out, "  %-24s %s_FILE: a file that holds it, mode 0600\n",
                    "", rows[i].name);
        if (rows[i].otherwise[0] != '\0')
            fprintf(out, "  %-24s [%s]\n", "", rows[i].otherwise);
    }
}
