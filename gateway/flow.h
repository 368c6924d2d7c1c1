/* What a caller hears, in MessageBird's two formats.
 * Pure: knows no route, no ride and no setting. */
#ifndef BIRDCAR_GATEWAY_FLOW_H
#define BIRDCAR_GATEWAY_FLOW_H

#include "shared/message.h"

enum flow_format { FLOW_XML, FLOW_JSON };

/* The format that the Accept header would rather have; `otherwise` where it
 * has no preference. */
enum flow_format flow_format_of(struct str accept, enum flow_format otherwise);

const char *flow_content_type(enum flow_format format);

/* A flow to connect or to say; anything but a transfer with a destination is
 * a say. */
struct str flow_render(struct arena *arena, enum flow_format format,
                       const struct msg_call_flow *flow);

#endif
