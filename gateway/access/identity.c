#include "gateway/access/identity.h"

enum {
    NAME_MOST = 64,
    PHONE_LEAST = 7, /* digits; names stand in logs, where no phone may */
    READER = MAY_READ | MAY_PHONES,
    OPERATOR = READER | MAY_RIDES | MAY_POOL | MAY_REVEAL,
    ADMIN = OPERATOR | MAY_ADMIN
};

struct grant {
    const char *word;
    unsigned may;
};

static unsigned find(const struct grant *grants, struct str word)
{
    for (; grants->word != NULL; grants++)
        if (str_is(word, grants->word))
            return grants->may;
    return 0;
}

unsigned role_may(struct str role)
{
    static const struct grant grants[] = {{"viewer", MAY_READ},
                                          {"operator", OPERATOR},
                                          {"admin", ADMIN},
                                          {NULL, 0}};
    return find(grants, role);
}

unsigned scope_may(struct str scope)
{
    static const struct grant grants[] = {{"read", READER},
                                          {"rides", READER | MAY_RIDES},
                                          {"pool", READER | MAY_POOL},
                                          {"admin", ADMIN},
                                          {NULL, 0}};
    return find(grants, scope);
}

bool account_name_parse(struct arena *arena, struct str typed, struct str *name)
{
    typed = str_trim(typed);
    if (typed.len == 0 || typed.len > NAME_MOST)
        return false;
    char *small = arena_cstr(arena, typed);
    size_t digits = 0;
    for (size_t i = 0; i < typed.len; i++) {
        char c = small[i];
        digits += char_is_digit(c);
        if (c >= 'A' && c <= 'Z')
            small[i] = (char)(c - 'A' + 'a');
        else if (!char_is_letter(c) && !char_is_digit(c) &&
                 (i == 0 || (c != '.' && c != '_' && c != '@' && c != '-')))
            return false;
    }
    *name = (struct str){small, typed.len};
    return digits < PHONE_LEAST;
}
