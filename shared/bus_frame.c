#include "shared/bus_frame.h"

#include <errno.h>
#include <msgpack/pack.h>
#include <zmq.h>

#include "shared/bus.h"
#include "shared/fault.h"
#include "shared/msgpack.h"

bool bus_header_read(struct str frame, struct bus_header *header)
{
    struct reader r = reader_new(frame);
    if (read_array(&r, 5) != 5 || read_num(&r) != BUS_VERSION)
        return false;
    header->name = read_str(&r);
    header->id = (uint64_t)read_num(&r);
    header->left_ms = read_num(&r);
    header->trace = read_str(&r);
    return reader_done(&r) && header->trace.len <= BUS_MOST_TRACE;
}

static int append(void *to, const char *bytes, size_t len)
{
    buffer_add(to, bytes, len);
    return 0;
}

bool batch_has_room(const struct batch *batch)
{
    return batch->count + 2 <= BUS_MOST_FRAMES &&
           batch->bytes.len < MESSAGE_MAX_BYTES;
}

static void end_frame(struct batch *batch, size_t began)
{
    batch->lengths[batch->count++] = batch->bytes.len - began;
}

static void add_header(struct batch *batch, const struct bus_header *h)
{
    size_t began = batch->bytes.len;
    msgpack_packer p;
    msgpack_packer_init(&p, &batch->bytes, append);
    (void)msgpack_pack_array(&p, 5);
    (void)msgpack_pack_int(&p, BUS_VERSION);
    (void)msgpack_pack_str_with_body(&p, h->name.ptr, h->name.len);
    (void)msgpack_pack_int64(&p, (int64_t)h->id);
    (void)msgpack_pack_int64(&p, h->left_ms);
    (void)msgpack_pack_str_with_body(&p, h->trace.len > 0 ? h->trace.ptr : "",
                                     h->trace.len);
    end_frame(batch, began);
}

void batch_add(struct batch *batch, const struct bus_header *header,
               struct str body)
{
    add_header(batch, header);
    size_t began = batch->bytes.len;
    buffer_str(&batch->bytes, body);
    end_frame(batch, began);
}

void batch_add_message(struct batch *batch, const struct bus_header *header,
                       const struct message_type *type, const void *message)
{
    add_header(batch, header);
    size_t began = batch->bytes.len;
    message_encode(type, message, &batch->bytes);
    end_frame(batch, began);
}

void batch_reset(struct batch *batch)
{
    buffer_reset(&batch->bytes);
    batch->count = 0;
}

enum bus_sent batch_send(struct batch *batch, void *raw, struct str identity)
{
    if (FAULT_LOSS())
        return BUS_SENT;
    if (identity.len > 0 && zmq_send(raw, identity.ptr, identity.len,
                                     ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EAGAIN ? BUS_FULL : BUS_GONE;
    const char *at = batch->bytes.ptr;
    for (size_t i = 0; i < batch->count; i++) {
        int more = i + 1 < batch->count ? ZMQ_SNDMORE : 0;
        /* Only the first frame can be refused: libzmq takes a whole message. */
        if (zmq_send(raw, at, batch->lengths[i], more | ZMQ_DONTWAIT) < 0)
            return errno == EAGAIN ? BUS_FULL : BUS_GONE;
        at += batch->lengths[i];
    }
    return BUS_SENT;
}

bool socket_receive(void *raw, struct received *out)
{
    buffer_reset(&out->bytes);
    out->count = 0;
    bool more = true, too_many = false;
    while (more) {
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, raw, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&frame);
            return false;
        }
        too_many = too_many || out->count == BUS_MOST_FRAMES + 1;
        if (!too_many) {
            out->lengths[out->count++] = zmq_msg_size(&frame);
            buffer_add(&out->bytes, zmq_msg_data(&frame), zmq_msg_size(&frame));
        }
        more = zmq_msg_more(&frame) != 0;
        (void)zmq_msg_close(&frame);
    }
    if (too_many)
        out->count = 0;
    return true;
}
