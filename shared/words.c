#include "shared/words.h"

bool language_valid(struct str tag)
{
    if (tag.len == 0 || tag.len > LANGUAGE_MOST || tag.ptr[tag.len - 1] == '-')
        return false;
    for (bool first = true; tag.len > 0; first = false) {
        struct str part = str_cut(&tag, '-');
        if (part.len < 2 || part.len > (first ? 3 : 8))
            return false;
        for (size_t i = 0; i < part.len; i++)
            if (!char_is_letter(part.ptr[i]) &&
                (first || !char_is_digit(part.ptr[i])))
                return false;
    }
    return true;
}

bool words_valid(struct task *t, struct str words, size_t most,
                 const char *field)
{
    enum problem_code code = PROBLEM_invalid;
    bool clean = str_is_utf8(words);
    for (size_t i = 0; clean && i < words.len; i++)
        clean = (unsigned char)words.ptr[i] >= 0x20 && words.ptr[i] != 0x7f;
    if (clean && str_trim(words).len == 0)
        code = PROBLEM_missing;
    else if (clean && str_characters(words) > most)
        code = PROBLEM_too_long;
    else if (clean)
        return true;
    task_reject(t, code, str_of(field));
    return false;
}
