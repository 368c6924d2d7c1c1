#include "shared/message.h"

#include <msgpack/pack.h>

#include "shared/msgpack.h"

/* A function a type: inside it THIS names the struct, which a table at file
 * scope could not say. */
#define FIELD(kind, name) {#name, FIELD_##kind, offsetof(THIS, name)},
#define MESSAGE(NAME, name, reply)                                             \
    static const struct field *fields_##name(void)                             \
    {                                                                          \
        typedef struct msg_##name THIS;                                        \
        static const struct field table[] = {                                  \
            NAME##_FIELDS(FIELD){NULL, FIELD_str, offsetof(THIS, end_)}};      \
        return table;                                                          \
    }                                                                          \
    const struct message_type type_##name = {#NAME, sizeof(struct msg_##name), \
                                             fields_##name, reply};
MESSAGES(MESSAGE)
#undef MESSAGE
#undef FIELD

static const struct message_type *const all_types[] = {
#define MESSAGE(NAME, name, reply) &type_##name,
    MESSAGES(MESSAGE)
#undef MESSAGE
        NULL};

const struct message_type *message_find(struct str name)
{
    for (size_t i = 0; all_types[i] != NULL; i++)
        if (str_is(name, all_types[i]->name))
            return all_types[i];
    return NULL;
}

static size_t count_of(const struct field *fields)
{
    size_t n = 0;
    while (fields[n].name != NULL)
        n++;
    return n;
}

static int append(void *to, const char *bytes, size_t len)
{
    buffer_add(to, bytes, len);
    return 0;
}

static void pack_str(msgpack_packer *p, struct str s)
{
    (void)msgpack_pack_str_with_body(p, s.len > 0 ? s.ptr : "", s.len);
}

static void pack_list(msgpack_packer *p, const struct list *list, bool records)
{
    (void)msgpack_pack_array(p, list->count);
    for (size_t i = 0; i < list->count; i++) {
        struct str item = list->items[i];
        if (records)
            (void)msgpack_pack_bin_with_body(p, item.ptr, item.len);
        else
            pack_str(p, item);
    }
}

static void pack_field(msgpack_packer *p, const struct field *f,
                       const void *message)
{
    const void *at = (const char *)message + f->offset;
    switch (f->kind) {
    case FIELD_str:
    case FIELD_opt_str:
        pack_str(p, *(const struct str *)at);
        return;
    case FIELD_num:
    case FIELD_opt_num:
        (void)msgpack_pack_int64(p, *(const int64_t *)at);
        return;
    case FIELD_flag:
    case FIELD_opt_flag:
        (void)(*(const bool *)at ? msgpack_pack_true(p)
                                 : msgpack_pack_false(p));
        return;
    case FIELD_list:
        pack_list(p, at, true);
        return;
    case FIELD_words:
    case FIELD_opt_words:
        pack_list(p, at, false);
        return;
    }
}

void message_encode(const struct message_type *type, const void *message,
                    struct buffer *out)
{
    msgpack_packer p;
    msgpack_packer_init(&p, out, append);
    const struct field *fields = type->fields();
    (void)msgpack_pack_map(&p, count_of(fields));
    for (const struct field *f = fields; f->name != NULL; f++) {
        pack_str(&p, str_of(f->name));
        pack_field(&p, f, message);
    }
}

static bool may_be_missing(const struct field *f)
{
    return f->kind == FIELD_opt_str || f->kind == FIELD_opt_num ||
           f->kind == FIELD_opt_flag || f->kind == FIELD_opt_words;
}

/* What is read as the same where it is missing. */
static bool may_be_left_out(const struct field *f, const void *record)
{
    const void *at = (const char *)record + f->offset;
    if (f->kind == FIELD_opt_str)
        return ((const struct str *)at)->len == 0;
    if (f->kind == FIELD_opt_num)
        return *(const int64_t *)at == 0;
    if (f->kind == FIELD_opt_flag)
        return !*(const bool *)at;
    return f->kind == FIELD_opt_words && ((const struct list *)at)->count == 0;
}

void record_encode(const struct message_type *type, const void *record,
                   struct buffer *out)
{
    msgpack_packer p;
    msgpack_packer_init(&p, out, append);
    const struct field *fields = type->fields();
    size_t count = count_of(fields);
    while (count > 0 && may_be_left_out(&fields[count - 1], record))
        count--;
    (void)msgpack_pack_array(&p, count);
    for (size_t i = 0; i < count; i++)
        pack_field(&p, &fields[i], record);
}

static struct str packed(struct arena *arena, const struct message_type *type,
                         const void *message,
                         void (*encode)(const struct message_type *,
                                        const void *, struct buffer *))
{
    struct buffer b = {0};
    encode(type, message, &b);
    struct str copy = arena_copy(arena, buffer_view(&b));
    buffer_free(&b);
    return copy;
}

struct str message_pack(struct arena *arena, const struct message_type *type,
                        const void *message)
{
    return packed(arena, type, message, message_encode);
}

struct str record_pack(struct arena *arena, const struct message_type *type,
                       const void *record)
{
    return packed(arena, type, record, record_encode);
}

static void read_list(struct reader *r, struct arena *arena, struct list *list)
{
    list->count = read_array(r, MESSAGE_MAX_ITEMS);
    /* Each item is a byte at least: a count that the bytes cannot hold must not
     * reserve memory. */
    if (r->failed || list->count > (size_t)(r->end - r->at)) {
        r->failed = true;
        return;
    }
    list->items = arena_alloc(arena, list->count * sizeof(struct str) + 1);
    for (size_t i = 0; i < list->count; i++)
        list->items[i] = read_str(r);
}

static void read_field(struct reader *r, const struct field *f,
                       struct arena *arena, void *message)
{
    void *at = (char *)message + f->offset;
    switch (f->kind) {
    case FIELD_str:
    case FIELD_opt_str:
        *(struct str *)at = read_str(r);
        return;
    case FIELD_num:
    case FIELD_opt_num:
        *(int64_t *)at = read_num(r);
        return;
    case FIELD_flag:
    case FIELD_opt_flag:
        *(bool *)at = read_flag(r);
        return;
    case FIELD_list:
    case FIELD_words:
    case FIELD_opt_words:
        read_list(r, arena, at);
        return;
    }
}

/* Reads one pair; NULL, or the name of the field whose value is mistyped. */
static const char *read_pair(struct reader *r, const struct field *fields,
                             struct arena *arena, void *message, uint64_t *seen)
{
    struct str name = read_str(r);
    if (r->failed)
        return "body";
    for (size_t i = 0; fields[i].name != NULL; i++) {
        if (!str_is(name, fields[i].name))
            continue;
        read_field(r, &fields[i], arena, message);
        *seen |= UINT64_C(1) << i;
        return r->failed ? fields[i].name : NULL;
    }
    read_skip(r, MESSAGE_MAX_DEPTH);
    return r->failed ? "body" : NULL;
}

bool message_decode(const struct message_type *type, struct str bytes,
                    struct arena *arena, void *message, const char **fault,
                    bool *missing)
{
    const struct field *fields = type->fields();
    memset(message, 0, type->size);
    *missing = false;
    *fault = "body";
    if (bytes.len > MESSAGE_MAX_BYTES)
        return false;
    struct reader r = reader_new(bytes);
    uint64_t seen = 0;
    size_t pairs = read_map(&r, MESSAGE_MAX_FIELDS);
    for (size_t i = 0; i < pairs && !r.failed; i++) {
        const char *wrong = read_pair(&r, fields, arena, message, &seen);
        if (wrong != NULL) {
            *fault = wrong;
            return false;
        }
    }
    if (!reader_done(&r))
        return false;
    for (size_t i = 0; fields[i].name != NULL; i++) {
        if ((seen & UINT64_C(1) << i) == 0 && !may_be_missing(&fields[i])) {
            *fault = fields[i].name;
            *missing = true;
            return false;
        }
    }
    return true;
}

bool record_decode(const struct message_type *type, struct str bytes,
                   struct arena *arena, void *record)
{
    const struct field *fields = type->fields();
    memset(record, 0, type->size);
    struct reader r = reader_new(bytes);
    size_t items = read_array(&r, MESSAGE_MAX_FIELDS);
    size_t at = 0;
    for (; at < items && fields[at].name != NULL && !r.failed; at++)
        read_field(&r, &fields[at], arena, record);
    for (size_t i = at; i < items && !r.failed; i++)
        read_skip(&r, MESSAGE_MAX_DEPTH);
    for (; fields[at].name != NULL; at++)
        if (!may_be_missing(&fields[at]))
            return false;
    return reader_done(&r);
}
