/* What the fuzzers share: one input, one arena. A property that does not hold
 * ends the process, as a fault of memory does. */
#ifndef BIRDCAR_TESTS_FUZZ_H
#define BIRDCAR_TESTS_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "shared/arena.h"

#define FUZZ(arena, input)                                                     \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);              \
    static void fuzz(struct arena *arena, struct str input);                   \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)               \
    {                                                                          \
        struct arena *a = arena_new();                                         \
        fuzz(a, (struct str){(const char *)data, size});                       \
        arena_destroy(&a);                                                     \
        return 0;                                                              \
    }                                                                          \
    static void fuzz(struct arena *arena, struct str input)

#define HOLDS(what)                                                            \
    do {                                                                       \
        if (!(what))                                                           \
            abort();                                                           \
    } while (0)

#endif
