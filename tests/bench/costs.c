/* What the secrets of one call or text cost, in process, as a line of JSON:
 * microseconds each.
 *
 *   bench_costs KEYS    the vault's file of keys */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/signature.h"
#include "shared/vault.h"
#include "tests/bench/sign.h"

enum { ROUNDS = 200000 };

#define KEY STR("bench-signing-key-0123456789abcdef")
#define URL STR("http://127.0.0.1:4567/webhook-voice?source=1&destination=2")
#define MEANING STR("17-0123456789abcdef0123456789abcdef")

/* What is tried, prepared once. */
struct things {
    struct vault *vault;
    struct str phone, sealed, text, token;
};

static bool unseal(const struct things *t, struct arena *arena)
{
    struct str plain;
    return vault_unseal(t->vault, arena, t->sealed, MEANING, &plain);
}

static bool seal(const struct things *t, struct arena *arena)
{
    return vault_seal(t->vault, arena, t->text, MEANING).len > 0;
}

static bool look_up(const struct things *t, struct arena *arena)
{
    return vault_phone(t->vault, arena, t->phone).len > 0;
}

static bool check(const struct things *t, struct arena *arena)
{
    struct signature_claims claims;
    return signature_check(arena, t->token, KEY, URL, STR_NONE,
                           (int64_t)time(NULL) * 1000, &claims) == SIGNATURE_OK;
}

static double now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double cost(bool (*act)(const struct things *t, struct arena *arena),
                   const struct things *t)
{
    double begins = now_us();
    for (int i = 0; i < ROUNDS; i++) {
        struct arena *arena = arena_new();
        if (!act(t, arena))
            abort();
        arena_destroy(&arena);
    }
    return (now_us() - begins) / ROUNDS;
}

int main(int argc, char **argv)
{
    char why[256] = "";
    struct arena *arena = arena_new();
    struct things t = {.phone = STR("447700900101"),
                       .text = STR("I am at the corner, in a blue coat.")};
    t.vault = argc == 2 ? vault_new(argv[1], why, sizeof(why)) : NULL;
    if (t.vault == NULL) {
        (void)fprintf(stderr, "bench_costs KEYS: %s\n", why);
        return 1;
    }
    t.sealed = vault_seal(t.vault, arena, t.phone, MEANING);
    t.token = sign(arena, KEY, URL, STR_NONE, STR("costs"));
    (void)printf("{\"signature\": %.2f, \"hash\": %.2f, \"seal\": %.2f, "
                 "\"unseal\": %.2f}\n",
                 cost(check, &t), cost(look_up, &t), cost(seal, &t),
                 cost(unseal, &t));
    arena_destroy(&arena);
    vault_destroy(&t.vault);
    return 0;
}
