#include "ride-svc/party_parts.h"

#include "ride-svc/notice.h"
#include "shared/sms.h"

const char *const party_roles[] = {"customer", "driver"};

/* ---- what is asked ---- */

bool party_valid(struct task *t, struct party *c)
{
    const struct msg_ride_party *m = c->call.request;
    unsigned partition = 0;
    c->wanted[CUSTOMER] = m->customer;
    c->wanted[DRIVER] = m->driver;
    if (!ride_id_parse(m->id, &partition, NULL))
        task_reject(t, PROBLEM_not_found, STR("id"));
    else if (m->customer == 0 && m->driver == 0)
        task_reject(t, PROBLEM_missing, STR("driver"));
    else
        return true;
    return false;
}

struct str party_id(const struct party *c)
{
    return ((const struct msg_ride_party *)c->call.request)->id;
}

void party_read(struct task *t, struct party *c)
{
    struct service *s = service_of(t);
    ride_fetch(s, t, party_id(c), &c->read);
    for (int i = 0; i < ROLES; i++)
        if (c->wanted[i] != 0)
            person_fetch(s, t, party_roles[i], c->wanted[i], &c->people[i]);
}

/* Another person, or the same with another phone. */
bool party_differs(const struct party *c, int role)
{
    const struct msg_ride_record *ride = &c->read.ride;
    bool customer = role == CUSTOMER;
    return c->wanted[role] != 0 &&
           (c->wanted[role] != (customer ? ride->customer : ride->driver) ||
            !str_eq(c->people[role].key,
                    customer ? ride->customer_key : ride->driver_key));
}

struct str party_stayers_key(const struct party *c)
{
    const struct msg_ride_record *ride = &c->read.ride;
    return c->role == CUSTOMER ? ride->driver_key : ride->customer_key;
}

/* False: the task is rejected, or had no answer. */
bool party_read_well(struct task *t, struct party *c)
{
    c->role = ROLES;
    if (t->outcome == DONE && !ride_decode(t, &c->read))
        task_reject(t, PROBLEM_not_found, STR("id"));
    for (int i = 0; i < ROLES && t->outcome == DONE; i++) {
        if (c->wanted[i] != 0 &&
            !person_decode(service_of(t), t, party_roles[i], c->wanted[i],
                           &c->people[i]))
            task_reject(t, PROBLEM_unknown_person, str_of(party_roles[i]));
        else if (party_differs(c, i) && c->role != ROLES)
            task_reject(t, PROBLEM_one_party, str_of(party_roles[i]));
        else if (party_differs(c, i))
            c->role = i;
    }
    if (t->outcome != DONE || c->role == ROLES)
        return t->outcome == DONE;
    if (str_eq(c->people[c->role].key, party_stayers_key(c)))
        task_reject(t, PROBLEM_same_phone, str_of(party_roles[c->role]));
    else if (c->read.ride.next.len == 0 && c->read.now_ms >= c->read.ride.grace)
        task_reject(t, PROBLEM_ride_over, STR("id"));
    return t->outcome == DONE;
}

/* ---- the ride as it will be ---- */

bool party_same_phone(const struct party *c)
{
    const struct msg_ride_record *ride = &c->read.ride;
    return str_eq(c->people[c->role].key,
                  c->role == CUSTOMER ? ride->customer_key : ride->driver_key);
}

void party_fill(struct task *t, struct party *c)
{
    const struct person *who = &c->people[c->role];
    struct str role = str_of(party_roles[c->role]);
    struct str sealed = vault_seal(service_of(t)->vault, t->arena, who->digits,
                                   meaning_phone(t->arena, party_id(c), role));
    struct msg_ride_record *ride = &c->after;
    *ride = c->read.ride;
    if (c->role == CUSTOMER) {
        ride->customer = c->wanted[CUSTOMER];
        ride->customer_name = who->name;
        ride->customer_phone = sealed;
        ride->customer_key = who->key;
    } else {
        ride->driver = c->wanted[DRIVER];
        ride->driver_name = who->name;
        ride->driver_phone = sealed;
        ride->driver_key = who->key;
    }
}

/* ---- the notices ---- */

static void fill_notice(struct task *t, struct party *c, int at,
                        const char *template, char letter)
{
    struct str *notice = c->notices[at];
    notice[0] = notice[1] = STR_NONE;
    if (strcmp(template, "none") == 0 || !ride_can_text(&c->after))
        return;
    struct str text = notice_text(t->arena, template, &c->after);
    notice[0] = arena_printf(t->arena, "%.*s%c%lld", STR_ARG(party_id(c)),
                             letter, (long long)c->read.ride.revision);
    notice[1] = vault_seal(service_of(t)->vault, t->arena, text,
                           meaning_text(t->arena, notice[0]));
    if (sms_parts(text) > SMS_MOST_PARTS)
        task_reject(t, PROBLEM_sms_too_long, str_of(party_roles[c->role]));
}

bool party_fill_notices(struct task *t, struct party *c)
{
    const struct settings *settings = &service_of(t)->settings;
    const struct msg_ride_record *ride = &c->read.ride;
    bool customer = c->role == CUSTOMER;
    /* Who only has another phone neither comes nor leaves. */
    bool stays_who =
        c->wanted[c->role] == (customer ? ride->customer : ride->driver);
    const char *other =
        customer ? settings->new_customer_notice : settings->new_driver_notice;
    struct str own = customer ? c->got.customer_notice : c->got.driver_notice;
    const char *general =
        customer ? settings->customer_notice : settings->driver_notice;
    fill_notice(t, c, COMES, own.len > 0 ? arena_cstr(t->arena, own) : general,
                'n');
    fill_notice(t, c, STAYS, stays_who ? "none" : other, 's');
    fill_notice(t, c, LEAVES, stays_who ? "none" : settings->left_notice, 'l');
    return t->outcome == DONE;
}

/* ---- what comes of it ---- */

bool party_fate_is(const struct party *c, const char *fate)
{
    return str_is(value_str(value_at(&c->changed, 0)), fate);
}

void party_answer(struct task *t, struct party *c, struct str id)
{
    ride_describe(service_of(t), t, id, &c->read.ride, c->read.now_ms,
                  c->call.reply);
    t->outcome = DONE;
    call_answer(&c->call);
}
