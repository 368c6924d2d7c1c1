/* The bus's frames: headers, and batches of frames sent as one message.
 * Inside the bus only. */
#ifndef BIRDCAR_BUS_FRAME_H
#define BIRDCAR_BUS_FRAME_H

#include "shared/arena.h"
#include "shared/message.h"

enum { BUS_MOST_FRAMES = 1024, BUS_MOST_TRACE = 32 };

struct bus_header {
    struct str name;
    uint64_t id;
    int64_t left_ms;
    struct str trace;
};

bool bus_header_read(struct str frame, struct bus_header *header);

/* Frames that leave as one message. */
struct batch {
    struct buffer bytes;
    size_t lengths[BUS_MOST_FRAMES];
    size_t count;
};

/* Room for one more pair? */
bool batch_has_room(const struct batch *batch);
/* Adds a pair: the header, and `body` as it is. */
void batch_add(struct batch *batch, const struct bus_header *header,
               struct str body);
/* Adds a pair, the body encoded straight into the batch. */
void batch_add_message(struct batch *batch, const struct bus_header *header,
                       const struct message_type *type, const void *message);
void batch_reset(struct batch *batch);

enum bus_sent { BUS_SENT, BUS_FULL, BUS_GONE };

/* Sends all frames, behind `identity` where that is not empty. BUS_FULL: not
 * now; BUS_GONE: nobody there. Never blocks, never sends half. */
enum bus_sent batch_send(struct batch *batch, void *raw, struct str identity);

/* One whole message, copied into one piece of memory. */
struct received {
    struct buffer bytes;
    size_t lengths[BUS_MOST_FRAMES + 1]; /* an identity, and a full batch */
    size_t count;
};

/* False: nothing there. A message of too many frames comes out empty. */
bool socket_receive(void *raw, struct received *out);

#endif
