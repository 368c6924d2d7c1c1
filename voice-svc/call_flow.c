#include "voice-svc/call_flow.h"

enum call_fate call_fate(const struct msg_route *route, int64_t now_ms)
{
    if (route == NULL)
        return CALL_UNKNOWN;
    if (now_ms < route->until)
        return str_is(route->channels, "sms") ? CALL_TEXTS_ONLY
                                              : CALL_CONNECTED;
    /* The number is kept from both for a while, so whoever calls is told. */
    return route->closed == -1 || now_ms < route->closed ? CALL_CLOSED
                                                         : CALL_UNKNOWN;
}
