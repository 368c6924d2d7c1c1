#include "shared/partition.h"

#include <assert.h>

unsigned partition_of(struct str digits)
{
    unsigned crc = 0;
    for (size_t i = 0; i < digits.len; i++) {
        crc ^= (unsigned)(unsigned char)digits.ptr[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
    }
    return crc % PARTITIONS;
}

#define TAG(n)                                                                 \
    {                                                                          \
        "{" #n "}", sizeof("{" #n "}") - 1                                     \
    }
#define TAGS(ten)                                                              \
    TAG(ten##0), TAG(ten##1), TAG(ten##2), TAG(ten##3), TAG(ten##4),           \
        TAG(ten##5), TAG(ten##6), TAG(ten##7), TAG(ten##8), TAG(ten##9)

struct str partition_tag(unsigned partition)
{
    static const struct str tags[PARTITIONS] = {
        TAGS(),  TAGS(1), TAGS(2), TAGS(3), TAGS(4),
        TAGS(5), TAG(60), TAG(61), TAG(62), TAG(63),
    };
    assert(partition < PARTITIONS);
    return tags[partition];
}
