#include "tests/unit/check.h"

#include "gateway/router.h"

static void paths_match_patterns(void **state)
{
    static const struct {
        const char *label, *pattern, *path;
        bool matches;
        const char *first;
    } rows[] = {
        {"the root", "/", "/", true, ""},
        {"plain", "/rides", "/rides", true, ""},
        {"shorter", "/rides", "/ride", false, ""},
        {"longer", "/rides", "/rides1", false, ""},
        {"a slash behind", "/rides", "/rides/", false, ""},
        {"capitals", "/rides", "/Rides", false, ""},
        {"nothing", "/", "", false, ""},
        {"a part", "/rides/{}", "/rides/17-abc", true, "17-abc"},
        {"an empty part", "/rides/{}", "/rides/", false, ""},
        {"two parts for one", "/rides/{}", "/rides/a/b", false, ""},
        {"a part inside", "/rides/{}/end", "/rides/a/end", true, "a"},
        {"an end too many", "/rides/{}/end", "/rides/a/end/", false, ""},
        {"decoded", "/x/{}", "/x/a%2Fb%20c+d", true, "a/b c+d"},
        {"small hex", "/x/{}", "/x/%c3%a9", true, "\xc3\xa9"},
        {"a broken escape", "/x/{}", "/x/%4", false, ""},
        {"a percent alone", "/x/{}", "/x/%", false, ""},
        {"no hex", "/x/{}", "/x/%zz", false, ""},
        {"a NUL", "/x/{}", "/x/a%00", false, ""},
        {"no UTF-8", "/x/{}", "/x/%ff", false, ""},
    };
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str part[ROUTE_PARTS] = {STR_NONE};
        bool matches =
            route_matches(arena, rows[i].pattern, str_of(rows[i].path), part);
        CHECK(rows[i].label, matches == rows[i].matches);
        CHECK(rows[i].label, !matches || str_is(part[0], rows[i].first));
    }
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_match_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
