#include "tests/unit/check.h"

#include "shared/partition.h"

#include <stdio.h>

/* The sums are those of the published check value and of Redis's own
 * CLUSTER KEYSLOT: the same CRC, of which 64 divides the slots. */
static void knows_the_crc(void **state)
{
    static const struct {
        const char *digits;
        unsigned crc;
    } rows[] = {
        {"", 0},        {"123456789", 0x31c3}, {"foo", 12182},
        {"hello", 866}, {"bar", 5061},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(rows[i].digits,
              partition_of(str_of(rows[i].digits)) == rows[i].crc % 64);
}

static void takes_any_byte(void **state)
{
    (void)state;
    CHECK("high bytes", partition_of(STR("\xff\xfe\0\x80")) < PARTITIONS);
}

static void spreads(void **state)
{
    unsigned counts[PARTITIONS] = {0};
    (void)state;
    for (int i = 0; i < 6400; i++) {
        char digits[16];
        snprintf(digits, sizeof(digits), "3197%07d", i);
        counts[partition_of(str_of(digits))]++;
    }
    for (size_t i = 0; i < PARTITIONS; i++)
        CHECK("about a hundred each", counts[i] >= 50 && counts[i] <= 150);
}

static void writes_tags(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PARTITIONS; i++) {
        char tag[8];
        snprintf(tag, sizeof(tag), "{%u}", i);
        CHECK(tag, str_is(partition_tag(i), tag));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_crc),
        cmocka_unit_test(takes_any_byte),
        cmocka_unit_test(spreads),
        cmocka_unit_test(writes_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
