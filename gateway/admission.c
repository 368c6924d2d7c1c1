#include "gateway/admission.h"

static const double cut = 0.7;

struct admission admission_new(void)
{
    return (struct admission){.limit = ADMISSION_FIRST};
}

bool admission_enter(struct admission *a)
{
    if (a->under_way >= (unsigned)a->limit)
        return false;
    a->under_way++;
    return true;
}

static void lower(struct admission *a, int64_t now_ms)
{
    a->cut_ms = now_ms;
    a->limit *= cut;
    if (a->limit < ADMISSION_LEAST)
        a->limit = ADMISSION_LEAST;
}

void admission_leave(struct admission *a, int64_t entered_ms, int64_t now_ms)
{
    bool was_full = a->under_way * 2 >= (unsigned)a->limit;
    a->under_way--;
    if (now_ms - entered_ms > ADMISSION_LATE_MS) {
        if (entered_ms >= a->cut_ms)
            lower(a, now_ms);
        return;
    }
    /* Raised only where there is need for it, by one a round. */
    if (was_full && a->limit < ADMISSION_MOST)
        a->limit += 1 / a->limit;
}
