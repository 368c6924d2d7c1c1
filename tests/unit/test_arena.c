#include "tests/unit/check.h"

#include <stdlib.h>

#include "shared/arena.h"

static void gives_zeroed_aligned_memory(void **state)
{
    static const size_t sizes[] = {1, 7, 16, 100, 4000, 4096, 5000, 100000};
    (void)state;
    for (int round = 0; round < 3; round++) {
        struct arena *arena = arena_new();
        for (size_t i = 0; i < COUNT(sizes); i++) {
            unsigned char *p = arena_alloc(arena, sizes[i]);
            CHECK("aligned", (uintptr_t)p % _Alignof(max_align_t) == 0);
            for (size_t j = 0; j < sizes[i]; j++)
                CHECK("zero", p[j] == 0);
            memset(p, 0xff, sizes[i]); /* a spare block must not show this */
        }
        arena_destroy(&arena);
        assert_null(arena);
        arena_destroy(&arena);
    }
}

static void copies_end_in_nul(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct str s = arena_copy(arena, STR("abc"));
    assert_string_equal(s.ptr, "abc");
    s = arena_printf(arena, "%d-%s", 7, "x");
    assert_string_equal(s.ptr, "7-x");
    assert_int_equal(s.len, 3);
    assert_string_equal(arena_copy(arena, STR_NONE).ptr, "");
    arena_destroy(&arena);
}

static void buffers_grow(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (int i = 0; i < 20000; i++)
        buffer_printf(&b, "%05d", i);
    assert_int_equal(b.len, 100000);
    assert_memory_equal(b.ptr + 99995, "19999", 5);
    buffer_reset(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.room, 0); /* grown past what it may keep */
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_aligned_memory),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(buffers_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
