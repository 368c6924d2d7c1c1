#include "shared/msgpack.h"

struct reader reader_new(struct str bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    return (struct reader){at, at == NULL ? at : at + bytes.len, false};
}

bool reader_done(const struct reader *r)
{
    return !r->failed && r->at == r->end;
}

/* A big-endian number of `size` bytes. */
static uint64_t take(struct reader *r, size_t size)
{
    if (r->failed || (size_t)(r->end - r->at) < size) {
        r->failed = true;
        return 0;
    }
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++)
        n = n << 8 | r->at[i];
    r->at += size;
    return n;
}

static struct str take_bytes(struct reader *r, uint64_t len)
{
    if (r->failed || (uint64_t)(r->end - r->at) < len) {
        r->failed = true;
        return STR_NONE;
    }
    struct str s = {(const char *)r->at, (size_t)len};
    r->at += len;
    return s;
}

static size_t within(struct reader *r, uint64_t count, size_t most)
{
    if (r->failed || count > most) {
        r->failed = true;
        return 0;
    }
    return (size_t)count;
}

size_t read_map(struct reader *r, size_t most)
{
    uint64_t tag = take(r, 1);
    if ((tag & 0xf0) == 0x80)
        return within(r, tag & 0x0f, most);
    if (tag == 0xde)
        return within(r, take(r, 2), most);
    r->failed = true;
    return 0;
}

size_t read_array(struct reader *r, size_t most)
{
    uint64_t tag = take(r, 1);
    if ((tag & 0xf0) == 0x90)
        return within(r, tag & 0x0f, most);
    if (tag == 0xdc)
        return within(r, take(r, 2), most);
    if (tag == 0xdd)
        return within(r, take(r, 4), most);
    r->failed = true;
    return 0;
}

struct str read_str(struct reader *r)
{
    uint64_t tag = take(r, 1);
    if ((tag & 0xe0) == 0xa0)
        return take_bytes(r, tag & 0x1f);
    switch (tag) {
    case 0xc4:
    case 0xd9:
        return take_bytes(r, take(r, 1));
    case 0xc5:
    case 0xda:
        return take_bytes(r, take(r, 2));
    case 0xc6:
    case 0xdb:
        return take_bytes(r, take(r, 4));
    default:
        r->failed = true;
        return STR_NONE;
    }
}

int64_t read_num(struct reader *r)
{
    uint64_t tag = take(r, 1);
    if (tag < 0x80)
        return r->failed ? 0 : (int64_t)tag;
    if (tag >= 0xe0)
        return (int8_t)tag;
    uint64_t n = 0;
    switch (tag) {
    case 0xcc:
        return (int64_t)take(r, 1);
    case 0xcd:
        return (int64_t)take(r, 2);
    case 0xce:
        return (int64_t)take(r, 4);
    case 0xcf:
        n = take(r, 8);
        r->failed = r->failed || n > INT64_MAX;
        return r->failed ? 0 : (int64_t)n;
    case 0xd0:
        return (int8_t)take(r, 1);
    case 0xd1:
        return (int16_t)take(r, 2);
    case 0xd2:
        return (int32_t)take(r, 4);
    case 0xd3:
        return (int64_t)take(r, 8);
    default:
        r->failed = true;
        return 0;
    }
}

bool read_flag(struct reader *r)
{
    uint64_t tag = take(r, 1);
    if (tag != 0xc2 && tag != 0xc3)
        r->failed = true;
    return !r->failed && tag == 0xc3;
}

static void skip_many(struct reader *r, uint64_t count, int depth)
{
    if (depth <= 0)
        r->failed = true;
    for (uint64_t i = 0; i < count && !r->failed; i++)
        read_skip(r, depth - 1);
}

static void skip_tagged(struct reader *r, uint64_t tag, int depth)
{
    switch (tag) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
        return;
    case 0xc7:
        (void)take_bytes(r, take(r, 1) + 1);
        return;
    case 0xc8:
        (void)take_bytes(r, take(r, 2) + 1);
        return;
    case 0xc9:
        (void)take_bytes(r, take(r, 4) + 1);
        return;
    case 0xdc:
        skip_many(r, take(r, 2), depth);
        return;
    case 0xdd:
        skip_many(r, take(r, 4), depth);
        return;
    case 0xde:
        skip_many(r, take(r, 2) * 2, depth);
        return;
    case 0xdf:
        skip_many(r, take(r, 4) * 2, depth);
        return;
    default:
        r->failed = true;
    }
}

void read_skip(struct reader *r, int depth)
{
    /* Bytes behind the tags 0xc4 … 0xdb, for types of a fixed size. */
    static const unsigned char fixed[] = {
        [0xca - 0xc4] = 4, [0xcb - 0xc4] = 8, [0xcc - 0xc4] = 1,
        [0xcd - 0xc4] = 2, [0xce - 0xc4] = 4, [0xcf - 0xc4] = 8,
        [0xd0 - 0xc4] = 1, [0xd1 - 0xc4] = 2, [0xd2 - 0xc4] = 4,
        [0xd3 - 0xc4] = 8, [0xd4 - 0xc4] = 2, [0xd5 - 0xc4] = 3,
        [0xd6 - 0xc4] = 5, [0xd7 - 0xc4] = 9, [0xd8 - 0xc4] = 17};
    if (r->failed || r->at == r->end) {
        r->failed = true;
        return;
    }
    unsigned tag = *r->at;
    if ((tag & 0xe0) == 0xa0 || (tag >= 0xc4 && tag <= 0xc6) ||
        (tag >= 0xd9 && tag <= 0xdb)) {
        (void)read_str(r);
        return;
    }
    r->at++;
    if (tag < 0x80 || tag >= 0xe0)
        return;
    if ((tag & 0xf0) == 0x80)
        skip_many(r, (uint64_t)(tag & 0x0f) * 2, depth);
    else if ((tag & 0xf0) == 0x90)
        skip_many(r, tag & 0x0f, depth);
    else if (tag >= 0xca && tag <= 0xd8)
        (void)take_bytes(r, fixed[tag - 0xc4]);
    else
        skip_tagged(r, tag, depth);
}
