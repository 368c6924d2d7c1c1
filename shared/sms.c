#include "shared/sms.h"

enum { GSM_ONE = 160, GSM_EACH = 153, UCS2_ONE = 70, UCS2_EACH = 67 };

/* GSM 03.38 beyond ASCII: the basic table, then the extension table. */
static const char basic[] = "£¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";
static const char extension[] = "^{}\\[~]|€\f";

static bool stands_in(struct str table, uint32_t c)
{
    uint32_t member = 0;
    while (str_next(&table, &member))
        if (member == c)
            return true;
    return false;
}

/* Septets; 0 where GSM 03.38 lacks the character. */
static unsigned gsm_width(uint32_t c)
{
    if (stands_in((struct str){extension, sizeof(extension) - 1}, c))
        return 2;
    if ((c >= ' ' && c <= '~' && c != '`') || c == '\n' || c == '\r' ||
        stands_in((struct str){basic, sizeof(basic) - 1}, c))
        return 1;
    return 0;
}

static unsigned ucs2_width(uint32_t c)
{
    return c > 0xffff ? 2 : 1;
}

/* A character is never split between two parts. */
static unsigned count_parts(struct str text, unsigned (*width)(uint32_t),
                            unsigned one, unsigned each)
{
    unsigned parts = 1, used = 0;
    size_t all = 0;
    uint32_t c = 0;
    while (str_next(&text, &c)) {
        unsigned w = width(c);
        all += w;
        if (used + w > each) {
            parts++;
            used = 0;
        }
        used += w;
    }
    return all <= one ? 1 : parts;
}

unsigned sms_parts(struct str text)
{
    struct str rest = text;
    uint32_t c = 0;
    while (str_next(&rest, &c))
        if (gsm_width(c) == 0)
            return count_parts(text, ucs2_width, UCS2_ONE, UCS2_EACH);
    return count_parts(text, gsm_width, GSM_ONE, GSM_EACH);
}
