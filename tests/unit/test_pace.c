#include "tests/unit/check.h"

#include <math.h>
#include <stdio.h>

#include "notifier/pace.h"

enum { SLOTS = 8 };

#define LOOK TURN_LOOK
#define SEND TURN_SEND

/* A story a table: what happens when, and how long the next would wait. */
enum act {
    END,
    RATE,  /* `n`: a second */
    WAITS, /* `n`: ms that one of `turn` would wait */
    BEGIN, /* `n`: the slot that keeps its ticket */
    BURST, /* `n`: so many begin at once */
    BACK,  /* `n`: the slot whose ticket is given back */
    HEARD, /* `n`: the slot; `trouble`, `least` */
    STANDS,
    FALLEN, /* `n`: the slot whose ticket stands (no more) */
    IS,     /* the gate of `turn` is shut because of `trouble`, or open */
    PACE    /* `n`: a second, now */
};

struct step {
    const char *label;
    enum act act;
    int64_t at;
    int64_t n;
    enum turn turn;
    enum trouble trouble;
    int64_t least;
};

#define ROW(label_, act_, at_, n_, turn_, trouble_, least_)                    \
    {                                                                          \
        .label = (label_), .act = (act_), .at = (at_), .n = (n_),              \
        .turn = (turn_), .trouble = (trouble_), .least = (least_)              \
    }
#define STEP(label_, act_, at_, n_)                                            \
    ROW(label_, act_, at_, n_, SEND, TROUBLE_NONE, 0)
#define LOOKS(label_, act_, at_, n_)                                           \
    ROW(label_, act_, at_, n_, LOOK, TROUBLE_NONE, 0)
#define ANSWER(label_, at_, slot_, trouble_, least_)                           \
    ROW(label_, HEARD, at_, slot_, SEND, TROUBLE_##trouble_, least_)
#define GATE(label_, at_, turn_, trouble_)                                     \
    ROW(label_, IS, at_, 0, turn_, TROUBLE_##trouble_, 0)

struct scene {
    struct pace pace;
    struct ticket slots[SLOTS];
};

static void play_step(struct scene *s, const struct step *x)
{
    struct pace *p = &s->pace;
    switch (x->act) {
    case RATE:
        pace_set_rate(p, (double)x->n);
        break;
    case WAITS:
        CHECK(x->label, pace_wait(p, x->turn, x->at) == x->n);
        break;
    case BEGIN:
        s->slots[x->n] = pace_begin(p, x->turn, x->at);
        break;
    case BURST:
        for (int64_t i = 0; i < x->n; i++) {
            CHECK(x->label, pace_wait(p, x->turn, x->at) == 0);
            (void)pace_begin(p, x->turn, x->at);
        }
        break;
    case BACK:
        pace_give_back(p, s->slots[x->n], x->at);
        break;
    case HEARD:
        pace_heard(p, s->slots[x->n], x->trouble, x->least, x->at);
        break;
    case STANDS:
    case FALLEN:
        CHECK(x->label, pace_stands(p, s->slots[x->n]) == (x->act == STANDS));
        break;
    case IS:
        CHECK(x->label, pace_shut(p, x->turn) == x->trouble);
        break;
    case PACE:
        CHECK(x->label, llround(pace_rate(p, x->turn, x->at)) == x->n);
        break;
    case END:
        break;
    }
}

static void play(const struct step *steps)
{
    struct scene scene = {0};
    for (; steps->act != END; steps++)
        play_step(&scene, steps);
}

static void test_no_limit(void **state)
{
    (void)state;
    static const struct step steps[] = {
        STEP("none set", BURST, 1000, 10000),
        STEP("none set", WAITS, 1000, 0),
        LOOKS("look-ups neither", BURST, 1000, 1000),
        STEP("no figure", PACE, 1000, 0),
        {.act = END}};
    play(steps);
}

static void test_rate(void **state)
{
    (void)state;
    static const struct step steps[] = {
        STEP("", RATE, 0, 500),
        STEP("100 ms worth at once", BURST, 5000, 50),
        STEP("then one every 2 ms", WAITS, 5000, 2),
        STEP("half of it is there", WAITS, 5001, 1),
        STEP("there", BURST, 5002, 1),
        STEP("no more", WAITS, 5002, 2),
        STEP("what was saved up is bounded", BURST, 90000, 50),
        STEP("so", WAITS, 90000, 2),
        LOOKS("a tenth for look-ups", BURST, 90000, 5),
        LOOKS("of their own", WAITS, 90000, 20),
        STEP("slow ones", RATE, 90000, 2),
        STEP("at least one at once", BURST, 95000, 1),
        STEP("fractions of one count", WAITS, 95100, 400),
        STEP("", WAITS, 95499, 1),
        STEP("", WAITS, 95500, 0),
        LOOKS("at least one look-up a second", BURST, 96000, 1),
        LOOKS("", WAITS, 96000, 1000),
        {.act = END}};
    play(steps);
}

/* Over a long time it comes to the rate, whatever the steps of the clock. */
static void test_exactness(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        double per_s;
    } rows[] = {{"a seventh", 500 / 7.0},
                {"a third", 1 / 3.0},
                {"many", 3000},
                {"one", 1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pace pace = {0};
        int64_t now = 1000, sent = 0;
        pace_set_rate(&pace, rows[i].per_s);
        while (now < 1000 + 600000 && sent < 10000000) {
            int64_t wait = pace_wait(&pace, SEND, now);
            now += wait;
            if (wait > 0)
                continue;
            (void)pace_begin(&pace, SEND, now);
            sent++;
        }
        double most = rows[i].per_s * 600 + fmax(1, rows[i].per_s / 10) + 1;
        CHECK(rows[i].label, (double)sent <= most);
        CHECK(rows[i].label, (double)sent >= rows[i].per_s * 600 * 0.99 - 1);
    }
}

static void test_turns_not_taken(void **state)
{
    (void)state;
    static const struct step steps[] = {
        STEP("", RATE, 0, 10),
        STEP("", BEGIN, 1000, 0),
        STEP("taken", WAITS, 1000, 100),
        STEP("", BACK, 1000, 0),
        STEP("there again", WAITS, 1000, 0),
        STEP("", BACK, 1000, 0),
        STEP("never more than was there", BURST, 1000, 1),
        STEP("", WAITS, 1000, 100),
        STEP("one that could not wait", BEGIN, 1000, 1),
        STEP("makes the next wait", WAITS, 1000, 200),
        {.act = END}};
    play(steps);
}

static void test_limit(void **state)
{
    (void)state;
    static const struct step steps[] = {
        STEP("", RATE, 0, 400),
        STEP("", BEGIN, 9000, 0),
        STEP("", BEGIN, 9000, 1),
        STEP("", BEGIN, 9000, 2),
        STEP("", BEGIN, 9000, 3),
        ANSWER("", 10000, 0, LIMIT, 3000),
        STEP("none may leave", WAITS, 10000, 3000),
        STEP("nor what was about to", FALLEN, 10000, 3),
        STEP("nothing leaves", PACE, 10000, 0),
        LOOKS("look-ups may", WAITS, 10000, 0),
        ANSWER("one more", 10010, 1, LIMIT, 3000),
        STEP("the later word counts", WAITS, 10010, 3000),
        ANSWER("taken before", 10020, 2, NONE, 0),
        GATE("does not open it", 10020, SEND, LIMIT),
        STEP("a probe", BEGIN, 13010, 4),
        STEP("which stands", STANDS, 13010, 4),
        STEP("one alone", WAITS, 13010, PACE_ANSWER_MS),
        ANSWER("its answer", 13100, 4, NONE, 0),
        GATE("opens", 13100, SEND, NONE),
        STEP("at half the rate, halved once", PACE, 13100, 200),
        ANSWER("late", 13110, 3, LIMIT, 3000),
        GATE("tells nothing new", 13110, SEND, NONE),
        STEP("evenly back", PACE, 20600, 300),
        STEP("to the full rate", PACE, 28100, 400),
        STEP("and no further", PACE, 99000, 400),
        {.act = END}};
    play(steps);
}

static void test_limit_untold(void **state)
{
    (void)state;
    struct scene s = {0};
    static const int64_t pauses[] = {1000,  2000,  4000,  8000, 16000,
                                     32000, 60000, 60000, 60000};
    int64_t now = 1000;
    pace_set_rate(&s.pace, 320);
    for (size_t i = 0; i < COUNT(pauses); i++) {
        char label[32];
        (void)snprintf(label, sizeof(label), "pause %zu", i);
        struct ticket t = pace_begin(&s.pace, SEND, now);
        pace_heard(&s.pace, t, TROUBLE_LIMIT, -1, now);
        CHECK(label, pace_wait(&s.pace, SEND, now) == pauses[i]);
        now += pauses[i];
    }
    struct ticket t = pace_begin(&s.pace, SEND, now);
    pace_heard(&s.pace, t, TROUBLE_NONE, 0, now);
    CHECK("some is always left",
          llround(pace_rate(&s.pace, SEND, now)) == 320 / PACE_LEAST_PART);
    t = pace_begin(&s.pace, SEND, now);
    pace_heard(&s.pace, t, TROUBLE_LIMIT, 3600000, now);
    CHECK("told too much", pace_wait(&s.pace, SEND, now) == PACE_TOLD_MOST_MS);
    now += PACE_TOLD_MOST_MS;
    t = pace_begin(&s.pace, SEND, now);
    pace_heard(&s.pace, t, TROUBLE_NONE, 0, now);
    t = pace_begin(&s.pace, SEND, now);
    pace_heard(&s.pace, t, TROUBLE_LIMIT, -1, now);
    CHECK("short again", pace_wait(&s.pace, SEND, now) == PACE_LIMIT_MS);
}

#define FAILS(at_) STEP("", BEGIN, at_, 0), ANSWER("", at_, 0, AWAY, 0)

static void test_away(void **state)
{
    (void)state;
    static const struct step steps[] = {
        STEP("", BEGIN, 100, 7),
        FAILS(1000),
        FAILS(1000),
        FAILS(1000),
        FAILS(1000),
        GATE("four are not enough", 1000, SEND, NONE),
        STEP("", BEGIN, 1000, 1),
        ANSWER("another's success", 1000, 1, NONE, 0),
        FAILS(2000),
        FAILS(2000),
        FAILS(2000),
        FAILS(2000),
        GATE("counted anew", 2000, SEND, NONE),
        STEP("", BEGIN, 2000, 2),
        STEP("", BEGIN, 2000, 3),
        ANSWER("", 2000, 2, AWAY, 0),
        GATE("five in a row", 2000, SEND, AWAY),
        STEP("what was about to leave", FALLEN, 2000, 3),
        STEP("a probe a second", WAITS, 2000, PACE_PROBE_MS),
        STEP("", BEGIN, 3000, 4),
        STEP("not answered yet", WAITS, 3000, PACE_PROBE_MS),
        STEP("nor asked after all", BACK, 3001, 4),
        STEP("the next in its place", WAITS, 3001, 0),
        STEP("", BEGIN, 3001, 4),
        ANSWER("", 3500, 4, AWAY, 0),
        STEP("a failed one", WAITS, 3500, PACE_PROBE_MS - 499),
        STEP("no rate was cut", BEGIN, 4001, 5),
        ANSWER("out of balance, too", 4001, 5, ACCOUNT, 0),
        GATE("the last word", 4001, SEND, ACCOUNT),
        STEP("", BEGIN, 9001, 6),
        ANSWER("", 9001, 6, AWAY, 0),
        GATE("the last word", 9001, SEND, AWAY),
        ANSWER("a late answer", 9002, 7, NONE, 0),
        GATE("opens", 9002, SEND, NONE),
        STEP("at once", WAITS, 9002, 0),
        ANSWER("a late failure", 9003, 3, AWAY, 0),
        FAILS(9004),
        FAILS(9004),
        FAILS(9004),
        FAILS(9004),
        GATE("does not count", 9004, SEND, NONE),
        {.act = END}};
    play(steps);
}

static void test_account(void **state)
{
    (void)state;
    static const struct step steps[] = {
        STEP("", BEGIN, 0, 0),
        ANSWER("", 0, 0, ACCOUNT, 30000),
        STEP("told how long", WAITS, 0, 30000),
        STEP("", BEGIN, 30000, 1),
        ANSWER("", 30000, 1, ACCOUNT, 30000),
        STEP("twice that", WAITS, 30000, 60000),
        STEP("", BEGIN, 90000, 1),
        ANSWER("", 90000, 1, ACCOUNT, 30000),
        STEP("", BEGIN, 210000, 1),
        ANSWER("", 210000, 1, ACCOUNT, 30000),
        STEP("", BEGIN, 450000, 1),
        ANSWER("", 450000, 1, ACCOUNT, 30000),
        STEP("at most", WAITS, 450000, PACE_ACCOUNT_MOST_MS),
        STEP("", BEGIN, 750000, 1),
        ANSWER("a refused text is an answer", 750000, 1, NONE, 0),
        GATE("", 750000, SEND, NONE),
        STEP("no rate was cut", RATE, 750000, 100),
        STEP("", PACE, 750000, 100),
        STEP("", BEGIN, 750001, 1),
        ANSWER("", 750001, 1, ACCOUNT, 0),
        STEP("not told", WAITS, 750001, PACE_ACCOUNT_MS),
        {.act = END}};
    play(steps);
}

/* While it is away, look-ups go first: they put nothing in doubt. */
static void test_both_away(void **state)
{
    (void)state;
    struct scene s = {0};
    for (enum turn turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < PACE_AWAY_AFTER; i++) {
            struct ticket t = pace_begin(&s.pace, turn, 1000);
            pace_heard(&s.pace, t, TROUBLE_AWAY, 0, 1000);
        }
    static const struct step steps[] = {
        LOOKS("", WAITS, 1000, PACE_PROBE_MS),
        STEP("", WAITS, 1000, PACE_PROBE_MS),
        LOOKS("a look-up probes", BEGIN, 2000, 0),
        STEP("and a text waits for it", WAITS, 2000, 2000),
        LOOKS("", BEGIN, 3000, 1),
        STEP("again", WAITS, 3000, 2000),
        STEP("no look-up is due any more", WAITS, 5000, 0),
        STEP("so a text probes", BEGIN, 5000, 2),
        STEP("", WAITS, 5000, PACE_PROBE_MS),
        LOOKS("", BEGIN, 5100, 3),
        STEP("", WAITS, 5100, 2000),
        ANSWER("the provider answers", 5200, 3, NONE, 0),
        GATE("", 5200, LOOK, NONE),
        GATE("whether it takes texts", 5200, SEND, AWAY),
        STEP("is tried soon", WAITS, 5200, 800),
        STEP("", BEGIN, 6000, 4),
        ANSWER("not yet", 6000, 4, AWAY, 0),
        LOOKS("", BEGIN, 6010, 5),
        STEP("look-ups of a healthy one hold nothing up", WAITS, 6010, 990),
        STEP("", BEGIN, 7000, 6),
        ANSWER("", 7000, 6, NONE, 0),
        GATE("", 7000, SEND, NONE),
        {.act = END}};
    for (const struct step *x = steps; x->act != END; x++)
        play_step(&s, x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_exactness),
        cmocka_unit_test(test_turns_not_taken),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limit_untold),
        cmocka_unit_test(test_away),
        cmocka_unit_test(test_account),
        cmocka_unit_test(test_both_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
