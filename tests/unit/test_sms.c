#include "tests/unit/check.h"

#include "shared/arena.h"
#include "shared/sms.h"

/* `times` times `unit`, then `last`. */
static const struct {
    const char *label, *unit;
    size_t times;
    const char *last;
    unsigned parts;
} texts[] = {
    {"empty", "", 0, "", 1},
    {"short", "Hello", 1, "", 1},
    {"GSM, one full", "a", 160, "", 1},
    {"GSM, one too many", "a", 161, "", 2},
    {"GSM, two full", "a", 306, "", 2},
    {"GSM, three", "a", 307, "", 3},
    {"GSM, nine full", "a", 1377, "", 9},
    {"GSM, ten", "a", 1378, "", 10},
    {"beyond ASCII", "é", 160, "", 1},
    {"all of the basic table",
     "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
     "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
     1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1},
    {"... and one more",
     "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
     "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
     1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 2},
    {"extensions count double", "€", 80, "", 1},
    {"extensions, one too many", "€", 81, "", 2},
    {"all extensions", "^{}\\[~]|€\f", 8, "", 1},
    {"all extensions, and one", "^{}\\[~]|€\f", 8, "a", 2},
    {"no extension is split", "a", 152, "€€€€€€€€", 2},
    {"... so it may cost a part", "a", 152,
     "€aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaa",
     3},
    {"a backquote is not GSM", "a", 70, "`", 2},
    {"a tab is not GSM", "a", 70, "\t", 2},
    {"small c cedilla is not GSM", "a", 70, "ç", 2},
    {"UCS-2, one full", "я", 70, "", 1},
    {"UCS-2, one too many", "я", 71, "", 2},
    {"UCS-2, two full", "я", 134, "", 2},
    {"UCS-2, three", "я", 135, "", 3},
    {"UCS-2, nine full", "я", 603, "", 9},
    {"UCS-2, ten", "я", 604, "", 10},
    {"one such character is enough", "a", 69, "я", 1},
    {"... for all", "a", 70, "я", 2},
    {"emoji count double", "🚕", 35, "", 1},
    {"emoji, one too many", "🚕", 36, "", 2},
    {"no emoji is split", "🚕", 67, "", 3},
};

static void counts_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buffer text = {0};
        for (size_t n = 0; n < texts[i].times; n++)
            buffer_str(&text, str_of(texts[i].unit));
        buffer_str(&text, str_of(texts[i].last));
        unsigned parts = sms_parts(buffer_view(&text));
        buffer_free(&text);
        if (parts != texts[i].parts)
            fail_msg("%s: %u parts", texts[i].label, parts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
