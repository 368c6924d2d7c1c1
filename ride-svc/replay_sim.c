#include "ride-svc/replay_sim.h"

#include <stdlib.h>

#include "shared/arena.h"

/* A hold, in a heap of which the first is the first to end. */
struct hold {
    int64_t until_ms;
    uint64_t a, b;
};

/* How many a person holds; a place with a count of 0 may be taken by whoever
 * comes next to it, once the table is built anew. */
struct person {
    uint64_t who;
    int64_t holds;
    bool used;
};

struct replay_sim {
    struct hold *heap;
    size_t held, heap_room;
    struct person *people; /* open addressing; `places` is a power of two */
    size_t places, used;
    int64_t need, busiest;
};

enum { PLACES_LEAST = 64 };

struct replay_sim *replay_sim_new(void)
{
    struct replay_sim *s = xcalloc(1, sizeof(*s));
    s->places = PLACES_LEAST;
    s->people = xcalloc(s->places, sizeof(*s->people));
    return s;
}

void replay_sim_destroy(struct replay_sim **sim)
{
    if (*sim == NULL)
        return;
    free((*sim)->heap);
    free((*sim)->people);
    free(*sim);
    *sim = NULL;
}

/* ---- people ---- */

static struct person *place_of(const struct replay_sim *s, uint64_t who)
{
    size_t at = (size_t)(who ^ who >> 32) & (s->places - 1);
    while (s->people[at].used && s->people[at].who != who)
        at = (at + 1) & (s->places - 1);
    return &s->people[at];
}

/* Several places for each who holds something. */
static void build_anew(struct replay_sim *s)
{
    struct person *old = s->people;
    size_t old_places = s->places, count = 0;
    for (size_t i = 0; i < old_places; i++)
        count += old[i].holds > 0;
    s->places = PLACES_LEAST;
    while (s->places < count * 4)
        s->places *= 2;
    s->people = xcalloc(s->places, sizeof(*s->people));
    s->used = count;
    for (size_t i = 0; i < old_places; i++)
        if (old[i].holds > 0)
            *place_of(s, old[i].who) = old[i];
    free(old);
}

static struct person *person_of(struct replay_sim *s, uint64_t who)
{
    struct person *p = place_of(s, who);
    if (p->used)
        return p;
    if ((s->used + 1) * 4 > s->places * 3) {
        build_anew(s);
        p = place_of(s, who);
    }
    s->used++;
    *p = (struct person){.who = who, .used = true};
    return p;
}

static int64_t holds_of(const struct replay_sim *s, uint64_t who)
{
    const struct person *p = place_of(s, who);
    return p->used ? p->holds : 0;
}

static void take(struct replay_sim *s, uint64_t who)
{
    int64_t holds = ++person_of(s, who)->holds;
    if (holds > s->busiest)
        s->busiest = holds;
}

/* ---- the heap ---- */

static void swap(struct hold *a, struct hold *b)
{
    struct hold was = *a;
    *a = *b;
    *b = was;
}

static void push(struct replay_sim *s, struct hold hold)
{
    if (s->held == s->heap_room) {
        s->heap_room = s->heap_room * 2 + PLACES_LEAST;
        s->heap = xrealloc(s->heap, s->heap_room * sizeof(*s->heap));
    }
    size_t at = s->held++;
    s->heap[at] = hold;
    for (; at > 0; at = (at - 1) / 2) {
        struct hold *parent = &s->heap[(at - 1) / 2];
        if (parent->until_ms <= s->heap[at].until_ms)
            return;
        swap(parent, &s->heap[at]);
    }
}

static struct hold pop(struct replay_sim *s)
{
    struct hold first = s->heap[0];
    s->heap[0] = s->heap[--s->held];
    for (size_t at = 0, child = 1; child < s->held; child = at * 2 + 1) {
        if (child + 1 < s->held &&
            s->heap[child + 1].until_ms < s->heap[child].until_ms)
            child++;
        if (s->heap[at].until_ms <= s->heap[child].until_ms)
            break;
        swap(&s->heap[at], &s->heap[child]);
        at = child;
    }
    return first;
}

/* ---- rides ---- */

static void end_until(struct replay_sim *s, int64_t now_ms)
{
    while (s->held > 0 && s->heap[0].until_ms <= now_ms) {
        struct hold over = pop(s);
        place_of(s, over.a)->holds--;
        place_of(s, over.b)->holds--;
    }
}

bool replay_sim_add(struct replay_sim *s, uint64_t a, uint64_t b,
                    int64_t from_ms, int64_t until_ms)
{
    end_until(s, from_ms);
    if (s->held >= REPLAY_MOST_HELD)
        return false;
    int64_t need = holds_of(s, a) + holds_of(s, b) + 1;
    if (need > s->need)
        s->need = need;
    take(s, a);
    take(s, b);
    push(s, (struct hold){.until_ms = until_ms, .a = a, .b = b});
    return true;
}

int64_t replay_sim_need(const struct replay_sim *sim)
{
    return sim->need;
}

int64_t replay_sim_busiest(const struct replay_sim *sim)
{
    return sim->busiest;
}
