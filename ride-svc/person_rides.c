#include "ride-svc/person_rides.h"

#include "shared/script.h"

SCRIPT(person_ride);

struct str key_person_rides(struct arena *arena, struct str phone)
{
    return arena_printf(arena, "person-rides:%.*s", STR_ARG(phone));
}

void person_rides_add(struct service *s, struct task *t, struct str ride_id,
                      const struct msg_ride_record *ride, struct value *out)
{
    int64_t retention = s->settings.retention_days * DAY_MS;
    struct msg_ride_record planned = *ride;
    ride_set_end(&planned, &s->settings, ride->ends);
    int64_t closed =
        planned.closed == -1 ? planned.grace + retention : planned.closed;
    struct str args[] = {ride_id, arena_number(t->arena, closed),
                         arena_number(t->arena, retention)};
    struct str keys[] = {key_person_rides(t->arena, ride->customer_key),
                         key_person_rides(t->arena, ride->driver_key)};
    for (int i = 0; i < 2; i++)
        redis_script(s->redis, t, keys[i], &person_ride, &keys[i], 1, args, 3,
                     out);
}
