#include "shared/timestamp.h"

#include <time.h>

int64_t time_now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct str time_text(struct arena *arena, int64_t ms)
{
    struct tm utc = {0};
    time_t seconds = ms / 1000 - (ms % 1000 < 0);
    gmtime_r(&seconds, &utc);
    return arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                        utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                        utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/* One of `any` comes next and is stepped over. */
static bool take(struct str *rest, const char *any)
{
    if (rest->len == 0 || rest->ptr[0] == '\0' ||
        strchr(any, rest->ptr[0]) == NULL)
        return false;
    *rest = str_from(*rest, 1);
    return true;
}

/* Exactly `width` digits, at least `least` and at most `most`. */
static bool take_num(struct str *rest, size_t width, int least, int most,
                     int *out)
{
    if (rest->len < width)
        return false;
    int num = 0;
    for (size_t i = 0; i < width; i++) {
        if (rest->ptr[i] < '0' || rest->ptr[i] > '9')
            return false;
        num = num * 10 + (rest->ptr[i] - '0');
    }
    *rest = str_from(*rest, width);
    *out = num;
    return num >= least && num <= most;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static bool take_date(struct str *rest, struct tm *utc)
{
    int year = 0, month = 0;
    if (!take_num(rest, 4, 0, 9999, &year) || !take(rest, "-") ||
        !take_num(rest, 2, 1, 12, &month) || !take(rest, "-") ||
        !take_num(rest, 2, 1, days_of(year, month), &utc->tm_mday))
        return false;
    utc->tm_year = year - 1900;
    utc->tm_mon = month - 1;
    return true;
}

/* A fraction; what is finer than a millisecond is cut off. */
static bool take_fraction(struct str *rest, int *ms)
{
    int digit = 0, weight = 100;
    if (!take_num(rest, 1, 0, 9, &digit))
        return false;
    do {
        *ms += digit * weight;
        weight /= 10;
    } while (take_num(rest, 1, 0, 9, &digit));
    return true;
}

static bool take_clock(struct str *rest, struct tm *utc, int *ms)
{
    if (!take_num(rest, 2, 0, 23, &utc->tm_hour) || !take(rest, ":") ||
        !take_num(rest, 2, 0, 59, &utc->tm_min))
        return false;
    if (!take(rest, ":"))
        return true;
    if (!take_num(rest, 2, 0, 59, &utc->tm_sec))
        return false;
    return !take(rest, ".") || take_fraction(rest, ms);
}

static bool take_offset(struct str *rest, int *seconds)
{
    if (rest->len == 0 || take(rest, "Zz"))
        return true;
    int sign = rest->ptr[0] == '-' ? -1 : 1;
    int hours = 0, minutes = 0;
    if (!take(rest, "+- ") || !take_num(rest, 2, 0, 23, &hours) ||
        !take(rest, ":") || !take_num(rest, 2, 0, 59, &minutes))
        return false;
    *seconds = sign * (hours * 60 + minutes) * 60;
    return true;
}

bool time_parse(struct str text, int64_t *ms)
{
    struct tm utc = {0};
    int fraction_ms = 0, offset = 0;
    if (!take_date(&text, &utc) || !take(&text, "Tt ") ||
        !take_clock(&text, &utc, &fraction_ms) ||
        !take_offset(&text, &offset) || text.len > 0)
        return false;
    *ms = ((int64_t)timegm(&utc) - offset) * 1000 + fraction_ms;
    return true;
}
