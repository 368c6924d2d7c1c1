#include "tests/unit/check.h"

#include "shared/problem.h"

static void knows_some(void **state)
{
    static const struct {
        enum problem_code code;
        const char *name;
        int status;
        enum outcome outcome;
    } rows[] = {
        {PROBLEM_internal, "internal", 500, RETRY},
        {PROBLEM_busy, "busy", 503, RETRY},
        {PROBLEM_malformed, "malformed", 400, REJECT},
        {PROBLEM_unauthorized, "unauthorized", 401, REJECT},
        {PROBLEM_not_found, "not_found", 404, REJECT},
        {PROBLEM_no_number, "no_number", 409, REJECT},
        {PROBLEM_key_reused, "key_reused", 409, REJECT},
        {PROBLEM_phone_in_use, "phone_in_use", 409, REJECT},
        {PROBLEM_phone_national, "phone_national", 422, REJECT},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(rows[i].name,
              str_is(str_of(problem_name(rows[i].code)), rows[i].name));
        CHECK(rows[i].name, problem_status(rows[i].code) == rows[i].status);
        CHECK(rows[i].name, problem_outcome(rows[i].code) == rows[i].outcome);
    }
    /* The tutorial's own words. */
    assert_string_equal(problem_sentence(PROBLEM_no_number),
                        "No number available! Please extend your pool.");
}

/* What callers do next and what HTTP says must not contradict each other. */
static void holds_together(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
        enum problem_code code = (enum problem_code)i;
        const char *name = problem_name(code);
        const char *sentence = problem_sentence(code);
        int status = problem_status(code);
        CHECK(name, problem_from_name(str_of(name)) == code);
        CHECK(name, problem_outcome(code) ==
                        (status >= 500 || status == 429 ? RETRY : REJECT));
        CHECK(name, status >= 400 && status < 600);
        CHECK(name, sentence[strlen(sentence) - 1] == '.');
    }
}

static void takes_unknown_names(void **state)
{
    (void)state;
    CHECK("newer", problem_from_name(STR("of_tomorrow")) == PROBLEM_internal);
    CHECK("empty", problem_from_name(STR_NONE) == PROBLEM_internal);
    CHECK("longer", problem_from_name(STR("busy2")) == PROBLEM_internal);
    CHECK("case counts", problem_from_name(STR("BUSY")) == PROBLEM_internal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_some),
        cmocka_unit_test(holds_together),
        cmocka_unit_test(takes_unknown_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
