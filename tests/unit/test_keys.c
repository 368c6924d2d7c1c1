#include "tests/unit/check.h"

#include "shared/keys.h"
#include "shared/redis_url.h"

static void ride_ids(void **state)
{
    static const struct {
        const char *id;
        bool valid;
    } rows[] = {
        {"17-abcdefghijklmnopqrstuv", true},
        {"00-ABCDEFGHIJ_-0123456789", true},
        {"63-abcdefghijklmnopqrstuv", true},
        {"64-abcdefghijklmnopqrstuv", false},
        {"7-abcdefghijklmnopqrstuvw", false},
        {"17-abcdefghijklmnopqrstu", false},
        {"17-abcdefghijklmnopqrstuvw", false},
        {"17-abcdefghijklmnopqrst:v", false},
        {"17-abcdefghijklmnopqrst{v", false},
        {"1a-abcdefghijklmnopqrstuv", false},
        {"17_abcdefghijklmnopqrstuv", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned partition = 99;
        CHECK(rows[i].id, ride_id_parse(str_of(rows[i].id), &partition, NULL) ==
                              rows[i].valid);
        CHECK(rows[i].id, !rows[i].valid || partition < 64);
    }
}

static void keys_carry_their_tag(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct str claim = STR_NONE;
    unsigned partition = 0;
    struct str id = ride_id(a, 7, STR("abcdefghijklmnopqrstuv"));
    assert_true(ride_id_parse(id, &partition, &claim));
    assert_int_equal(partition, 7);
    assert_true(str_is(claim, "abcdefghijklmnopqrstuv"));
    assert_true(
        str_is(key_ride(a, 7, id), "ride:{7}:07-abcdefghijklmnopqrstuv"));
    assert_true(str_is(key_of_partition(a, "outbox", 63), "outbox:{63}"));
    assert_true(str_is(key_route(a, STR("447700900100"), STR("h")),
                       "route:{7}:447700900100:h"));
    arena_destroy(&a);
}

static void redis_urls(void **state)
{
    static const struct {
        const char *url, *host, *path, *user, *password;
        int port, db;
        bool valid;
    } rows[] = {
        {"redis://127.0.0.1:6390", "127.0.0.1", "", "", "", 6390, 0, true},
        {"redis://cache", "cache", "", "", "", 6379, 0, true},
        {"redis://:pw@cache:1/3", "cache", "", "", "pw", 1, 3, true},
        {"redis://u:p@w@cache", "cache", "", "u", "p@w", 6379, 0, true},
        {"unix:///run/r.sock", "", "/run/r.sock", "", "", 6379, 0, true},
        {"unix://:pw@/r.sock", "", "/r.sock", "", "pw", 6379, 0, true},
        {"unix://r.sock", "", "", "", "", 0, 0, false},
        {"redis://h:0", "", "", "", "", 0, 0, false},
        {"redis://h:x", "", "", "", "", 0, 0, false},
        {"redis://h/16", "", "", "", "", 0, 0, false},
        {"http://h", "", "", "", "", 0, 0, false},
        {"", "", "", "", "", 0, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct redis_url u;
        const char *why = NULL;
        bool valid = redis_url_parse(rows[i].url, &u, &why);
        CHECK(rows[i].url, valid == rows[i].valid);
        CHECK(rows[i].url, valid || why != NULL);
        if (!valid)
            continue;
        CHECK(rows[i].url, strcmp(u.host, rows[i].host) == 0);
        CHECK(rows[i].url, strcmp(u.path, rows[i].path) == 0);
        CHECK(rows[i].url, strcmp(u.user, rows[i].user) == 0);
        CHECK(rows[i].url, strcmp(u.password, rows[i].password) == 0);
        CHECK(rows[i].url, u.port == rows[i].port && u.db == rows[i].db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ride_ids),
        cmocka_unit_test(keys_carry_their_tag),
        cmocka_unit_test(redis_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
