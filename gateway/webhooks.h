/* The provider's webhooks: texts, calls and delivery reports.
 * Lets in who signed, or knows the token. Forwards nothing by itself. */
#ifndef BIRDCAR_GATEWAY_WEBHOOKS_H
#define BIRDCAR_GATEWAY_WEBHOOKS_H

#include "gateway/router.h"

enum { WEBHOOK_TEXT_WITHIN_MS = 5000, WEBHOOK_CALL_WITHIN_MS = 1500 };

struct text_hook {
    struct exchange x;
    struct msg_sms_received ask;
    struct msg_sms_taken got;
};

struct call_hook {
    struct exchange x;
    struct msg_call_received ask;
    struct msg_call_flow got;
};

struct report_hook {
    struct exchange x;
    struct msg_report ask;
    struct msg_ok got;
};

/* POST /webhook, GET /webhook, and with the token behind it. */
void text_hook_run(struct task *t);
/* GET /webhook-voice, and with the token behind it. */
void call_hook_run(struct task *t);
/* GET and POST /webhook-status. */
void report_hook_run(struct task *t);

/* Says at start who may send webhooks, where that is nobody or anybody. */
void webhooks_announce(const struct settings *settings);

#endif
