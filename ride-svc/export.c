#include "ride-svc/export.h"

#include "ride-svc/lists.h"
#include "ride-svc/ride.h"
#include "ride-svc/whose.h"
#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(person_texts);
SCRIPT(person_unrouted);

enum {
    RIDES_A_PAGE = 100,
    ENTRIES_LOOKED_AT = 5000, /* of an outbox: else that page has no more */
    TEXTS_A_PAGE = 500,
    TEXT_FIELDS = 7,
    UNROUTED_FIELDS = 3,
    BYTES_A_PAGE = 512 * 1024,
    TEXTS_KEPT_MS = 30 * 3600 * 1000 /* after the ride; none is longer */
};

struct kept {
    struct str id, phone;
    struct ride_read read;
    struct value events, texts;
};

struct export
{
    struct call call;
    struct whose whose;
    struct kept rides[RIDES_A_PAGE];
    size_t count;
    struct value unrouted[PARTITIONS], time;
    struct msg_person_holds ask[WHOSE_PHONES];
    struct msg_holds holds[WHOSE_PHONES];
    struct str next;
    bool is_first;
};

static const struct msg_person_export *request_of(const struct export *c)
{
    return c->call.request;
}

/* ---- reading ---- */

/* Those behind the cursor, of all that may be theirs. */
static void choose_rides(struct export *c)
{
    const struct whose *w = &c->whose;
    for (size_t i = 0; i < w->ride_count && c->count < RIDES_A_PAGE; i++)
        if (str_compare(w->rides[i], request_of(c)->after) > 0)
            c->rides[c->count++] = (struct kept){.id = w->rides[i]};
}

static void read_rides(struct task *t, struct export *c)
{
    struct service *s = service_of(t);
    for (size_t i = 0; i < c->count; i++) {
        struct kept *ride = &c->rides[i];
        unsigned p = 0;
        (void)ride_id_parse(ride->id, &p, NULL);
        ride_fetch_packed(s, t, ride->id, &ride->read);
        REDIS_DO(s->redis, t, partition_tag(p), &ride->events, STR("LRANGE"),
                 key_timeline(t->arena, p, ride->id), STR("0"), STR("-1"));
    }
    REDIS_DO(s->redis, t, STR("time"), &c->time, STR("TIME"));
}

static bool is_theirs(struct task *t, struct export *c, struct kept *ride)
{
    if (!ride_decode(t, &ride->read) ||
        !whose_ride(&c->whose, &ride->read.ride))
        return false;
    ride->phone = whose_phone_in(&c->whose, &ride->read.ride);
    return true;
}

static void ask_texts(struct task *t, struct kept *ride)
{
    struct arena *a = t->arena;
    unsigned p = 0;
    (void)ride_id_parse(ride->id, &p, NULL);
    struct str keys[] = {
        key_of_partition(a, "outbox", p), key_of_partition(a, "sending", p),
        key_of_partition(a, "waiting", p), key_of_partition(a, "parked", p),
        key_of_partition(a, "dead", p)};
    struct str args[] = {STR("show"),
                         ride->phone,
                         STR(""),
                         arena_number(a, ENTRIES_LOOKED_AT),
                         key_in_partition(a, "letter", p, STR_NONE),
                         key_ride(a, p, STR_NONE),
                         key_in_partition(a, "route", p, STR_NONE),
                         key_in_partition(a, "parked", p, STR_NONE),
                         ride->id};
    redis_script(service_of(t)->redis, t, partition_tag(p), &person_texts, keys,
                 5, args, sizeof(args) / sizeof(*args), &ride->texts);
}

static void ask_all_texts(struct task *t, struct export *c)
{
    size_t count = c->count;
    int64_t now_ms = redis_time_ms(&c->time);
    c->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_theirs(t, c, &c->rides[i]))
            continue;
        c->rides[c->count] = c->rides[i];
        if (now_ms < c->rides[i].read.ride.grace + TEXTS_KEPT_MS)
            ask_texts(t, &c->rides[c->count]);
        c->count++;
    }
}

/* What hangs on the phones rather than on a ride. */
static void ask_phones(struct task *t, struct export *c)
{
    struct service *s = service_of(t);
    const struct whose *w = &c->whose;
    struct str args[] = {STR("show"), w->phones[0]};
    for (unsigned p = 0; p < PARTITIONS; p++) {
        struct str key = key_of_partition(t->arena, "unrouted", p);
        redis_script(s->redis, t, partition_tag(p), &person_unrouted, &key, 1,
                     args, 2, &c->unrouted[p]);
    }
    for (size_t i = 0; i < w->phone_count; i++) {
        c->ask[i] = (struct msg_person_holds){.phone = w->phones[i]};
        bus_ask(s->client, t, "pool-svc", &type_person_holds, &c->ask[i],
                &c->holds[i]);
    }
}

/* ---- the answer ---- */

static void add(struct task *t, struct list *list,
                const struct message_type *type, const void *item)
{
    if (list->count < MESSAGE_MAX_ITEMS)
        list->items[list->count++] = message_pack(t->arena, type, item);
}

static struct list list_of(struct task *t, size_t most)
{
    return (struct list){
        .items = arena_alloc(t->arena, most * sizeof(struct str) + 1)};
}

static void fill_people(struct task *t, struct export *c)
{
    const struct whose *w = &c->whose;
    struct msg_person_kept *reply = c->call.reply;
    reply->people = list_of(t, w->record_count);
    for (size_t i = 0; i < w->record_count; i++) {
        const struct whose_record *x = &w->records[i];
        struct msg_person person = {.id = x->id,
                                    .role = str_of(x->role),
                                    .name = x->person.name,
                                    .phone = x->person.digits};
        add(t, &reply->people, &type_person, &person);
    }
    reply->also = whose_also(t->arena, w);
    reply->phone =
        w->role != NULL ? w->records[0].person.digits : phone_str(&w->phone);
}

static struct list events_of(struct task *t, const struct kept *ride)
{
    struct list events = list_of(t, ride->events.count);
    for (size_t i = 0; i < ride->events.count; i++) {
        struct msg_event event;
        if (!record_decode(&type_event, value_str(value_at(&ride->events, i)),
                           t->arena, &event))
            continue;
        event.reference =
            timeline_reference(t->arena, ride->id, event.reference);
        add(t, &events, &type_event, &event);
    }
    return events;
}

/* A customer's places are theirs, and who drove them knows them, too. */
static struct msg_kept_ride describe(struct task *t, const struct export *c,
                                     const struct kept *ride)
{
    const struct msg_ride_record *r = &ride->read.ride;
    struct msg_ride shown;
    bool customer = str_eq(r->customer_key, ride->phone);
    bool driver = str_eq(r->driver_key, ride->phone);
    ride_describe(service_of(t), t, ride->id, r, redis_time_ms(&c->time),
                  &shown);
    return (struct msg_kept_ride){.id = ride->id,
                                  .role = customer ? STR("customer")
                                          : driver ? STR("driver")
                                                   : STR(""),
                                  .state = shown.state,
                                  .start = r->start,
                                  .destination = r->destination,
                                  .datetime = r->datetime,
                                  .pool = r->pool,
                                  .proxy = r->proxy,
                                  .created = r->created,
                                  .ends = r->ends,
                                  .grace = r->grace,
                                  .closed = r->closed,
                                  .left = !customer && !driver,
                                  .events = events_of(t, ride)};
}

static struct str opened(struct task *t, struct str reference,
                         struct str sealed)
{
    struct str text = STR_NONE;
    (void)vault_unseal(service_of(t)->vault, t->arena, sealed,
                       meaning_text(t->arena, reference), &text);
    return text;
}

static void add_texts(struct task *t, struct list *texts,
                      const struct value *found)
{
    for (size_t i = 0; i + TEXT_FIELDS <= found->count; i += TEXT_FIELDS) {
        struct msg_kept_text x = {.reference = value_str(value_at(found, i)),
                                  .ride = value_str(value_at(found, i + 1)),
                                  .kind = value_str(value_at(found, i + 2)),
                                  .state = value_str(value_at(found, i + 3)),
                                  .direction =
                                      value_str(value_at(found, i + 4)),
                                  .at = value_num(value_at(found, i + 5), 0)};
        x.text = opened(t, x.reference, value_str(value_at(found, i + 6)));
        if (texts->count < TEXTS_A_PAGE)
            add(t, texts, &type_kept_text, &x);
    }
}

static void add_unrouted(struct task *t, struct list *texts,
                         const struct value *found)
{
    for (size_t i = 0; i + UNROUTED_FIELDS <= found->count;
         i += UNROUTED_FIELDS) {
        struct msg_kept_text x = {.reference = value_str(value_at(found, i)),
                                  .kind = STR("t"),
                                  .state = STR("unrouted"),
                                  .direction = STR("written"),
                                  .at = value_num(value_at(found, i + 1), 0)};
        x.text = opened(t, x.reference, value_str(value_at(found, i + 2)));
        if (texts->count < TEXTS_A_PAGE)
            add(t, texts, &type_kept_text, &x);
    }
}

/* As many as fit into a message; the rest is behind the cursor. */
static void fill_rides(struct task *t, struct export *c)
{
    struct msg_person_kept *reply = c->call.reply;
    size_t bytes = 0;
    reply->rides = list_of(t, c->count);
    reply->next = c->next;
    for (size_t i = 0; i < c->count; i++) {
        struct msg_kept_ride ride = describe(t, c, &c->rides[i]);
        struct str packed = message_pack(t->arena, &type_kept_ride, &ride);
        if (i > 0 && bytes + packed.len > BYTES_A_PAGE) {
            reply->next = c->rides[i - 1].id;
            return;
        }
        bytes += packed.len;
        reply->rides.items[reply->rides.count++] = packed;
        add_texts(t, &reply->texts, value_at(&c->rides[i].texts, 3));
    }
}

static void fill_holds(struct task *t, struct export *c)
{
    struct msg_person_kept *reply = c->call.reply;
    size_t most = 0;
    for (size_t i = 0; i < c->whose.phone_count; i++)
        most += c->holds[i].holds.count;
    reply->holds = list_of(t, most);
    for (size_t i = 0; i < c->whose.phone_count; i++)
        for (size_t n = 0; n < c->holds[i].holds.count; n++)
            if (reply->holds.count < MESSAGE_MAX_ITEMS)
                reply->holds.items[reply->holds.count++] =
                    c->holds[i].holds.items[n];
}

static void fill(struct task *t, struct export *c)
{
    struct msg_person_kept *reply = c->call.reply;
    reply->at = redis_time_ms(&c->time);
    reply->texts = list_of(t, TEXTS_A_PAGE);
    fill_people(t, c);
    if (c->is_first) {
        for (unsigned p = 0; p < PARTITIONS; p++)
            add_unrouted(t, &reply->texts, value_at(&c->unrouted[p], 1));
        fill_holds(t, c);
    }
    fill_rides(t, c);
}

/* Behind which there are more; empty: none. */
static struct str last_of_page(const struct export *c)
{
    const struct whose *w = &c->whose;
    if (c->count == 0 || w->ride_count == 0 ||
        str_eq(c->rides[c->count - 1].id, w->rides[w->ride_count - 1]))
        return STR_NONE;
    return c->rides[c->count - 1].id;
}

static void export_run(struct task *t)
{
    struct export *c = (struct export *)t;
    const struct msg_person_export *m = c->call.request;
    struct whose *w = &c->whose;
    TASK_BEGIN(t);
    if (!whose_valid(t, w, m->role, m->id, m->phone))
        TASK_FAIL(t);
    c->is_first = m->after.len == 0;
    AWAIT(t, whose_ask_record(t, w));
    if (!whose_read_record(t, w))
        TASK_FAIL(t);
    AWAIT(t, whose_ask_users(t, w));
    if (t->outcome == DONE)
        AWAIT(t, whose_ask_others(t, w));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    whose_read_others(t, w);
    AWAIT(t, whose_ask_rides(t, w));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    whose_read_rides(t, w);
    choose_rides(c);
    c->next = last_of_page(c);
    AWAIT(t, read_rides(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, ask_all_texts(t, c));
    if (t->outcome == DONE && c->is_first)
        AWAIT(t, ask_phones(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    fill(t, c);
    TASK_END(t);
}

const struct bus_route route_person_export = {
    &type_person_export, sizeof(struct export), export_run};
