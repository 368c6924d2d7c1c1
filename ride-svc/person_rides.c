#include "ride-svc/person_rides.h"

#include "shared/script.h"

SCRIPT(person_ride);

static const int64_t PLAN_MS = 3LL * 24 * 3600 * 1000;
static const int64_t SLACK_MS = 3600LL * 1000;

struct str key_person_rides(struct arena *arena, struct str phone)
{
    return arena_printf(arena, "person-rides:%.*s", STR_ARG(phone));
}

/* When a ride that ends then leaves the list. */
static int64_t leaves(const struct service *s,
                      const struct msg_ride_record *ride)
{
    int64_t retention = s->settings.retention_days * DAY_MS;
    return ride->closed == -1 ? ride->grace + retention : ride->closed;
}

static void add(struct service *s, struct task *t, struct str ride_id,
                const struct msg_ride_record *ride, struct str how,
                struct value *out)
{
    int64_t retention = s->settings.retention_days * DAY_MS;
    struct str args[] = {ride_id, arena_number(t->arena, leaves(s, ride)),
                         arena_number(t->arena, retention), how};
    struct str keys[] = {key_person_rides(t->arena, ride->customer_key),
                         key_person_rides(t->arena, ride->driver_key)};
    const struct str phones[] = {ride->customer_key, ride->driver_key};
    for (int i = 0; i < 2; i++)
        if (phones[i].len > 0)
            redis_script(s->redis, t, keys[i], &person_ride, &keys[i], 1, args,
                         4, out);
}

void person_rides_add(struct service *s, struct task *t, struct str ride_id,
                      const struct msg_ride_record *ride, struct value *out)
{
    add(s, t, ride_id, ride, STR("CH"), out);
    if (ride->left.len == 0)
        return;
    struct msg_ride_record was = {.closed = ride->left_until,
                                  .grace = ride->grace,
                                  .customer_key = ride->left,
                                  .driver_key = ride->left};
    add(s, t, ride_id, &was, STR("CH"), out);
}

void person_rides_plan(struct service *s, struct task *t, struct str ride_id,
                       const struct msg_ride_record *ride, int64_t now_ms,
                       struct value *out)
{
    struct msg_ride_record planned = *ride;
    int64_t most = now_ms + PLAN_MS;
    ride_set_end(&planned, &s->settings, ride->ends < most ? ride->ends : most);
    add(s, t, ride_id, &planned, STR("GT"), out);
}

void person_rides_unplan(struct service *s, struct task *t, struct str ride_id,
                         const struct msg_ride_record *ride)
{
    struct str keys[] = {key_person_rides(t->arena, ride->customer_key),
                         key_person_rides(t->arena, ride->driver_key)};
    for (int i = 0; i < 2; i++)
        REDIS_DO(s->redis, t, keys[i], NULL, STR("ZREM"), keys[i], ride_id);
}

bool person_rides_is_long(const struct msg_ride_record *ride, int64_t now_ms)
{
    return ride->ends > now_ms + PLAN_MS - SLACK_MS;
}

void person_rides_count(struct service *s, struct task *t, struct str phone,
                        int64_t now_ms, struct value *out)
{
    struct msg_ride_record ends_now = {0};
    ride_set_end(&ends_now, &s->settings, now_ms);
    struct str key = key_person_rides(t->arena, phone);
    struct str above =
        arena_printf(t->arena, "(%lld", (long long)leaves(s, &ends_now));
    REDIS_DO(s->redis, t, key, out, STR("ZCOUNT"), key, above, STR("+inf"));
}
