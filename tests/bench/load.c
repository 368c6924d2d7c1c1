/* Writes rides as the daemons would have, as Redis commands to standard output,
 * for `redis-cli --pipe`: a million routes in a minute.
 *
 *   bench_load KEYS_FILE FIRST RIDES PROXIES [past]
 *
 * Live ones; or `past`: what is left of rides that closed in the last weeks.
 * The rides are numbers FIRST to FIRST + RIDES - 1 of the bench's world.
 * tests/bench/run compares what it writes with a ride made by the API. */
#include <msgpack/pack.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pool-svc/pool_keys.h"
#include "ride-svc/person.h"
#include "ride-svc/person_rides.h"
#include "shared/keys.h"
#include "shared/partition.h"
#include "shared/vault.h"
#include "tests/bench/world.h"

static const int64_t hour_ms = 3600000, day_ms = 86400000;

enum { CLAIM_KEPT_S = 172800, CLAIM_MS = 120000, SLACK_MS = 60000 };

static const char pool[] = "default";

/* All that a ride's keys are made of. */
struct making {
    struct arena *arena;
    const struct vault *vault;
    int64_t now_ms;
    struct str claim, id, customer_key, driver_key;
    unsigned partition;
    struct msg_ride_record ride;
};

/* ---- commands ---- */

static void write_words(const struct str *words, size_t count)
{
    (void)printf("*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        (void)printf("$%zu\r\n", words[i].len);
        (void)fwrite(words[i].ptr, 1, words[i].len, stdout);
        (void)fputs("\r\n", stdout);
    }
}

#define WRITE(...)                                                             \
    write_words((const struct str[]){__VA_ARGS__},                             \
                sizeof((const struct str[]){__VA_ARGS__}) /                    \
                    sizeof(struct str))

static struct str number(const struct making *m, int64_t n)
{
    return arena_printf(m->arena, "%lld", (long long)n);
}

static void write_until(const struct making *m, struct str key, int64_t until)
{
    WRITE(STR("PEXPIREAT"), key, number(m, until));
}

/* ---- what ride-svc owns ---- */

static int64_t gone_ms(const struct making *m)
{
    return m->ride.closed + 30 * day_ms;
}

static void write_ride(const struct making *m)
{
    struct arena *a = m->arena;
    WRITE(STR("SET"), key_ride(a, m->partition, m->id),
          record_pack(a, &type_ride_record, &m->ride), STR("PXAT"),
          number(m, gone_ms(m)));
    struct str index = key_of_partition(a, "rides", m->partition);
    WRITE(STR("ZADD"), index, number(m, m->ride.created), m->id);
    write_until(m, index, gone_ms(m));
}

static void write_request(const struct making *m)
{
    struct arena *a = m->arena;
    WRITE(STR("SET"), arena_printf(a, "request:%.*s", STR_ARG(m->claim)),
          arena_printf(a, "%.*s %s", CONTENT_CHARS,
                       vault_hash(m->vault, a, "content", m->id).ptr, pool),
          STR("EX"), number(m, CLAIM_KEPT_S));
}

static void write_route(const struct making *m, const char *role,
                        struct str phone_key, struct str other)
{
    const struct msg_route route = {.ride = m->id,
                                    .role = str_of(role),
                                    .other = other,
                                    .since = m->ride.created,
                                    .until = m->ride.grace,
                                    .closed = m->ride.closed};
    WRITE(STR("SET"), key_route(m->arena, m->ride.proxy, phone_key),
          record_pack(m->arena, &type_route, &route), STR("PXAT"),
          number(m, m->ride.closed + hour_ms));
}

static void write_timeline(const struct making *m)
{
    struct str key = key_timeline(m->arena, m->partition, m->id);
    const struct msg_event events[] = {
        {.at = m->now_ms, .what = STR("ride.created")},
        {.at = m->now_ms,
         .what = STR("text.sent"),
         .role = STR("customer"),
         .reference = STR("c")},
        {.at = m->now_ms,
         .what = STR("text.sent"),
         .role = STR("driver"),
         .reference = STR("d")}};
    WRITE(STR("RPUSH"), key, record_pack(m->arena, &type_event, &events[0]),
          record_pack(m->arena, &type_event, &events[1]),
          record_pack(m->arena, &type_event, &events[2]));
    write_until(m, key, gone_ms(m));
}

static void write_person_ride(const struct making *m, struct str phone_key)
{
    struct str key = key_person_rides(m->arena, phone_key);
    WRITE(STR("ZADD"), key, number(m, m->ride.closed), m->id);
    write_until(m, key, m->ride.closed + 30 * day_ms);
}

/* ---- what pool-svc owns ---- */

static void write_hold(const struct making *m, struct str phone_key)
{
    struct str key = pool_key_held(m->arena, m->ride.pool, phone_key);
    int64_t until = m->ride.closed + SLACK_MS;
    WRITE(STR("ZADD"), key, number(m, until), m->ride.proxy);
    write_until(m, key, until + 30 * day_ms);
}

static int append(void *to, const char *bytes, size_t len)
{
    buffer_add(to, bytes, len);
    return 0;
}

static void write_claim(const struct making *m)
{
    struct arena *a = m->arena;
    struct str uses = pool_key_uses(a, m->ride.pool, m->ride.proxy);
    int64_t until = m->ride.closed + SLACK_MS;
    WRITE(STR("ZADD"), uses, number(m, until), m->claim);
    write_until(m, uses, until);
    struct buffer packed = {0};
    msgpack_packer p;
    msgpack_packer_init(&p, &packed, append);
    (void)msgpack_pack_array(&p, 4);
    (void)msgpack_pack_str_with_body(&p, m->ride.proxy.ptr, m->ride.proxy.len);
    (void)msgpack_pack_int64(&p, m->now_ms + CLAIM_MS);
    (void)msgpack_pack_int64(&p, m->ride.ends);
    (void)msgpack_pack_int64(&p, m->ride.revision);
    WRITE(STR("SET"), pool_key_claim(a, m->ride.pool, m->claim),
          buffer_view(&packed), STR("EX"), number(m, CLAIM_KEPT_S));
    buffer_free(&packed);
}

/* ---- the ride ---- */

/* Long enough ago that only what is kept for its retention is there. */
static int64_t created_ms(int64_t now_ms, uint64_t at, bool past)
{
    return past ? now_ms - (int64_t)(6 + at % 24) * day_ms : now_ms;
}

static void fill(struct making *m, uint64_t at, uint64_t proxies, bool past)
{
    struct arena *a = m->arena;
    const struct vault *v = m->vault;
    struct str customer = world_customer(a, at), driver = world_driver(a, at);
    struct str proxy = world_proxy(a, at, proxies);
    int64_t created = created_ms(m->now_ms, at, past);
    m->partition = partition_of(proxy);
    m->claim = vault_hash(
        v, a, "claim", arena_printf(a, "bench-%llu", (unsigned long long)at));
    m->id = ride_id(a, m->partition, m->claim);
    m->ride = (struct msg_ride_record){
        .customer = (int64_t)at + 1,
        .driver = (int64_t)at + 1,
        .customer_name = STR("Caitlyn Carless"),
        .driver_name = STR("David Driver"),
        .customer_phone = vault_seal(v, a, customer,
                                     meaning_phone(a, m->id, STR("customer"))),
        .driver_phone =
            vault_seal(v, a, driver, meaning_phone(a, m->id, STR("driver"))),
        .customer_key = vault_phone(v, a, customer),
        .driver_key = vault_phone(v, a, driver),
        .start = STR("Damrak 1, Amsterdam"),
        .destination = STR("Stationsplein 9, Haarlem"),
        .datetime = STR("2030-01-31 18:30"),
        .pool = str_of(pool),
        .proxy = proxy,
        .created = created,
        .ends = created + day_ms,
        .grace = created + 2 * day_ms,
        .closed = created + 3 * day_ms,
        .revision = 1};
}

static void write_all(const struct making *m, bool past)
{
    const struct msg_ride_record *ride = &m->ride;
    write_ride(m);
    write_timeline(m);
    write_person_ride(m, ride->customer_key);
    write_person_ride(m, ride->driver_key);
    write_hold(m, ride->customer_key);
    write_hold(m, ride->driver_key);
    if (past)
        return;
    write_request(m);
    write_route(m, "customer", ride->customer_key, ride->driver_phone);
    write_route(m, "driver", ride->driver_key, ride->customer_phone);
    write_claim(m);
}

int main(int argc, char **argv)
{
    int64_t first = 0;
    char why[256];
    bool past = argc == 6 && strcmp(argv[5], "past") == 0;
    if ((argc != 5 && !past) || !str_to_num(str_of(argv[2]), &first) ||
        first < 0) {
        (void)fprintf(stderr,
                      "usage: %s KEYS_FILE FIRST RIDES PROXIES [past]\n",
                      argv[0]);
        return 2;
    }
    uint64_t rides = world_count(argv[3]), proxies = world_count(argv[4]);
    struct vault *vault = vault_new(argv[1], why, sizeof(why));
    if (vault == NULL) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], why);
        return 1;
    }
    for (uint64_t i = (uint64_t)first; i < (uint64_t)first + rides; i++) {
        struct making m = {.arena = arena_new(),
                           .vault = vault,
                           .now_ms = (int64_t)time(NULL) * 1000};
        fill(&m, i, proxies, past);
        write_all(&m, past);
        arena_destroy(&m.arena);
    }
    vault_destroy(&vault);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}
