/* Redis's wire: commands written, replies copied, errors judged.
 * Inside the Redis client only; holds no connection. */
#ifndef BIRDCAR_REDIS_WIRE_H
#define BIRDCAR_REDIS_WIRE_H

#include "shared/redis.h"

struct redisReply;

/* Puts the command into `b`, in place of what was there. To have hiredis write
 * it was half of what a call cost. */
void wire_command(struct buffer *b, const struct str *words, size_t count);

/* A copy of hiredis's reply. */
void wire_reply(struct arena *arena, const struct redisReply *reply,
                struct value *out);

/* Does this fault pass by itself, with nothing of the command done? Any other
 * is a defect of ours. */
bool wire_passes_by_itself(struct str error);

/* Has this user no right to the command, or to one of its keys? */
bool wire_is_denied(struct str error);

#endif
