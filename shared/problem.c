#include "shared/problem.h"

#include <assert.h>

static const struct {
    const char *name;
    int status;
    enum outcome outcome;
    const char *sentence;
} problems[PROBLEM_COUNT] = {
#define PROBLEM(name, status, outcome, sentence)                               \
    {#name, status, outcome, sentence},
#include "shared/problems.def"
#undef PROBLEM
};

const char *problem_name(enum problem_code code)
{
    assert(code < PROBLEM_COUNT);
    return problems[code].name;
}

enum problem_code problem_from_name(struct str name)
{
    for (unsigned code = 0; code < PROBLEM_COUNT; code++)
        if (str_is(name, problems[code].name))
            return (enum problem_code)code;
    return PROBLEM_internal;
}

int problem_status(enum problem_code code)
{
    assert(code < PROBLEM_COUNT);
    return problems[code].status;
}

enum outcome problem_outcome(enum problem_code code)
{
    assert(code < PROBLEM_COUNT);
    return problems[code].outcome;
}

const char *problem_sentence(enum problem_code code)
{
    assert(code < PROBLEM_COUNT);
    return problems[code].sentence;
}
