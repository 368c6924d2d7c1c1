#include "ride-svc/ride_change.h"

#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(ride_change);

void ride_change_send(struct task *t, struct str id,
                      const struct msg_ride_record *ride,
                      const struct ride_change *how, struct value *out)
{
    struct arena *a = t->arena;
    const struct settings *settings = &service_of(t)->settings;
    unsigned p = partition_of(ride->proxy);
    struct str keys[] = {key_ride(a, p, id),
                         key_route(a, ride->proxy, ride->customer_key),
                         key_route(a, ride->proxy, ride->driver_key),
                         key_of_partition(a, "duties", p),
                         key_timeline(a, p, id),
                         key_of_partition(a, "rides", p),
                         key_of_partition(a, "outbox", p),
                         key_of_partition(a, "waiting", p)};
    const struct told *first = &how->told[0], *second = &how->told[1];
    struct str args[] = {id,
                         str_of(how->act),
                         arena_number(a, how->ends),
                         arena_number(a, settings->grace_ms),
                         arena_number(a, settings->cooldown_ms),
                         arena_number(a, settings->retention_days * DAY_MS),
                         arena_number(a, how->revision),
                         how->next,
                         first->role,
                         first->phone,
                         first->reference,
                         first->text,
                         second->role,
                         second->phone,
                         second->reference,
                         second->text};
    redis_script(service_of(t)->redis, t, partition_tag(p), &ride_change, keys,
                 sizeof(keys) / sizeof(*keys), args,
                 sizeof(args) / sizeof(*args), out);
}
