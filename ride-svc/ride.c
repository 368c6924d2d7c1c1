#include "ride-svc/ride.h"

#include "shared/log.h"
#include "shared/phone.h"
#include "shared/timestamp.h"

void ride_fetch(struct service *s, struct task *t, struct str id,
                struct ride_read *out)
{
    ride_fetch_packed(s, t, id, out);
    REDIS_DO(s->redis, t, id, &out->time, STR("TIME"));
}

void ride_fetch_packed(struct service *s, struct task *t, struct str id,
                       struct ride_read *out)
{
    unsigned partition = 0;
    (void)ride_id_parse(id, &partition, NULL);
    struct str key = key_ride(t->arena, partition, id);
    REDIS_DO(s->redis, t, key, &out->packed, STR("GET"), key);
}

bool ride_decode(struct task *t, struct ride_read *read)
{
    if (read->time.kind == VALUE_LIST)
        read->now_ms = redis_time_ms(&read->time);
    if (read->packed.kind != VALUE_STR)
        return false;
    if (record_decode(&type_ride_record, read->packed.str, t->arena,
                      &read->ride))
        return true;
    log_event(LEVEL_ERROR, "ride.unreadable", t->trace, "bytes=%zu",
              read->packed.str.len);
    return false;
}

static struct str state_of(const struct msg_ride_record *ride, int64_t now_ms)
{
    if (now_ms < ride->ends)
        return STR("live");
    return now_ms < ride->grace ? STR("grace") : STR("closed");
}

static struct str masked(const struct service *s, struct task *t,
                         struct str sealed, struct str id, const char *role)
{
    struct str digits = STR_NONE;
    (void)vault_unseal(s->vault, t->arena, sealed,
                       meaning_phone(t->arena, id, str_of(role)), &digits);
    return phone_masked(t->arena, digits);
}

void ride_describe(const struct service *s, struct task *t, struct str id,
                   const struct msg_ride_record *ride, int64_t now_ms,
                   struct msg_ride *out)
{
    *out = (struct msg_ride){
        .id = id,
        .state = state_of(ride, now_ms),
        .customer = ride->customer,
        .driver = ride->driver,
        .customer_name = ride->customer_name,
        .driver_name = ride->driver_name,
        .customer_phone = masked(s, t, ride->customer_phone, id, "customer"),
        .driver_phone = masked(s, t, ride->driver_phone, id, "driver"),
        .start = ride->start,
        .destination = ride->destination,
        .datetime = ride->datetime,
        .pool = ride->pool,
        .proxy = ride->proxy,
        .created = ride->created,
        .ends = ride->ends,
        .grace = ride->grace,
        .closed = ride->closed,
        .channels = ride->channels,
        .next = ride->next};
}

bool ride_end_valid(int64_t ends, int64_t now_ms)
{
    return ends <= now_ms + MOST_AHEAD_MS || ends == NO_END_MS;
}

void ride_set_end(struct msg_ride_record *ride, const struct settings *settings,
                  int64_t ends)
{
    ride->ends = ends;
    ride->grace = ends + settings->grace_ms;
    ride->closed =
        settings->cooldown_ms == -1 ? -1 : ride->grace + settings->cooldown_ms;
}

bool ride_can_text(const struct msg_ride_record *ride)
{
    return !str_is(ride->can, "voice");
}

struct msg_hold_set ride_hold(struct str id, const struct msg_ride_record *ride,
                              int64_t now_ms)
{
    unsigned partition = 0;
    struct msg_hold_set m = {.pool = ride->pool,
                             .number = ride->proxy,
                             .customer = ride->customer_key,
                             .driver = ride->driver_key,
                             .revision = ride->revision,
                             .until = ride->closed + HOLD_SLACK_MS,
                             .grace = ride->grace,
                             .left = ride->left,
                             .left_until = ride->left_until};
    (void)ride_id_parse(id, &partition, &m.claim);
    if (ride->left_until > 0)
        m.left_until += HOLD_SLACK_MS;
    if (ride->closed == -1)
        m.until = -1;
    else if (ride->closed <= now_ms)
        m.until = 0;
    return m;
}

bool key_valid(struct task *t, struct str key)
{
    if (key.len > 0)
        return true;
    task_reject(t, PROBLEM_missing, STR("key"));
    return false;
}

void poke(struct service *s, const struct value *lease, unsigned partition)
{
    struct str rest = value_str(lease);
    struct str instance = str_cut(&rest, ' ');
    struct msg_poke m = {.partition = partition};
    if (instance.len > 0)
        bus_tell(s->client, "notifier", instance, &type_poke, &m);
}
