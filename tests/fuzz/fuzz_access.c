/* What a stranger's headers say of who they are and where they come from. */
#include "tests/fuzz/fuzz.h"

#include "gateway/access/address.h"
#include "gateway/access/gate.h"
#include "gateway/access/signin.h"
#include "gateway/access/totp.h"

FUZZ(arena, input)
{
    const struct http_header headers[] = {{STR("Cookie"), input},
                                          {STR("X-Forwarded-For"), input}};
    const struct http_request request = {
        .headers = headers, .nheaders = 2, .peer = STR("127.0.0.1")};
    struct str id, secret, name, fault;
    struct str cookie = gate_cookie(&request, "birdcar");
    HOLDS(cookie.len <= input.len);
    if (gate_token_split(input, &id, &secret))
        HOLDS(id.len + secret.len < input.len);
    struct str from = address_of(&request, STR("127.0.0.1,10.0.0.0/8"));
    HOLDS(from.len > 0 && from.len < 64);
    (void)address_list_holds(input, &fault);
    if (account_name_parse(arena, input, &name))
        HOLDS(name.len > 0 && name.len <= 64);
    struct str next = signin_next(input);
    HOLDS(next.ptr[0] == '/' && (next.len == 1 || next.ptr[1] != '/'));
    HOLDS(totp_step(STR("12345678901234567890"), input, 59, 3) == -1);
}
