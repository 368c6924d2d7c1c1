/* The pace of the account at its provider: how many texts a second leave, and
 * when none may, because the provider asked for less, is away, or takes nothing
 * from this account. Pure: knows no text and no provider; time is an argument,
 * in milliseconds of a clock that never goes back. */
#ifndef BIRDCAR_NOTIFIER_PACE_H
#define BIRDCAR_NOTIFIER_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* What is asked of the provider; each has a rate and a gate of its own. */
enum turn { TURN_SEND, TURN_LOOK, TURNS };

/* What an answer, or none, says about the account, whoever the text was for.
 * NONE: it answers us. LIMIT: we ask for too much. ACCOUNT: it takes nothing
 * from us until a person acts. AWAY: not reached, or not itself. */
enum trouble { TROUBLE_NONE, TROUBLE_LIMIT, TROUBLE_ACCOUNT, TROUBLE_AWAY };

enum {
    PACE_BURST_MS = 100,    /* so much of the rate may go at once */
    PACE_EASE_MS = 30000,   /* from nothing back to the full rate */
    PACE_LEAST_PART = 32,   /* of the full rate is always left */
    PACE_AWAY_AFTER = 5,    /* failures with no answer in between */
    PACE_PROBE_MS = 1000,   /* between two probes while it is away */
    PACE_AHEAD_MS = 2000,   /* a look-up's probe keeps a text's away so long */
    PACE_ANSWER_MS = 12000, /* a lone probe has surely ended by then */
    /* A pause where we are not told how long: doubling from and to. */
    PACE_LIMIT_MS = 1000,
    PACE_LIMIT_MOST_MS = 60000,
    PACE_ACCOUNT_MS = 5000,
    PACE_ACCOUNT_MOST_MS = 300000,
    PACE_TOLD_MOST_MS = 300000 /* where we are */
};

struct gate {
    double per_s; /* the full rate; 0: no limit */
    double cut;   /* the part of it that 429s took away */
    double tokens;
    int64_t filled_ms;
    /* Grows each time it is shut or opened: a turn that began before tells
     * nothing new. */
    unsigned round;
    unsigned failures; /* since the last answer */
    enum trouble shut; /* why; NONE: open */
    int64_t next_ms;   /* while shut: when the next probe may go */
    int64_t probed_ms;
    int64_t pause_ms; /* the last one, while shut */
};

/* All zero: no limit, and open. */
struct pace {
    struct gate gates[TURNS];
};

/* One request under way, or about to be. */
struct ticket {
    enum turn turn;
    unsigned round;
};

/* Texts a second from now on; 0: no limit. Of look-ups a tenth: MessageBird
 * takes 500 POSTs and 50 GETs a second. But at least one. */
void pace_set_rate(struct pace *pace, double per_s);

/* Milliseconds until one more may begin; 0: now. */
int64_t pace_wait(struct pace *pace, enum turn turn, int64_t now_ms);
/* It begins, also where it would have to wait: then the next ones wait longer.
 * While the gate is shut it is a probe, the only one for a while. */
struct ticket pace_begin(struct pace *pace, enum turn turn, int64_t now_ms);
/* The provider was not asked after all. */
void pace_give_back(struct pace *pace, struct ticket ticket, int64_t now_ms);
/* False: the gate was shut since it began, so it should not go out any more. */
bool pace_stands(const struct pace *pace, struct ticket ticket);
/* One more request of the same turn (the next page); milliseconds to wait. */
int64_t pace_one_more(struct pace *pace, struct ticket ticket, int64_t now_ms);
/* How it ended. `least_ms`: we were told to stay away so long; 0 or less: not.
 */
void pace_heard(struct pace *pace, struct ticket ticket, enum trouble trouble,
                int64_t least_ms, int64_t now_ms);

/* NONE: open. */
enum trouble pace_shut(const struct pace *pace, enum turn turn);
/* A second, at present; 0: none, or no limit. */
double pace_rate(struct pace *pace, enum turn turn, int64_t now_ms);

#endif
