/* The provider's answers: a status in two bytes, then the body. */
#include "tests/fuzz/fuzz.h"

#include "notifier/provider_messagebird.h"

FUZZ(arena, input)
{
    const struct provider *provider = &provider_messagebird;
    const struct outgoing text = {.reference = STR("17-x"),
                                  .from = STR("31970000001"),
                                  .to = STR("31612345678"),
                                  .text = STR("hello")};
    struct verdict verdict, why;
    if (input.len < 2)
        return;
    struct web_reply reply = {.fate = WEB_ANSWERED,
                              .status =
                                  100 * ((unsigned char)input.ptr[0] % 6) +
                                  (unsigned char)input.ptr[1] % 100,
                              .body = arena_copy(arena, str_from(input, 2)),
                              .retry_after_ms = -1};
    verdict = provider->read_send(&reply);
    HOLDS(verdict.fate == SENT || verdict.reason != NULL);
    (void)provider->read_look(&reply, &text, 1625479230000, &why);
}
