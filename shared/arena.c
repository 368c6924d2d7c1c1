#include "shared/arena.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_BLOCK = 4096,
    MOST_SPARE = 256,        /* first blocks kept for the next requests */
    BUFFER_KEEPS = 64 * 1024 /* what a reset buffer may keep */
};

struct block {
    struct block *next;
    size_t used, room;
    max_align_t bytes[];
};

struct arena {
    struct block *newest;
};

/* One thread a process runs tasks, so the list needs no lock. */
static struct block *spare;
static unsigned spares;

static void *out_of_memory_unless(void *p)
{
    if (p == NULL) {
        static const char line[] = "out of memory\n";
        (void)!fwrite(line, 1, sizeof(line) - 1, stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t size)
{
    return out_of_memory_unless(malloc(size > 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return out_of_memory_unless(
        calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
    return out_of_memory_unless(realloc(old, size > 0 ? size : 1));
}

char *xstrdup(const char *z)
{
    size_t size = strlen(z) + 1;
    return memcpy(xmalloc(size), z, size);
}

static struct block *block_new(size_t room)
{
    struct block *b = NULL;
    if (room == FIRST_BLOCK && spare != NULL) {
        b = spare;
        spare = b->next;
        spares--;
    } else {
        b = xmalloc(sizeof(*b) + room);
    }
    b->next = NULL;
    b->used = 0;
    b->room = room;
    return b;
}

static void block_free(struct block *b)
{
    if (b->room == FIRST_BLOCK && spares < MOST_SPARE) {
        b->next = spare;
        spare = b;
        spares++;
    } else {
        free(b);
    }
}

struct arena *arena_new(void)
{
    struct block *b = block_new(FIRST_BLOCK);
    struct arena *arena = (struct arena *)(void *)b->bytes;
    b->used = sizeof(max_align_t);
    arena->newest = b;
    return arena;
}

void arena_destroy(struct arena **arena)
{
    if (*arena == NULL)
        return;
    struct block *b = (*arena)->newest;
    *arena = NULL;
    while (b != NULL) {
        struct block *next = b->next;
        block_free(b);
        b = next;
    }
}

/* Memory that is not zeroed; the caller fills all of it. */
static void *take(struct arena *arena, size_t size)
{
    const size_t unit = sizeof(max_align_t);
    if (size > SIZE_MAX / 4)
        out_of_memory_unless(NULL);
    size_t rounded = (size + unit - 1) / unit * unit;
    struct block *b = arena->newest;
    if (b->room - b->used < rounded) {
        size_t room = rounded > FIRST_BLOCK / 2 ? rounded : FIRST_BLOCK;
        struct block *more = block_new(room);
        more->next = b;
        arena->newest = more;
        b = more;
    }
    void *p = (char *)b->bytes + b->used;
    b->used += rounded;
    return p;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(take(arena, size), 0, size);
}

char *arena_cstr(struct arena *arena, struct str bytes)
{
    char *copy = take(arena, bytes.len + 1);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    return copy;
}

struct str arena_copy(struct arena *arena, struct str bytes)
{
    return (struct str){arena_cstr(arena, bytes), bytes.len};
}

/* Straight into what is left of the block; a second time only where that was
 * too little. */
struct str arena_printf(struct arena *arena, const char *format, ...)
{
    const struct block *b = arena->newest;
    char *text = (char *)arena->newest->bytes + b->used;
    size_t room = b->room - b->used;
    va_list ap;
    va_start(ap, format);
    int len = vsnprintf(text, room, format, ap);
    va_end(ap);
    bool whole = (size_t)len < room;
    text = take(arena, (size_t)len + 1);
    if (whole)
        return (struct str){text, (size_t)len};
    va_start(ap, format);
    (void)vsnprintf(text, (size_t)len + 1, format, ap);
    va_end(ap);
    return (struct str){text, (size_t)len};
}

struct str arena_number(struct arena *arena, int64_t number)
{
    return arena_printf(arena, "%" PRId64, number);
}

static void buffer_reserve(struct buffer *b, size_t more)
{
    if (b->room - b->len >= more)
        return;
    size_t room = b->room > 0 ? b->room : 256;
    while (room - b->len < more)
        room *= 2;
    b->ptr = xrealloc(b->ptr, room);
    b->room = room;
}

void buffer_add(struct buffer *b, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    buffer_reserve(b, len);
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
}

void buffer_str(struct buffer *b, struct str s)
{
    buffer_add(b, s.ptr, s.len);
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int len = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    buffer_reserve(b, (size_t)len + 1);
    va_start(ap, format);
    (void)vsnprintf(b->ptr + b->len, (size_t)len + 1, format, ap);
    va_end(ap);
    b->len += (size_t)len;
}

void buffer_reset(struct buffer *b)
{
    if (b->room > BUFFER_KEEPS)
        buffer_free(b);
    b->len = 0;
}

void buffer_free(struct buffer *b)
{
    free(b->ptr);
    *b = (struct buffer){0};
}
