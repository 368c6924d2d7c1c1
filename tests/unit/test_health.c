#include "tests/unit/check.h"

#include "gateway/health.h"

#define GIB (1LL << 30)

static void test_memory(void **state)
{
    (void)state;
    static const struct {
        const char *label, *info;
        enum room_state room;
        int64_t used, limit;
    } rows[] = {
        {"plenty", "# Memory\r\nused_memory:100\r\nmaxmemory:1000\r\n", ROOM_OK,
         100, 1000},
        {"just below", "used_memory:799\r\nmaxmemory:1000\r\n", ROOM_OK, 799,
         1000},
        {"four fifths", "used_memory:800\r\nmaxmemory:1000\r\n", ROOM_LOW, 800,
         1000},
        {"all but one", "used_memory:999\r\nmaxmemory:1000\r\n", ROOM_LOW, 999,
         1000},
        {"all", "used_memory:1000\r\nmaxmemory:1000\r\n", ROOM_FULL, 1000,
         1000},
        {"more", "used_memory:1100\r\nmaxmemory:1000\r\n", ROOM_FULL, 1100,
         1000},
        {"what does not count",
         "used_memory:1000\r\nmaxmemory:1000\r\n"
         "mem_not_counted_for_evict:300\r\n",
         ROOM_OK, 700, 1000},
        {"no limit", "used_memory:9000000000\r\nmaxmemory:0\r\n", ROOM_OK,
         9000000000, 0},
        {"names that begin alike",
         "used_memory_rss:900\r\nused_memory:100\r\nmaxmemory_human:1K\r\n"
         "maxmemory:1000\r\nmaxmemory_policy:noeviction\r\n",
         ROOM_OK, 100, 1000},
        {"no answer", "", ROOM_UNKNOWN, 0, 0},
        {"an odd one", "used_memory:many\r\nmaxmemory:1000", ROOM_UNKNOWN, 0,
         0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct room r = room_of_memory(str_of(rows[i].info));
        CHECK(rows[i].label, r.state == rows[i].room);
        CHECK(rows[i].label, r.used == rows[i].used);
        CHECK(rows[i].label, r.limit == rows[i].limit);
    }
}

static void test_disk(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        int64_t size, left;
        enum room_state room;
    } rows[] = {
        {"plenty", 100 * GIB, 50 * GIB, ROOM_OK},
        {"a tenth", 100 * GIB, 10 * GIB, ROOM_OK},
        {"less than a tenth", 100 * GIB, 10 * GIB - 1, ROOM_LOW},
        {"a small one", 4 * GIB, GIB, ROOM_OK},
        {"a small one, less than 1 GiB", 4 * GIB, GIB - 1, ROOM_LOW},
        {"nothing", 4 * GIB, 0, ROOM_FULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct room r = room_of_disk(rows[i].size, rows[i].left);
        CHECK(rows[i].label, r.state == rows[i].room);
        CHECK(rows[i].label, r.limit - r.used == rows[i].left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
