/* How much may be under way at once: more while answers come fast, less when
 * they come late, so that what is taken is answered in time and the rest is
 * told at once to come again. Pure: time is an argument. */
#ifndef BIRDCAR_GATEWAY_ADMISSION_H
#define BIRDCAR_GATEWAY_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    ADMISSION_LEAST = 64, /* under way that are always taken */
    ADMISSION_FIRST = 256,
    ADMISSION_MOST = 1024,
    ADMISSION_LATE_MS = 100 /* an answer that took longer is late */
};

struct admission {
    double limit;
    unsigned under_way;
    int64_t cut_ms; /* when it was last lowered */
};

struct admission admission_new(void);

/* False: too much is under way. True: admission_leave() is to follow. */
bool admission_enter(struct admission *a);

/* What was entered at `entered_ms` has ended. One late answer after another
 * lowers the limit once a round: those that were under way when it was lowered
 * do not lower it again. */
void admission_leave(struct admission *a, int64_t entered_ms, int64_t now_ms);

#endif
