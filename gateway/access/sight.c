#include "gateway/access/sight.h"

#include <stdbool.h>
#include <string.h>

#include "shared/str.h"

enum { DIGITS_LEAST = 5 };

/* A `+`, or digits alone; of digits, spaces and bullets nothing else. */
static bool is_phone(const char *text)
{
    static const char bullet[] = "\xe2\x80\xa2";
    size_t bullets = 0, digits = 0, others = 0;
    bool plus = *text == '+';
    for (const char *at = plus ? text + 1 : text; *at != '\0'; at++) {
        if (strncmp(at, bullet, sizeof(bullet) - 1) == 0) {
            bullets++;
            at += sizeof(bullet) - 2;
        } else if (char_is_digit(*at)) {
            digits++;
        } else if (*at != ' ') {
            return false;
        } else {
            others++;
        }
    }
    return (plus && digits > 0) ||
           (digits + bullets >= DIGITS_LEAST && (others == 0 || bullets > 0));
}

void sight_hide_phones(cJSON *thing)
{
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, thing)
    {
        if (!cJSON_IsString(item))
            sight_hide_phones(item);
        else if (is_phone(item->valuestring))
            cJSON_SetValuestring(item, "hidden");
    }
}
