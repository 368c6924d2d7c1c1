/* What went wrong, in words that both sides of the bus share.
 * Knows no wire: gateway turns a problem into HTTP. */
#ifndef BIRDCAR_PROBLEM_H
#define BIRDCAR_PROBLEM_H

#include "shared/str.h"

/* What the caller should do next: go on; the fault is ours or the network's,
 * try later; the message itself is wrong, do not repeat it. */
enum outcome { DONE, RETRY, REJECT };

enum problem_code {
#define PROBLEM(name, status, outcome, sentence) PROBLEM_##name,
#include "shared/problems.def"
#undef PROBLEM
    PROBLEM_COUNT
};

/* `field` names the field at fault, empty where none is; `detail` is an
 * absolute time in ms where the sentence needs one (when the next number comes
 * free), else 0. Strings are borrowed from the task's arena or static. */
struct problem {
    enum problem_code code;
    struct str field;
    int64_t detail;
};

/* The code as it is written on the bus and in JSON: "no_number". */
const char *problem_name(enum problem_code code);
/* PROBLEM_internal where the name is unknown (a newer peer). */
enum problem_code problem_from_name(struct str name);
int problem_status(enum problem_code code);
enum outcome problem_outcome(enum problem_code code);
const char *problem_sentence(enum problem_code code);

#endif
