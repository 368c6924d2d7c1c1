/* Phone numbers as people type them. */
#include "tests/fuzz/fuzz.h"

#include "shared/phone.h"

FUZZ(arena, input)
{
    struct phone phone, again;
    enum problem_code why;
    (void)phone_masked(arena, input);
    if (!phone_parse(input, &phone, &why))
        return;
    HOLDS(phone.len >= PHONE_LEAST && phone.len <= PHONE_MOST &&
          phone.digits[0] != '0');
    for (size_t i = 0; i < phone.len; i++)
        HOLDS(char_is_digit(phone.digits[i]));
    HOLDS(phone_parse(phone_str(&phone), &again, &why) &&
          str_eq(phone_str(&phone), phone_str(&again)));
}
