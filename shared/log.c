#include "shared/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MOST = 1024, SPARSE_NAMES = 16, SPARSE_MS = 1000 };

static const char *own_instance = "";
static enum log_level least_level = LEVEL_INFO;

struct line {
    size_t len;
    char text[LINE_MOST];
};

struct sparse {
    const char *event;
    int64_t last_ms;
    unsigned long left_out;
};

void log_setup(const char *instance, enum log_level least)
{
    own_instance = instance;
    least_level = least;
}

static void line_vadd(struct line *line, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void line_add(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The last byte is kept for the newline: until then it holds printf's NUL. */
static void line_vadd(struct line *line, const char *format, va_list args)
{
    size_t room = LINE_MOST - line->len;
    int wanted = vsnprintf(line->text + line->len, room, format, args);
    if (wanted > 0)
        line->len += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static void line_add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line_vadd(line, format, args);
    va_end(args);
}

static void line_begin(struct line *line, enum log_level level,
                       const char *event)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct timespec now = {0};
    struct tm utc = {0};
    line->len = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    line_add(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s",
             utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
             utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000, names[level],
             event);
    if (own_instance[0] != '\0')
        line_add(line, " instance=%s", own_instance);
}

/* One write a line, so that lines of several processes do not mix. What cannot
 * be written is lost: there is nowhere left to say so. */
static void line_write(struct line *line)
{
    for (size_t i = 0; i < line->len; i++)
        if ((unsigned char)line->text[i] < 0x20 || line->text[i] == 0x7f)
            line->text[i] = '?';
    while (line->len > 0 && line->text[line->len - 1] == ' ')
        line->len--;
    line->text[line->len++] = '\n';
    ssize_t written = 0;
    do
        written = write(STDERR_FILENO, line->text, line->len);
    while (written < 0 && errno == EINTR);
}

void log_event(enum log_level level, const char *event, struct str trace,
               const char *format, ...)
{
    if (level < least_level)
        return;
    struct line line;
    line_begin(&line, level, event);
    if (trace.len > 0)
        line_add(&line, " trace=%.*s", STR_ARG(trace));
    line_add(&line, " ");
    va_list args;
    va_start(args, format);
    line_vadd(&line, format, args);
    va_end(args);
    line_write(&line);
}

/* The entry of that name; names past the last one share it. */
static struct sparse *sparse_find(const char *event)
{
    static struct sparse names[SPARSE_NAMES];
    unsigned i = 0;
    while (i < SPARSE_NAMES - 1 && names[i].event != NULL &&
           strcmp(names[i].event, event) != 0)
        i++;
    if (names[i].event == NULL)
        names[i] = (struct sparse){event, -SPARSE_MS, 0};
    return &names[i];
}

void log_sparse(enum log_level level, const char *event, const char *format,
                ...)
{
    if (level < least_level)
        return;
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    struct sparse *sparse = sparse_find(event);
    if (now_ms - sparse->last_ms < SPARSE_MS) {
        sparse->left_out++;
        return;
    }
    struct line line;
    line_begin(&line, level, event);
    if (sparse->left_out > 0)
        line_add(&line, " left_out=%lu", sparse->left_out);
    sparse->last_ms = now_ms;
    sparse->left_out = 0;
    line_add(&line, " ");
    va_list args;
    va_start(args, format);
    line_vadd(&line, format, args);
    va_end(args);
    line_write(&line);
}
