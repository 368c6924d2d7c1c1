#include "ride-svc/why.h"

#include "ride-svc/people.h"
#include "ride-svc/ride.h"
#include "shared/phone.h"

enum { REASONS_MOST = 200 };

struct why {
    struct call call;
    struct ride_read read;
    struct person customer, driver;
    struct msg_pool_choose chooser;
    struct msg_pool_chosen chosen;
    struct msg_number_why ask;
    struct msg_number_reasons got;
};

/* ---- who: the two of a ride, or two that are named ---- */

static bool question_valid(struct task *t, const struct msg_ride_why *m)
{
    unsigned partition = 0;
    if (m->id.len > 0 && !ride_id_parse(m->id, &partition, NULL))
        task_reject(t, PROBLEM_not_found, STR("id"));
    return t->outcome == DONE;
}

static void read_pair(struct task *t, struct why *c)
{
    const struct msg_ride_why *m = c->call.request;
    struct service *s = service_of(t);
    if (m->id.len > 0) {
        ride_fetch(s, t, m->id, &c->read);
        return;
    }
    person_fetch(s, t, "customer", m->customer, &c->customer);
    person_fetch(s, t, "driver", m->driver, &c->driver);
}

/* As they were when the ride was made. */
static void take_ride(struct task *t, struct why *c)
{
    const struct msg_ride_why *m = c->call.request;
    struct msg_ride_reasons *reply = c->call.reply;
    struct msg_ride ride;
    ride_describe(service_of(t), t, m->id, &c->read.ride, c->read.now_ms,
                  &ride);
    reply->id = m->id;
    reply->proxy = ride.proxy;
    reply->customer = ride.customer;
    reply->driver = ride.driver;
    reply->customer_name = ride.customer_name;
    reply->driver_name = ride.driver_name;
    reply->customer_phone = ride.customer_phone;
    reply->driver_phone = ride.driver_phone;
    c->ask.customer = c->read.ride.customer_key;
    c->ask.driver = c->read.ride.driver_key;
    c->ask.pool = ride.pool;
}

static void take_people(struct task *t, struct why *c)
{
    const struct msg_ride_why *m = c->call.request;
    struct msg_ride_reasons *reply = c->call.reply;
    reply->customer = m->customer;
    reply->driver = m->driver;
    reply->customer_name = c->customer.name;
    reply->driver_name = c->driver.name;
    reply->customer_phone = phone_masked(t->arena, c->customer.digits);
    reply->driver_phone = phone_masked(t->arena, c->driver.digits);
    c->ask.customer = c->customer.key;
    c->ask.driver = c->driver.key;
    c->ask.pool = m->pool;
}

static bool pair_found(struct task *t, struct why *c)
{
    const struct msg_ride_why *m = c->call.request;
    struct service *s = service_of(t);
    if (t->outcome != DONE)
        return false;
    if (m->id.len > 0) {
        if (ride_decode(t, &c->read))
            take_ride(t, c);
        else
            task_reject(t, PROBLEM_not_found, STR("id"));
        /* Who was erased gets no number. */
        if (t->outcome == DONE &&
            (c->ask.customer.len == 0 || c->ask.driver.len == 0))
            task_reject(t, PROBLEM_person_removed, STR("id"));
    } else if (!person_decode(s, t, "customer", m->customer, &c->customer)) {
        task_reject(t, PROBLEM_unknown_person, STR("customer"));
    } else if (!person_decode(s, t, "driver", m->driver, &c->driver)) {
        task_reject(t, PROBLEM_unknown_person, STR("driver"));
    } else if (str_eq(c->customer.key, c->driver.key)) {
        task_reject(t, PROBLEM_same_phone, STR("driver"));
    } else {
        take_people(t, c);
    }
    return t->outcome == DONE;
}

/* ---- which number ---- */

static void choose_pool(struct task *t, struct why *c)
{
    c->chosen.pool = c->ask.pool;
    c->chooser.phone = c->customer.digits;
    if (c->ask.pool.len == 0)
        bus_ask(service_of(t)->client, t, "pool-svc", &type_pool_choose,
                &c->chooser, &c->chosen);
}

/* That no pool serves the customer is an answer, too. */
static bool is_without_pool(const struct task *t)
{
    return t->outcome == REJECT && t->problem.code == PROBLEM_no_number;
}

static void ask_why(struct task *t, struct why *c)
{
    c->ask.pool = c->chosen.pool;
    c->ask.limit = REASONS_MOST;
    bus_ask(service_of(t)->client, t, "pool-svc", &type_number_why, &c->ask,
            &c->got);
}

static void fill_reasons(struct why *c)
{
    struct msg_ride_reasons *reply = c->call.reply;
    reply->pool = c->chosen.pool;
    reply->now = c->got.now;
    reply->number = c->got.number;
    reply->next_free = c->got.next_free;
    reply->numbers = c->got.numbers;
    reply->left_out = c->got.left_out;
    reply->more = c->got.more;
}

static void why_run(struct task *t)
{
    struct why *c = (struct why *)t;
    TASK_BEGIN(t);
    if (!question_valid(t, c->call.request))
        TASK_FAIL(t);
    AWAIT(t, read_pair(t, c));
    if (!pair_found(t, c))
        TASK_FAIL(t);
    AWAIT(t, choose_pool(t, c));
    if (!is_without_pool(t)) {
        if (t->outcome == DONE)
            AWAIT(t, ask_why(t, c));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        fill_reasons(c);
    }
    TASK_END(t);
}

const struct bus_route route_ride_why = {&type_ride_why, sizeof(struct why),
                                         why_run};
