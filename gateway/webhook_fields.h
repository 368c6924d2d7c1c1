/* What the provider's webhooks say, under all the names that it uses.
 * Pure: parameters in, messages out; knows no route and no signature. */
#ifndef BIRDCAR_GATEWAY_WEBHOOK_FIELDS_H
#define BIRDCAR_GATEWAY_WEBHOOK_FIELDS_H

#include "gateway/params.h"
#include "shared/message.h"
#include "shared/problem.h"

enum { WEBHOOK_TEXT_MOST = 4096, WEBHOOK_ID_MOST = 128 };

/* The id is left empty where the provider gave none, or none to use. What is
 * no phone number comes out empty: a stranger, or a number that is not ours.
 * False: `*problem` names the field at fault. */
bool webhook_text(struct arena *arena, const struct params *params,
                  struct msg_sms_received *out, struct problem *problem);

/* A hidden or odd caller is empty. */
void webhook_call(struct arena *arena, const struct params *params,
                  struct msg_call_received *out);

bool webhook_report(const struct params *params, struct msg_report *out,
                    struct problem *problem);

#endif
