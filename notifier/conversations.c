#include "notifier/conversations.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/partition.h"

enum { BUCKETS = 4096 };

struct entry {
    struct entry *next;
    size_t len;
    char id[];
};

/* In a bucket always, in the line of the ready while it has something to try
 * and is not being tried. */
struct talk {
    struct conversation seen; /* first: what callers see */
    struct talk *in_bucket;
    struct talk *prev, *next; /* in line */
    struct entry *first, **last;
    int64_t not_before_ms;
    enum turn line;
    bool due, busy, in_line;
    struct entry *tried; /* NULL: what is parked, or dropped since */
    char *name;          /* holds ride and role */
};

struct conversations {
    struct talk *buckets[BUCKETS];
    struct line {
        struct talk *first, *last;
    } lines[TURNS];
    unsigned waiting[PARTITIONS];
};

/* ---- finding ---- */

static unsigned bucket_of(unsigned partition, struct str ride, struct str role)
{
    unsigned h = 2166136261U ^ partition;
    for (size_t i = 0; i < ride.len; i++)
        h = (h ^ (unsigned char)ride.ptr[i]) * 16777619U;
    for (size_t i = 0; i < role.len; i++)
        h = (h ^ (unsigned char)role.ptr[i]) * 16777619U;
    return h % BUCKETS;
}

static struct talk *find(struct conversations *all, unsigned partition,
                         struct str ride, struct str role)
{
    struct talk **at = &all->buckets[bucket_of(partition, ride, role)];
    for (struct talk *k = *at; k != NULL; k = k->in_bucket)
        if (k->seen.partition == partition && str_eq(k->seen.ride, ride) &&
            str_eq(k->seen.role, role))
            return k;
    struct talk *k = xcalloc(1, sizeof(*k));
    k->name = xmalloc(ride.len + role.len);
    if (ride.len > 0)
        memcpy(k->name, ride.ptr, ride.len);
    if (role.len > 0)
        memcpy(k->name + ride.len, role.ptr, role.len);
    k->seen.partition = partition;
    k->seen.ride = (struct str){k->name, ride.len};
    k->seen.role = (struct str){k->name + ride.len, role.len};
    k->last = &k->first;
    k->line = TURN_SEND;
    k->in_bucket = *at;
    *at = k;
    return k;
}

/* ---- the line ---- */

static void leave_line(struct conversations *all, struct talk *k)
{
    if (!k->in_line)
        return;
    struct line *line = &all->lines[k->line];
    *(k->prev != NULL ? &k->prev->next : &line->first) = k->next;
    *(k->next != NULL ? &k->next->prev : &line->last) = k->prev;
    k->in_line = false;
}

static void join_line(struct conversations *all, struct talk *k)
{
    if (k->in_line || k->busy || (!k->due && k->first == NULL))
        return;
    struct line *line = &all->lines[k->line];
    k->prev = line->last;
    k->next = NULL;
    *(line->last != NULL ? &line->last->next : &line->first) = k;
    line->last = k;
    k->in_line = true;
}

static void change_line(struct conversations *all, struct talk *k,
                        enum turn line)
{
    if (k->line == line)
        return;
    leave_line(all, k);
    k->line = line;
}

static void drop_first(struct conversations *all, struct talk *k)
{
    struct entry *e = k->first;
    k->first = e->next;
    if (k->first == NULL)
        k->last = &k->first;
    all->waiting[k->seen.partition]--;
    free(e);
}

static void free_talk(struct conversations *all, struct talk *k)
{
    unsigned b = bucket_of(k->seen.partition, k->seen.ride, k->seen.role);
    struct talk **at = &all->buckets[b];
    while (*at != k)
        at = &(*at)->in_bucket;
    *at = k->in_bucket;
    leave_line(all, k);
    while (k->first != NULL)
        drop_first(all, k);
    free(k->name);
    free(k);
}

/* ---- the calls ---- */

struct conversations *conversations_new(void)
{
    return xcalloc(1, sizeof(struct conversations));
}

void conversations_destroy(struct conversations **all)
{
    if (*all == NULL)
        return;
    for (unsigned b = 0; b < BUCKETS; b++)
        while ((*all)->buckets[b] != NULL)
            free_talk(*all, (*all)->buckets[b]);
    free(*all);
    *all = NULL;
}

void conversations_add(struct conversations *all, unsigned partition,
                       struct str ride, struct str role, struct str entry)
{
    struct talk *k = find(all, partition, ride, role);
    struct entry *e = xmalloc(sizeof(*e) + entry.len);
    e->next = NULL;
    e->len = entry.len;
    memcpy(e->id, entry.ptr, entry.len);
    *k->last = e;
    k->last = &e->next;
    all->waiting[partition]++;
    join_line(all, k);
}

void conversations_due(struct conversations *all, unsigned partition,
                       struct str ride, struct str role, enum turn line)
{
    struct talk *k = find(all, partition, ride, role);
    /* Being tried: whoever tries it will say what is due afterwards. */
    if (k->busy)
        return;
    k->due = true;
    change_line(all, k, line);
    join_line(all, k);
}

static struct talk *first_ready(const struct conversations *all, enum turn line,
                                int64_t now_ms)
{
    struct talk *k = all->lines[line].first;
    while (k != NULL && k->not_before_ms > now_ms)
        k = k->next;
    return k;
}

bool conversations_ready(const struct conversations *all, enum turn line,
                         int64_t now_ms)
{
    return first_ready(all, line, now_ms) != NULL;
}

const struct conversation *conversations_next(struct conversations *all,
                                              enum turn line, int64_t now_ms)
{
    struct talk *k = first_ready(all, line, now_ms);
    if (k == NULL)
        return NULL;
    leave_line(all, k);
    k->busy = true;
    k->tried = k->due ? NULL : k->first;
    k->seen.entry =
        k->tried != NULL ? (struct str){k->tried->id, k->tried->len} : STR_NONE;
    return &k->seen;
}

void conversations_ended(struct conversations *all,
                         const struct conversation *c,
                         enum conversation_end how, int64_t not_before_ms,
                         bool more, enum turn line)
{
    struct talk *k = find(all, c->partition, c->ride, c->role);
    assert(&k->seen == c && k->busy);
    k->busy = false;
    if (how == GONE_BY) {
        if (k->tried != NULL)
            drop_first(all, k);
        k->not_before_ms = 0;
        k->due = more;
    } else {
        k->not_before_ms = not_before_ms;
        k->due = k->due || more;
    }
    k->tried = NULL;
    change_line(all, k, line);
    if (!k->due && k->first == NULL)
        free_talk(all, k);
    else
        join_line(all, k);
}

void conversations_drop(struct conversations *all, unsigned partition)
{
    for (unsigned b = 0; b < BUCKETS; b++) {
        for (struct talk *k = all->buckets[b], *next = NULL; k != NULL;
             k = next) {
            next = k->in_bucket;
            if (k->seen.partition != partition)
                continue;
            k->tried = NULL;
            k->due = false;
            while (k->first != NULL)
                drop_first(all, k);
            if (!k->busy)
                free_talk(all, k);
        }
    }
}

unsigned conversations_waiting(const struct conversations *all,
                               unsigned partition)
{
    return all->waiting[partition];
}
