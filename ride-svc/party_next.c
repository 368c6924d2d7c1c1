/* Another ride goes on in place of one whose number is not free for who comes.
 */
#include "ride-svc/party_parts.h"

#include "ride-svc/person_rides.h"
#include "ride-svc/ride_change.h"
#include "shared/fault.h"

/* The same change comes to the same ride. */
static void make_next(struct task *t, struct party *c)
{
    const struct msg_ride_record *ride = &c->read.ride;
    struct list channels = {NULL, 0};
    /* What came with the pool alone, another pool decides anew. */
    if (ride->channels.len > 0 && !ride->implied) {
        channels.items = arena_alloc(t->arena, sizeof(*channels.items));
        channels.items[channels.count++] = ride->channels;
    }
    c->next = (struct msg_ride_create){
        /* No client's key has a line's end. */
        .key = arena_printf(t->arena, "\nnext %.*s %s %.*s %lld",
                            STR_ARG(party_id(c)), party_roles[c->role],
                            STR_ARG(c->people[c->role].key),
                            (long long)ride->revision),
        .customer = c->role == CUSTOMER ? c->wanted[CUSTOMER] : ride->customer,
        .driver = c->role == DRIVER ? c->wanted[DRIVER] : ride->driver,
        .start = ride->start,
        .destination = ride->destination,
        .datetime = ride->datetime,
        .ends = ride->ends,
        .pool = c->role == DRIVER ? ride->pool : STR_NONE,
        .channels = channels};
    create_begin(service_of(t), t, &c->next, party_id(c), ride->revision,
                 &c->next_id);
}

static void send_over(struct task *t, struct party *c)
{
    const struct msg_ride_record *ride = &c->read.ride;
    const struct ride_change how = {
        .act = "replace",
        .revision = ride->revision,
        .next = c->next_id,
        .told = {{.role = str_of(party_roles[c->role]),
                  .phone = c->role == CUSTOMER ? ride->customer_phone
                                               : ride->driver_phone,
                  .reference = c->notices[LEAVES][0],
                  .text = c->notices[LEAVES][1]}}};
    ride_change_send(t, party_id(c), ride, &how, &c->changed);
}

/* True: it is over by now, whoever did it; `read` is the ride as it is then. */
static bool was_replaced(struct task *t, struct party *c)
{
    if (t->outcome != DONE)
        return false;
    c->read.packed = *value_at(&c->changed, 1);
    bool there = ride_decode(t, &c->read);
    c->read.now_ms = value_num(value_at(&c->changed, 2), c->read.now_ms);
    if (there && !party_fate_is(c, "changed"))
        return true;
    /* The repeat replaces it as it is then, by another one; the duty of this
     * one takes it back. */
    task_reject(t, PROBLEM_busy, STR("id"));
    return false;
}

/* The other one was made for nothing: this one was ended, or changed otherwise,
 * meanwhile. Its hold is a duty. */
static bool made_for_nothing(const struct task *t, const struct party *c)
{
    return t->outcome == DONE && !str_eq(c->read.ride.next, c->next_id);
}

static void take_back(struct task *t, struct party *c)
{
    static const struct ride_change how = {.act = "cancel"};
    if (t->outcome == DONE && ride_decode(t, &c->other))
        ride_change_send(t, c->next_id, &c->other.ride, &how, &c->changed);
}

/* The other ride is there before this one is over; it knows which one it
 * replaces, so that after a crash in between its duty does the rest. */
void party_replace(struct task *t)
{
    struct party *c = (struct party *)t;
    struct service *s = service_of(t);
    TASK_BEGIN(t);
    if (c->read.now_ms >= c->read.ride.ends) {
        task_reject(t, PROBLEM_no_number, STR_NONE);
        TASK_FAIL(t);
    }
    party_fill(t, c);
    if (!party_fill_notices(t, c))
        TASK_FAIL(t);
    AWAIT(t, make_next(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    FAULT("party.replaced");
    AWAIT(t, send_over(t, c));
    if (!was_replaced(t, c))
        TASK_FAIL(t);
    if (made_for_nothing(t, c)) {
        AWAIT(t, ride_fetch(s, t, c->next_id, &c->other));
        AWAIT(t, take_back(t, c));
        if (t->outcome == DONE)
            task_reject(t, PROBLEM_ride_over, STR("id"));
        TASK_FAIL(t);
    }
    AWAIT(t,
          hold_ask(s, t, party_id(c), &c->read.ride, c->read.now_ms, &c->sync));
    if (t->outcome == DONE)
        AWAIT(t, person_rides_add(s, t, party_id(c), &c->read.ride, &c->kept));
    if (t->outcome == DONE)
        AWAIT(t, hold_settled(s, t, party_id(c), &c->read.ride, &c->sync));
    AWAIT(t, ride_fetch(s, t, c->next_id, &c->read));
    if (t->outcome == DONE && !ride_decode(t, &c->read))
        task_reject(t, PROBLEM_ride_over, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    party_answer(t, c, c->next_id);
    TASK_END(t);
}

/* The change was made before, by another ride in its place? Then that is the
 * answer, as long as it is what is asked for. */
void party_follow(struct task *t)
{
    struct party *c = (struct party *)t;
    TASK_BEGIN(t);
    c->next_id = c->read.ride.next;
    AWAIT(t, ride_fetch(service_of(t), t, c->next_id, &c->read));
    if (t->outcome == DONE &&
        (!ride_decode(t, &c->read) || party_differs(c, CUSTOMER) ||
         party_differs(c, DRIVER)))
        task_reject(t, PROBLEM_ride_over, STR("id"));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    party_answer(t, c, c->next_id);
    TASK_END(t);
}
