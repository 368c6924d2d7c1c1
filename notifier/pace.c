#include "notifier/pace.h"

#include <math.h>

/* ---- the rate ---- */

static double rate_of(const struct gate *g)
{
    return g->per_s * (1 - g->cut);
}

static double room_of(const struct gate *g)
{
    double room = rate_of(g) * PACE_BURST_MS / 1000;
    return room > 1 ? room : 1;
}

static void fill(struct gate *g, int64_t now_ms)
{
    double passed = (double)(now_ms - g->filled_ms);
    g->filled_ms = now_ms;
    if (g->shut == TROUBLE_NONE)
        g->cut = fmax(0, g->cut - passed / PACE_EASE_MS);
    g->tokens = fmin(room_of(g), g->tokens + passed * rate_of(g) / 1000);
    if (g->per_s <= 0)
        g->tokens = 1;
}

/* Until there are so many; with some slack, since sums of fractions are not
 * exact. */
static int64_t until(const struct gate *g, double tokens)
{
    static const double slack = 1e-6;
    double lacking = tokens - slack - g->tokens;
    if (g->per_s <= 0 || lacking <= 0)
        return 0;
    return (int64_t)ceil(lacking * 1000 / rate_of(g));
}

void pace_set_rate(struct pace *pace, double per_s)
{
    pace->gates[TURN_SEND].per_s = per_s;
    pace->gates[TURN_LOOK].per_s = per_s > 0 ? fmax(per_s / 10, 1) : 0;
}

double pace_rate(struct pace *pace, enum turn turn, int64_t now_ms)
{
    struct gate *g = &pace->gates[turn];
    fill(g, now_ms);
    return g->shut == TROUBLE_NONE ? rate_of(g) : 0;
}

/* ---- turns ---- */

int64_t pace_wait(struct pace *pace, enum turn turn, int64_t now_ms)
{
    struct gate *g = &pace->gates[turn];
    fill(g, now_ms);
    if (g->shut != TROUBLE_NONE && g->next_ms > now_ms)
        return g->next_ms - now_ms;
    return until(g, 1);
}

static bool is_away(const struct gate *g)
{
    return g->shut == TROUBLE_AWAY;
}

/* Of a provider that is away each send that reaches it comes to be in doubt,
 * and none that is looked up does: so a look-up goes first where there is one.
 */
static void probe(struct pace *pace, enum turn turn, int64_t now_ms)
{
    struct gate *g = &pace->gates[turn];
    struct gate *send = &pace->gates[TURN_SEND];
    g->probed_ms = now_ms;
    g->next_ms = now_ms + (is_away(g) ? PACE_PROBE_MS : PACE_ANSWER_MS);
    if (turn == TURN_LOOK && is_away(g) && is_away(send) &&
        send->next_ms < now_ms + PACE_AHEAD_MS)
        send->next_ms = now_ms + PACE_AHEAD_MS;
}

struct ticket pace_begin(struct pace *pace, enum turn turn, int64_t now_ms)
{
    struct gate *g = &pace->gates[turn];
    fill(g, now_ms);
    g->tokens -= 1;
    if (g->shut != TROUBLE_NONE)
        probe(pace, turn, now_ms);
    return (struct ticket){turn, g->round};
}

void pace_give_back(struct pace *pace, struct ticket ticket, int64_t now_ms)
{
    struct gate *g = &pace->gates[ticket.turn];
    fill(g, now_ms);
    g->tokens = fmin(room_of(g), g->tokens + 1);
    if (g->shut != TROUBLE_NONE && ticket.round == g->round)
        g->next_ms = now_ms;
}

bool pace_stands(const struct pace *pace, struct ticket ticket)
{
    const struct gate *g = &pace->gates[ticket.turn];
    return g->shut == TROUBLE_NONE || ticket.round == g->round;
}

int64_t pace_one_more(struct pace *pace, struct ticket ticket, int64_t now_ms)
{
    struct gate *g = &pace->gates[ticket.turn];
    fill(g, now_ms);
    g->tokens -= 1;
    return until(g, 0);
}

/* ---- the gate ---- */

static void shut(struct gate *g, enum trouble why, int64_t pause_ms,
                 int64_t now_ms)
{
    g->shut = why;
    g->round++;
    g->failures = 0;
    g->pause_ms = pause_ms;
    g->next_ms = now_ms + pause_ms;
}

/* A provider that answers look-ups may take texts again. */
static void open_gate(struct pace *pace, struct gate *g, int64_t now_ms)
{
    struct gate *send = &pace->gates[TURN_SEND];
    fill(g, now_ms); /* while shut, the rate does not recover */
    g->shut = TROUBLE_NONE;
    g->round++;
    g->pause_ms = 0;
    if (g != send && is_away(send)) {
        int64_t soonest = send->probed_ms + PACE_PROBE_MS;
        send->next_ms = soonest > now_ms ? soonest : now_ms;
    }
}

static int64_t at_most(int64_t ms, int64_t most)
{
    return ms < most ? ms : most;
}

static int64_t next_pause(const struct gate *g, enum trouble why,
                          int64_t least_ms)
{
    bool limit = why == TROUBLE_LIMIT;
    int64_t most = limit ? PACE_LIMIT_MOST_MS : PACE_ACCOUNT_MOST_MS;
    int64_t pause = limit ? PACE_LIMIT_MS : PACE_ACCOUNT_MS;
    if (g->shut == why)
        pause = at_most(g->pause_ms * 2, most);
    if (least_ms > 0 && (limit || pause < least_ms))
        pause = at_most(least_ms, PACE_TOLD_MOST_MS);
    return pause;
}

/* `news`: the turn began since the gate was last shut or opened. */
static void refused(struct gate *g, bool news, enum trouble why,
                    int64_t least_ms, int64_t now_ms)
{
    if (!news && (g->shut == why || g->shut == TROUBLE_NONE)) {
        int64_t told_ms = now_ms + at_most(least_ms, PACE_TOLD_MOST_MS);
        if (g->shut == why && g->next_ms < told_ms)
            g->next_ms = told_ms;
        return;
    }
    fill(g, now_ms);
    if (why == TROUBLE_LIMIT)
        g->cut = fmin((1 + g->cut) / 2, 1 - 1.0 / PACE_LEAST_PART);
    shut(g, why, next_pause(g, why, least_ms), now_ms);
}

static void not_reached(struct gate *g, bool news, int64_t now_ms)
{
    if (!news || is_away(g))
        return;
    if (g->shut == TROUBLE_NONE && ++g->failures < PACE_AWAY_AFTER)
        return;
    shut(g, TROUBLE_AWAY, PACE_PROBE_MS, now_ms);
}

void pace_heard(struct pace *pace, struct ticket ticket, enum trouble trouble,
                int64_t least_ms, int64_t now_ms)
{
    struct gate *g = &pace->gates[ticket.turn];
    bool news = ticket.round == g->round;
    switch (trouble) {
    case TROUBLE_NONE:
        g->failures = 0;
        /* Taken before the others were refused: tells nothing of now. */
        if (g->shut != TROUBLE_NONE && (news || is_away(g)))
            open_gate(pace, g, now_ms);
        return;
    case TROUBLE_LIMIT:
    case TROUBLE_ACCOUNT:
        refused(g, news, trouble, least_ms, now_ms);
        return;
    case TROUBLE_AWAY:
        not_reached(g, news, now_ms);
        return;
    }
}

enum trouble pace_shut(const struct pace *pace, enum turn turn)
{
    return pace->gates[turn].shut;
}
