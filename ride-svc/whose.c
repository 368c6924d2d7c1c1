#include "ride-svc/whose.h"

#include <stdlib.h>

#include "ride-svc/person.h"
#include "ride-svc/person_rides.h"
#include "ride-svc/person_write.h"
#include "shared/phonebook.h"

bool whose_valid(struct task *t, struct whose *w, struct str role, int64_t id,
                 struct str phone)
{
    enum problem_code why = PROBLEM_invalid;
    w->id = id;
    if (phone.len == 0) {
        w->role = role_of(t, role);
        return w->role != NULL;
    }
    if (phone_parse(phone, &w->phone, &why))
        return true;
    task_reject(t, why, STR("phone"));
    return false;
}

static bool by_phone(const struct whose *w)
{
    return w->role == NULL;
}

void whose_ask_record(struct task *t, struct whose *w)
{
    struct whose_record *record = &w->records[0];
    if (by_phone(w))
        return;
    *record = (struct whose_record){.role = w->role, .id = w->id};
    person_fetch(service_of(t), t, w->role, w->id, &record->person);
}

static void add_phone(struct whose *w, struct str hash)
{
    for (size_t i = 0; i < w->phone_count; i++)
        if (str_eq(w->phones[i], hash))
            return;
    if (hash.len > 0 && w->phone_count < WHOSE_PHONES)
        w->phones[w->phone_count++] = hash;
}

void whose_add_phones(struct whose *w, const struct person *person)
{
    struct str before = person->before;
    add_phone(w, person->key);
    while (before.len > 0)
        add_phone(w, str_cut(&before, ' '));
}

bool whose_read_record(struct task *t, struct whose *w)
{
    struct service *s = service_of(t);
    struct whose_record *record = &w->records[0];
    if (t->outcome != DONE)
        return false;
    if (by_phone(w)) {
        add_phone(w, vault_phone(s->vault, t->arena, phone_str(&w->phone)));
        return true;
    }
    if (!person_decode(s, t, w->role, w->id, &record->person)) {
        task_reject(t, PROBLEM_not_found, STR("id"));
        return false;
    }
    w->record_count = 1;
    whose_add_phones(w, &record->person);
    return true;
}

void whose_ask_users(struct task *t, struct whose *w)
{
    phonebook_users(service_of(t)->redis, t, w->phones[0], &w->users);
}

static bool is_asked_about(const struct whose *w, const char *role, int64_t id)
{
    return w->role != NULL && strcmp(w->role, role) == 0 && w->id == id;
}

void whose_ask_others(struct task *t, struct whose *w)
{
    static const char *const roles[] = {"customer", "driver"};
    for (size_t i = 0; i < w->users.count; i++) {
        struct str member = value_str(value_at(&w->users, i));
        for (int n = 0; n < 2 && w->other_count < WHOSE_PEOPLE; n++) {
            struct whose_record *other = &w->others[w->other_count];
            int64_t id = 0;
            if (!person_of_member(member, roles[n], &id) ||
                is_asked_about(w, roles[n], id))
                continue;
            *other = (struct whose_record){.role = roles[n], .id = id};
            person_fetch(service_of(t), t, roles[n], id, &other->person);
            w->other_count++;
        }
    }
}

/* One that has another phone by now is somebody else. */
void whose_read_others(struct task *t, struct whose *w)
{
    size_t count = w->other_count;
    w->other_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct whose_record *other = &w->others[i];
        if (!person_decode(service_of(t), t, other->role, other->id,
                           &other->person) ||
            !str_eq(other->person.key, w->phones[0]))
            continue;
        if (by_phone(w))
            w->records[w->record_count++] = *other;
        else
            w->others[w->other_count++] = *other;
    }
}

void whose_ask_rides(struct task *t, struct whose *w)
{
    for (size_t i = 0; i < w->phone_count; i++) {
        struct str key = key_person_rides(t->arena, w->phones[i]);
        REDIS_DO(service_of(t)->redis, t, key, &w->found[i], STR("ZRANGE"), key,
                 STR("0"), arena_number(t->arena, WHOSE_RIDES - 1),
                 STR("REV")); /* those that connect stand last in it */
    }
}

static int by_id(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

void whose_read_rides(struct task *t, struct whose *w)
{
    size_t most = 0, count = 0;
    unsigned partition = 0;
    for (size_t i = 0; i < w->phone_count; i++)
        most += w->found[i].count;
    w->rides = arena_alloc(t->arena, most * sizeof(*w->rides) + 1);
    for (size_t i = 0; i < w->phone_count; i++)
        for (size_t n = 0; n < w->found[i].count; n++) {
            struct str id = value_str(value_at(&w->found[i], n));
            if (ride_id_parse(id, &partition, NULL))
                w->rides[count++] = id;
        }
    if (count > 0)
        qsort(w->rides, count, sizeof(*w->rides), by_id);
    w->ride_count = 0;
    for (size_t i = 0; i < count; i++)
        if (w->ride_count == 0 ||
            !str_eq(w->rides[w->ride_count - 1], w->rides[i]))
            w->rides[w->ride_count++] = w->rides[i];
}

static bool has_phone(const struct whose *w, struct str hash)
{
    for (size_t i = 0; i < w->phone_count; i++)
        if (str_eq(w->phones[i], hash))
            return true;
    return false;
}

struct str whose_phone_in(const struct whose *w,
                          const struct msg_ride_record *ride)
{
    if (ride->customer_key.len > 0 && has_phone(w, ride->customer_key))
        return ride->customer_key;
    if (ride->driver_key.len > 0 && has_phone(w, ride->driver_key))
        return ride->driver_key;
    /* Who left it longer ago than the last one has a route yet, at most. */
    return ride->left.len > 0 && has_phone(w, ride->left) ? ride->left
                                                          : w->phones[0];
}

bool whose_ride(const struct whose *w, const struct msg_ride_record *ride)
{
    if (by_phone(w))
        return true;
    if (ride->customer_key.len > 0 && has_phone(w, ride->customer_key))
        return is_asked_about(w, "customer", ride->customer);
    if (ride->driver_key.len > 0 && has_phone(w, ride->driver_key))
        return is_asked_about(w, "driver", ride->driver);
    return true;
}

bool whose_made(const struct whose *w, const struct msg_ride_record *ride)
{
    for (size_t i = 0; i < w->record_count; i++) {
        const struct whose_record *x = &w->records[i];
        bool customer = strcmp(x->role, "customer") == 0;
        if ((customer ? ride->customer : ride->driver) == x->id)
            return true;
    }
    return false;
}

struct list whose_also(struct arena *arena, const struct whose *w)
{
    struct list also = {
        .items = arena_alloc(arena, w->other_count * sizeof(struct str) + 1)};
    for (size_t i = 0; i < w->other_count; i++)
        also.items[also.count++] = arena_printf(
            arena, "%s %lld", w->others[i].role, (long long)w->others[i].id);
    return also;
}
