#include "ride-svc/replace.h"

#include "shared/partition.h"
#include "shared/script.h"

SCRIPT(ride_change);

void ride_replace(struct task *t, const char *act, struct str id,
                  const struct msg_ride_record *ride, int64_t revision,
                  struct str next, const struct goodbye *goodbye,
                  struct value *out)
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
    struct str args[] = {id,
                         str_of(act),
                         STR("0"),
                         arena_number(a, settings->grace_ms),
                         arena_number(a, settings->cooldown_ms),
                         arena_number(a, settings->retention_days * DAY_MS),
                         arena_number(a, revision),
                         next,
                         goodbye->role,
                         goodbye->phone,
                         goodbye->reference,
                         goodbye->text};
    redis_script(service_of(t)->redis, t, partition_tag(p), &ride_change, keys,
                 8, args, 12, out);
}
