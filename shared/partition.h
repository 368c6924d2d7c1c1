/* The 64 partitions: which one a proxy number belongs to, and its hash tag. */
#ifndef BIRDCAR_PARTITION_H
#define BIRDCAR_PARTITION_H

#include "shared/str.h"

enum { PARTITIONS = 64 };

/* CRC16 (XMODEM, as Redis Cluster has it) of the digits, mod 64. */
unsigned partition_of(struct str digits);

/* "{17}"; static. */
struct str partition_tag(unsigned partition);

#endif
