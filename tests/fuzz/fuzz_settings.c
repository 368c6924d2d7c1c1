/* A setting of any kind, and the URLs among them: a line with a name, then its
 * value. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "notifier/alert_sign.h"
#include "shared/redis_url.h"
#include "shared/settings.h"

static const char *const names[] = {
#define SETTING(kind, field, name, otherwise, least, most, who, help) name,
#include "shared/settings.def"
#undef SETTING
};

FUZZ(arena, input)
{
    struct settings settings;
    struct redis_url url;
    struct alert_key key;
    char why[256];
    const char *fault = NULL;
    if (input.len == 0 || memchr(input.ptr, '\0', input.len) != NULL)
        return;
    const char *name =
        names[(unsigned char)input.ptr[0] % (sizeof(names) / sizeof(*names))];
    const char *value = arena_cstr(arena, str_from(input, 1));
    HOLDS(setenv(name, value, 1) == 0);
    HOLDS(settings_read(&settings, NULL, why, sizeof(why)) || why[0] != '\0');
    HOLDS(unsetenv(name) == 0);
    HOLDS(redis_url_parse(value, &url, &fault) || fault != NULL);
    if (alert_key_read(str_of(value), &key))
        HOLDS(key.len >= ALERT_KEY_LEAST && key.len <= ALERT_KEY_MOST);
}
