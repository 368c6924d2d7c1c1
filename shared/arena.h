/* Memory of one request: taken in pieces, given back at once.
 * Out of memory ends the process; nothing here returns NULL. */
#ifndef BIRDCAR_ARENA_H
#define BIRDCAR_ARENA_H

#include "shared/str.h"

struct arena;

struct arena *arena_new(void);
void arena_destroy(struct arena **arena);

/* `size` bytes, zeroed, aligned for any type, valid until the arena ends. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy; a NUL follows it for calls that need one. */
struct str arena_copy(struct arena *arena, struct str bytes);

/* A NUL-terminated copy. */
char *arena_cstr(struct arena *arena, struct str bytes);

struct str arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The number in decimal digits. */
struct str arena_number(struct arena *arena, int64_t number);

/* malloc and realloc that end the process rather than return NULL. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *z);

/* A growing buffer on the heap; `{0}` is empty and valid. */
struct buffer {
    char *ptr;
    size_t len, room;
};

void buffer_add(struct buffer *b, const void *bytes, size_t len);
void buffer_str(struct buffer *b, struct str s);
void buffer_printf(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Empty again; keeps its room unless that grew past 64 KiB. */
void buffer_reset(struct buffer *b);
void buffer_free(struct buffer *b);

static inline struct str buffer_view(const struct buffer *b)
{
    return (struct str){b->ptr, b->len};
}

#endif
