#include "notifier/retry.h"

#include <sodium.h>

enum {
    BACK_OFF_LEAST_MS = 1000,
    BACK_OFF_MOST_MS = 300000,
    /* The gate of the account spares a provider that is away. Once it is back,
     * all leaves within 5 s. */
    AWAY_MOST_MS = 3000,
    /* A text in doubt leaves within 30 s once the provider answers. */
    LOOK_AGAIN_MS = 5000,
    LOOK_MOST_MS = 10000,
    ABSENCES = 2
};

int64_t retry_back_off(int64_t attempts, int64_t most_ms)
{
    int64_t most = (int64_t)BACK_OFF_LEAST_MS * 2;
    for (int64_t i = 1; i < attempts && most < most_ms; i++)
        most *= 2;
    if (most > most_ms)
        most = most_ms;
    return most / 2 + randombytes_uniform((uint32_t)(most / 2));
}

static int64_t told(int64_t ms, int64_t most)
{
    if (ms <= 0)
        return 0;
    return ms < most ? ms : most;
}

struct parking retry_after_send(const struct begun *begun,
                                const struct verdict *v)
{
    struct parking p = {.attempts = begun->attempts + 1};
    if (v->fate == IN_DOUBT) {
        /* Looked up at once, unless we were told to stay away. */
        p.doubt_ms = begun->now_ms;
        p.again_ms = told(v->least_ms, BACK_OFF_MOST_MS);
        return p;
    }
    switch (v->trouble) {
    case TROUBLE_LIMIT:
    case TROUBLE_ACCOUNT: /* the account waits, not the text */
        p.attempts = begun->attempts;
        break;
    case TROUBLE_AWAY:
        p.again_ms = retry_back_off(p.attempts, AWAY_MOST_MS);
        break;
    case TROUBLE_NONE:
        p.again_ms = retry_back_off(p.attempts, BACK_OFF_MOST_MS);
        break;
    }
    return p;
}

struct parking retry_after_look(const struct begun *begun, enum look look,
                                struct verdict *v)
{
    struct parking p = {.attempts = begun->attempts,
                        .doubt_ms = begun->doubt_ms,
                        .absences = begun->absences};
    int64_t pause = retry_back_off(p.attempts, LOOK_MOST_MS);
    switch (look) {
    case LOOK_FOUND:
        *v = (struct verdict){.fate = SENT, .reason = "found"};
        break;
    case LOOK_ABSENT:
        *v = (struct verdict){.fate = IN_DOUBT, .reason = "absent"};
        p.again_ms = LOOK_AGAIN_MS;
        if (++p.absences < ABSENCES)
            break;
        *v = (struct verdict){.fate = NOT_SENT_RETRY, .reason = "not_taken"};
        p.doubt_ms = 0;
        p.absences = 0;
        p.again_ms = pause > LOOK_AGAIN_MS ? pause - LOOK_AGAIN_MS : 0;
        break;
    case LOOK_MORE: /* too many to see all */
    case LOOK_FAILED:
        v->fate = IN_DOUBT;
        v->reason = "no_look_up";
        p.again_ms = pause;
        break;
    }
    return p;
}
