#include "ride-svc/notice.h"

static bool word_for(struct str name, const struct msg_ride_record *ride,
                     struct str *word)
{
    const struct {
        const char *name;
        struct str word;
    } words[] = {{"customer", ride->customer_name},
                 {"driver", ride->driver_name},
                 {"start", ride->start},
                 {"destination", ride->destination},
                 {"datetime", ride->datetime}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (str_is(name, words[i].name)) {
            *word = words[i].word;
            return true;
        }
    }
    return false;
}

struct str notice_text(struct arena *arena, const char *template,
                       const struct msg_ride_record *ride)
{
    struct buffer out = {0};
    struct str rest = str_of(template);
    while (rest.len > 0) {
        const char *open = memchr(rest.ptr, '{', rest.len);
        size_t plain = open != NULL ? (size_t)(open - rest.ptr) : rest.len;
        buffer_add(&out, rest.ptr, plain);
        rest = str_from(rest, plain);
        const char *close =
            rest.len > 0 ? memchr(rest.ptr, '}', rest.len) : NULL;
        struct str word = STR_NONE;
        size_t len = close != NULL ? (size_t)(close - rest.ptr) + 1 : 0;
        if (len > 2 &&
            word_for((struct str){rest.ptr + 1, len - 2}, ride, &word)) {
            buffer_str(&out, word);
            rest = str_from(rest, len);
        } else if (rest.len > 0) {
            buffer_add(&out, rest.ptr, 1);
            rest = str_from(rest, 1);
        }
    }
    struct str text = arena_copy(arena, buffer_view(&out));
    buffer_free(&out);
    return text;
}
