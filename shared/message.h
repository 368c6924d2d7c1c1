/* The catalogue of messages, expanded from messages.def: a struct, a name and
 * a field table each; and the one encoder and decoder that walk the tables.
 * Knows nothing of sockets. The wire is a msgpack map of field names. */
#ifndef BIRDCAR_MESSAGE_H
#define BIRDCAR_MESSAGE_H

#include "shared/arena.h"

/* Strings, or packed records that are each decoded by themselves. */
struct list {
    struct str *items;
    size_t count;
};

/* A `list` is of records (msgpack bin), `words` is of strings. `opt_`: may be
 * missing, and is then empty or 0. */
enum field_kind {
    FIELD_str,
    FIELD_num,
    FIELD_flag,
    FIELD_list,
    FIELD_words,
    FIELD_opt_str,
    FIELD_opt_num,
    FIELD_opt_flag,
    FIELD_opt_words
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
};

struct message_type {
    const char *name;
    size_t size;                         /* of the struct */
    const struct field *(*fields)(void); /* ends at a name that is NULL */
    const struct message_type *reply;    /* NULL: none, or itself a reply */
};

#define FIELD_TYPE_str struct str
#define FIELD_TYPE_num int64_t
#define FIELD_TYPE_flag bool
#define FIELD_TYPE_list struct list
#define FIELD_TYPE_words struct list
#define FIELD_TYPE_opt_str struct str
#define FIELD_TYPE_opt_num int64_t
#define FIELD_TYPE_opt_flag bool
#define FIELD_TYPE_opt_words struct list

#include "shared/messages.def"

#define MEMBER(kind, name) FIELD_TYPE_##kind name;
#define MESSAGE(NAME, name, reply)                                             \
    struct msg_##name {                                                        \
        NAME##_FIELDS(MEMBER) char end_;                                       \
    };                                                                         \
    extern const struct message_type type_##name;
MESSAGES(MESSAGE)
#undef MESSAGE
#undef MEMBER

enum {
    MESSAGE_MAX_BYTES = 1 << 20, /* of one body */
    MESSAGE_MAX_FIELDS = 64,     /* in one map, unknown ones included */
    MESSAGE_MAX_ITEMS = 1024,    /* in one list */
    MESSAGE_MAX_DEPTH = 8        /* of what is skipped */
};

/* Appends the packed body to `out`. `message` is a struct of `type`. */
void message_encode(const struct message_type *type, const void *message,
                    struct buffer *out);

/* The same into an arena: an item for a list. */
struct str message_pack(struct arena *arena, const struct message_type *type,
                        const void *message);

/* Fills `message` (a struct of `type`), strings borrowed from `bytes`, lists'
 * items in `arena`. False: `*fault` is the name of the first field that is
 * missing or of the wrong type, or "body" where the bytes are no such map,
 * trailing bytes included; `*missing` tells which of the two. */
bool message_decode(const struct message_type *type, struct str bytes,
                    struct arena *arena, void *message, const char **fault,
                    bool *missing);

/* The type of that name; NULL if unknown. */
const struct message_type *message_find(struct str name);

/* A record: the same fields in their order as a msgpack array, without names;
 * what scripts read and write with cmsgpack. Empty optional fields at the end
 * are left out, as they are in an older record. */
void record_encode(const struct message_type *type, const void *record,
                   struct buffer *out);
struct str record_pack(struct arena *arena, const struct message_type *type,
                       const void *record);
bool record_decode(const struct message_type *type, struct str bytes,
                   struct arena *arena, void *record);

#endif
