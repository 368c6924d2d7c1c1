/* The bus, both of its ends in this process: what one turn can carry, and what
 * is refused when nobody answers. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/bus.h"
#include "shared/bus_frame.h"
#include "shared/loop.h"

enum {
    POKES = 600,
    REQUESTS = 20,
    PEERS = 8,
    TABLE = 8192,   /* requests under way in one process */
    SOON_MS = 4000, /* longer than a busy machine takes to ask them all */
    PATIENCE_MS = 60000
};

static const char *const peers[PEERS] = {"served", "p1", "p2", "p3",
                                         "p4",     "p5", "p6", "p7"};

struct world;

/* What is waited for, and what is done once it is there. */
struct step {
    const char *label;
    bool (*until)(const struct world *);
    void (*then)(struct world *);
};

struct world {
    struct loop *loop;
    struct tasks *asking, *serving;
    struct bus_server *server;
    struct bus_client *client;
    struct loop_timer *patience;
    struct loop_hook *player;
    const struct step *step;
    bool in_vain;
    char folder[32], endpoint[64];
    unsigned pokes, in_order;
    struct task *stuck[TABLE]; /* when it seems alive again, more are tried */
    unsigned nstuck;
    unsigned asked, answered, busy, away, other;
};

/* ---- the service ---- */

static void take_poke(struct task *t)
{
    const struct msg_poke *m = ((struct call *)t)->request;
    struct world *w = t->owner;
    TASK_BEGIN(t);
    w->in_order += m->partition == (int64_t)w->pokes ? 1 : 0;
    w->pokes++;
    TASK_END(t);
}

static void take_report(struct task *t)
{
    TASK_BEGIN(t);
    TASK_END(t);
}

static void keep(struct world *w, struct task *t)
{
    assert_true(w->nstuck < COUNT(w->stuck));
    task_hold(t);
    w->stuck[w->nstuck++] = t;
}

static void never_answer(struct task *t)
{
    TASK_BEGIN(t);
    AWAIT(t, keep(t->owner, t));
    TASK_END(t);
}

static const struct bus_route routes[] = {
    {&type_poke, sizeof(struct call), take_poke},
    {&type_report, sizeof(struct call), take_report},
    {&type_call_received, sizeof(struct call), never_answer},
    {NULL, 0, NULL}};

/* ---- who asks ---- */

struct asker {
    struct task task;
    const char *service;
    const struct message_type *type;
    bool nth;
    struct msg_report report;
    struct msg_call_received call;
    struct msg_ok ok;
    struct msg_call_flow flow;
};

static void send_request(struct task *t, struct asker *a)
{
    struct bus_client *client = ((struct world *)t->owner)->client;
    bool stuck = a->type == &type_call_received;
    const void *request = stuck ? (const void *)&a->call : &a->report;
    void *reply = stuck ? (void *)&a->flow : &a->ok;
    if (a->nth)
        bus_ask_nth(client, t, a->service, 0, a->type, request, reply);
    else
        bus_ask(client, t, a->service, a->type, request, reply);
}

static void count(struct world *w, const struct task *t)
{
    if (t->outcome == DONE)
        w->answered++;
    else if (t->outcome == RETRY && t->problem.code == PROBLEM_busy)
        w->busy++;
    else if (t->outcome == RETRY && t->problem.code == PROBLEM_service_away)
        w->away++;
    else
        w->other++;
}

static void asker_run(struct task *t)
{
    struct asker *a = (struct asker *)t;
    TASK_BEGIN(t);
    AWAIT(t, send_request(t, a));
    count(t->owner, t);
    TASK_END(t);
}

static struct asker *ask(struct world *w, const char *service,
                         const struct message_type *type)
{
    struct asker *a = task_new(w->asking, sizeof(*a), asker_run, NULL);
    a->task.owner = w;
    a->task.deadline_ms = loop_now_ms() + SOON_MS;
    a->service = service;
    a->type = type;
    task_start(&a->task);
    w->asked++;
    return a;
}

static void tell(struct world *w, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        struct msg_poke m = {.partition = i};
        bus_tell(w->client, peers[0], STR("one"), &type_poke, &m);
    }
}

/* ---- a test, step by step: a loop runs once ---- */

static bool play_step(void *arg)
{
    struct world *w = arg;
    const struct step *step = w->step;
    if (step == NULL || !step->until(w))
        return false;
    w->step = step[1].until != NULL ? step + 1 : NULL;
    if (step->then != NULL)
        step->then(w);
    else
        loop_stop(w->loop);
    return true;
}

static void give_up(void *arg)
{
    struct world *w = arg;
    w->in_vain = true;
    loop_stop(w->loop);
}

static void play(struct world *w, const struct step *steps)
{
    w->step = steps;
    loop_timer_set(w->patience, PATIENCE_MS);
    loop_run(w->loop);
    CHECK(w->step != NULL ? w->step->label : "the end", !w->in_vain);
}

static bool is_live(const struct world *w)
{
    return bus_client_live(w->client, peers[0]) == 1;
}

static bool all_ended(const struct world *w)
{
    return w->answered + w->busy + w->away + w->other == w->asked;
}

static bool some_refused(const struct world *w)
{
    return w->busy > 0;
}

static bool is_idle(const struct world *w)
{
    return tasks_alive(w->serving) == 0 && is_live(w);
}

/* ---- before and after each ---- */

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    const char *why = NULL;
    *state = w;
    (void)snprintf(w->folder, sizeof(w->folder), "/tmp/bus-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    (void)snprintf(w->endpoint, sizeof(w->endpoint), "ipc://%s/sock",
                   w->folder);
    w->loop = loop_new();
    w->asking = tasks_new(w->loop);
    w->serving = tasks_new(w->loop);
    w->patience = loop_timer_new(w->loop, give_up, w);
    w->server = bus_server_new(w->loop, w->serving, peers[0], "one",
                               w->endpoint, routes, w, &why);
    assert_non_null(w->server);
    w->client = bus_client_new(w->loop);
    w->player = loop_hook_new(w->loop, play_step, w);
    bus_client_copy(w->client, peers[0], STR("one"), str_of(w->endpoint),
                    false);
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    bus_client_destroy(&w->client);
    bus_server_destroy(&w->server);
    loop_hook_destroy(&w->player);
    loop_timer_destroy(&w->patience);
    tasks_destroy(&w->asking);
    tasks_destroy(&w->serving);
    loop_destroy(&w->loop);
    (void)unlink(w->endpoint + sizeof("ipc://") - 1);
    (void)rmdir(w->folder);
    free(w);
    return 0;
}

/* ---- one turn ---- */

static void tell_and_ask(struct world *w)
{
    tell(w, POKES);
    for (int i = 0; i < REQUESTS; i++)
        ask(w, peers[0], &type_report);
}

static bool pokes_and_answers(const struct world *w)
{
    return w->pokes >= POKES && all_ended(w);
}

/* More than one message can carry, and requests behind it. */
static void all_of_one_turn_arrives(void **state)
{
    static const struct step steps[] = {
        {"a live copy", is_live, tell_and_ask},
        {"pokes and answers", pokes_and_answers, NULL},
        {NULL, NULL, NULL}};
    struct world *w = *state;
    assert_true(POKES * 2 > BUS_MOST_FRAMES);
    play(w, steps);
    assert_int_equal(w->pokes, POKES);
    assert_int_equal(w->in_order, POKES);
    assert_int_equal(w->answered, REQUESTS);
}

static void tell_a_message(struct world *w)
{
    tell(w, BUS_MOST_FRAMES / 2);
}

static bool a_message(const struct world *w)
{
    return w->pokes >= BUS_MOST_FRAMES / 2;
}

/* With the identity of its sender it is one frame more. */
static void a_message_of_the_most_frames_arrives(void **state)
{
    static const struct step steps[] = {
        {"a live copy", is_live, tell_a_message},
        {"the message", a_message, NULL},
        {NULL, NULL, NULL}};
    struct world *w = *state;
    play(w, steps);
    assert_int_equal(w->in_order, BUS_MOST_FRAMES / 2);
}

/* ---- too much ---- */

static void ask_more_than_may_wait(struct world *w)
{
    for (int i = 0; i < BUS_MOST_WAITING + 7; i++)
        ask(w, peers[1], &type_report);
}

static void check_seven_refused(struct world *w)
{
    assert_int_equal(w->busy, 7);
    assert_int_equal(w->away, 0); /* the others have their time */
}

static void past_what_may_wait_it_is_refused_at_once(void **state)
{
    static const struct step steps[] = {
        {"a live copy", is_live, ask_more_than_may_wait},
        {"a refusal", some_refused, check_seven_refused},
        {"the end of all", all_ended, NULL},
        {NULL, NULL, NULL}};
    struct world *w = *state;
    play(w, steps);
    assert_int_equal(w->busy, 7);
    assert_int_equal(w->away, BUS_MOST_WAITING);
}

static void fill_the_table(struct world *w)
{
    for (int i = 0; i < BUS_MOST_UNANSWERED; i++)
        ask(w, peers[0], &type_call_received);
    for (int p = 0; p < PEERS; p++)
        for (int i = 0; i < BUS_MOST_WAITING; i++)
            ask(w, peers[p], &type_call_received);
}

static void check_table_full(struct world *w)
{
    assert_int_equal(w->busy, w->asked - TABLE);
    assert_int_equal(w->away, 0);
}

static void let_go(struct world *w)
{
    while (w->nstuck > 0)
        task_done(w->stuck[--w->nstuck]);
}

static void ask_once_more(struct world *w)
{
    assert_int_equal(w->away, TABLE);
    assert_int_equal(w->answered + w->other, 0);
    ask(w, peers[0], &type_report);
}

/* Every queue is full, and a copy that answers nothing has all that it may. */
static void a_full_table_refuses_and_recovers(void **state)
{
    static const struct step steps[] = {
        {"a live copy", is_live, fill_the_table},
        {"a refusal", some_refused, check_table_full},
        {"the end of all", all_ended, let_go},
        {"an idle service", is_idle, ask_once_more},
        {"one more", all_ended, NULL},
        {NULL, NULL, NULL}};
    struct world *w = *state;
    play(w, steps);
    assert_int_equal(w->asked - w->busy - w->away, 1);
    assert_int_equal(w->answered, 1);
}

static void ask_nobody(struct world *w)
{
    ask(w, peers[1], &type_report)->nth = true;
}

static void a_copy_that_is_not_there(void **state)
{
    static const struct step steps[] = {{"a live copy", is_live, ask_nobody},
                                        {"the refusal", all_ended, NULL},
                                        {NULL, NULL, NULL}};
    struct world *w = *state;
    play(w, steps);
    assert_int_equal(w->away, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_of_one_turn_arrives),
        TEST(a_message_of_the_most_frames_arrives),
        TEST(past_what_may_wait_it_is_refused_at_once),
        TEST(a_full_table_refuses_and_recovers),
        TEST(a_copy_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
