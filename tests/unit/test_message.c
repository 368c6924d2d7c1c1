#include "tests/unit/check.h"

#include <stdlib.h>

#include "shared/message.h"
#include "shared/msgpack.h"

struct fixture {
    struct arena *arena;
    struct buffer bytes;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    f->arena = arena_new();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_destroy(&f->arena);
    buffer_free(&f->bytes);
    free(f);
    return 0;
}

static bool decode(struct fixture *f, const struct message_type *type,
                   struct str bytes, void *out, const char **fault,
                   bool *missing)
{
    return message_decode(type, bytes, f->arena, out, fault, missing);
}

static void comes_back_whole(void **state)
{
    struct fixture *f = *state;
    struct str prefixes[] = {STR("31"), STR("1416")};
    struct msg_pool pool = {
        .name = STR("NL"), .prefixes = {prefixes, 2}, .numbers = -7};
    struct msg_pool back;
    const char *fault = NULL;
    bool missing = false;
    message_encode(&type_pool, &pool, &f->bytes);
    assert_true(
        decode(f, &type_pool, buffer_view(&f->bytes), &back, &fault, &missing));
    assert_true(str_is(back.name, "NL"));
    assert_int_equal(back.prefixes.count, 2);
    assert_true(str_is(back.prefixes.items[1], "1416"));
    assert_int_equal(back.numbers, -7);
}

static void keeps_numbers(void **state)
{
    static const int64_t numbers[] = {
        0,   1,     -1,        127,         128,       -32,      -33,
        255, 65536, INT32_MAX, -2147483648, INT64_MAX, INT64_MIN};
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct msg_poke poke = {.partition = numbers[i]}, back;
        const char *fault = NULL;
        bool missing = false;
        buffer_reset(&f->bytes);
        message_encode(&type_poke, &poke, &f->bytes);
        CHECK("number", decode(f, &type_poke, buffer_view(&f->bytes), &back,
                               &fault, &missing) &&
                            back.partition == numbers[i]);
    }
}

/* POKE wants one number, `partition`. */
static void refuses(void **state)
{
    static const struct {
        const char *label, *bytes;
        size_t len;
        const char *fault;
        bool missing;
    } rows[] = {
#define BYTES(literal) literal, sizeof(literal) - 1
        {"nothing", BYTES(""), "body", false},
        {"not a map", BYTES("\x90"), "body", false},
        {"an empty map", BYTES("\x80"), "partition", true},
        {"a short map", BYTES("\x81\xa9partition"), "partition", false},
        {"a mistyped field", BYTES("\x81\xa9partition\xa1x"), "partition",
         false},
        {"a fraction", BYTES("\x81\xa9partition\xca\x3f\x80\x00\x00"),
         "partition", false},
        {"nil", BYTES("\x81\xa9partition\xc0"), "partition", false},
        {"beyond int64",
         BYTES("\x81\xa9partition\xcf\xff\xff\xff\xff\xff\xff"
               "\xff\xff"),
         "partition", false},
        {"trailing bytes", BYTES("\x81\xa9partition\x01\x00"), "body", false},
        {"a name that is no string", BYTES("\x81\x01\x01"), "body", false},
        {"too many pairs", BYTES("\xde\xff\xff"), "body", false},
        {"a huge map", BYTES("\xdf\xff\xff\xff\xff"), "body", false},
        {"an unknown one that lies about its size",
         BYTES("\x82\xa1x\xdd\xff\xff\xff\xff\xa9partition\x01"), "body",
         false},
        {"nested too deep",
         BYTES("\x82\xa1x\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01"
               "\xa9partition\x01"),
         "body", false},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct msg_poke back;
        const char *fault = NULL;
        bool missing = false;
        struct str bytes = {rows[i].bytes, rows[i].len};
        CHECK(rows[i].label,
              !decode(f, &type_poke, bytes, &back, &fault, &missing));
        CHECK(rows[i].label, strcmp(fault, rows[i].fault) == 0);
        CHECK(rows[i].label, missing == rows[i].missing);
    }
}

static void skips_what_it_does_not_know(void **state)
{
    static const struct {
        const char *label, *value;
        size_t len;
    } rows[] = {
        {"nil", BYTES("\xc0")},
        {"a fraction", BYTES("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00")},
        {"bytes", BYTES("\xc4\x02\x00\xff")},
        {"an extension", BYTES("\xc7\x01\x05z")},
        {"a fixed extension", BYTES("\xd4\x05z")},
        {"a map in a list", BYTES("\x92\x81\xa1k\x01\xa1v")},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct msg_poke back = {0};
        const char *fault = NULL;
        bool missing = false;
        buffer_reset(&f->bytes);
        buffer_add(&f->bytes, "\x82\xa3new", 5);
        buffer_add(&f->bytes, rows[i].value, rows[i].len);
        buffer_add(&f->bytes, "\xa9partition\x11", 11);
        CHECK(rows[i].label, decode(f, &type_poke, buffer_view(&f->bytes),
                                    &back, &fault, &missing));
        CHECK(rows[i].label, back.partition == 17);
    }
}

static void bounds_lists(void **state)
{
    struct fixture *f = *state;
    struct msg_pools back;
    const char *fault = NULL;
    bool missing = false;
    /* A count that the bytes cannot hold. */
    assert_false(decode(f, &type_pools,
                        (struct str){BYTES("\x81\xa5pools\xdc\x03\xff\xc4")},
                        &back, &fault, &missing));
    assert_string_equal(fault, "pools");
    assert_false(
        decode(f, &type_pools,
               (struct str){BYTES("\x81\xa5pools\xdd\x7f\xff\xff\xff")}, &back,
               &fault, &missing));
}

static void optional_fields_may_be_missing(void **state)
{
    struct fixture *f = *state;
    struct msg_number_add back;
    const char *fault = NULL;
    bool missing = false;
    assert_true(decode(f, &type_number_add,
                       (struct str){BYTES("\x81\xa5phone\xa1x")}, &back, &fault,
                       &missing));
    assert_int_equal(back.pool.len, 0);
}

static void records_have_no_names(void **state)
{
    struct fixture *f = *state;
    struct msg_event event = {.at = 5, .what = STR("call"), .role = STR("x")};
    struct msg_event back;
    struct str packed = record_pack(f->arena, &type_event, &event);
    assert_true(memmem(packed.ptr, packed.len, "what", 4) == NULL);
    assert_true(record_decode(&type_event, packed, f->arena, &back));
    assert_true(str_is(back.what, "call") && str_is(back.role, "x"));
    /* What is empty at its end is left out. */
    assert_true(str_eq(packed, (struct str){BYTES("\x93\x05\xa4"
                                                  "call\xa1x")}));
    /* An older record ends earlier; a newer one has more. */
    assert_true(record_decode(&type_event,
                              (struct str){BYTES("\x92\x05\xa4"
                                                 "call")},
                              f->arena, &back));
    assert_true(record_decode(&type_event,
                              (struct str){BYTES("\x96\x05\xa4"
                                                 "call\xa0\xa0\xa0\x91\x01")},
                              f->arena, &back));
    assert_false(record_decode(&type_event, (struct str){BYTES("\x91\x05")},
                               f->arena, &back));
}

static void finds_types_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(message_find(STR("RIDE_CREATE")), &type_ride_create);
    assert_null(message_find(STR("RIDE_CREAT")));
    assert_null(message_find(STR_NONE));
}

/* Cut anywhere, a message is refused and nothing is read behind its end. */
static void every_cut_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str pools[] = {STR("a"), STR("b")};
    struct msg_pools m = {.pools = {pools, 2}}, back;
    const char *fault = NULL;
    bool missing = false;
    struct str whole = message_pack(f->arena, &type_pools, &m);
    for (size_t len = 0; len < whole.len; len++) {
        char *copy = xmalloc(len);
        memcpy(copy, whole.ptr, len);
        CHECK("cut", !decode(f, &type_pools, (struct str){copy, len}, &back,
                             &fault, &missing));
        free(copy);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(comes_back_whole),
        TEST(keeps_numbers),
        TEST(refuses),
        TEST(skips_what_it_does_not_know),
        TEST(bounds_lists),
        TEST(optional_fields_may_be_missing),
        TEST(records_have_no_names),
        TEST(finds_types_by_name),
        TEST(every_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
