#include "tests/unit/check.h"

#include "gateway/http_guard.h"
#include "gateway/http_wire.h"

#define LINE1 "POST /a HTTP/1.1\r\nHost: x\r\n"
#define S(literal)                                                             \
    {                                                                          \
        literal, sizeof(literal) - 1                                           \
    }
#define NEXT "GET / HTTP/1.0\r\n\r\n"

/* test_http_framing.c has the rules in full; here, where they are looked at
 * from closer by. `sound`: bytes before the one that is refused. */
static const struct {
    const char *label;
    struct str bytes, sound;
    int refused;
    uint32_t ended;
} rows[] = {
    {"two without bodies", S(NEXT NEXT), S(NEXT NEXT), 0, 2},
    {"a length", S(LINE1 "CONTENT-length:\t5\r\n\r\nhello" NEXT),
     S(LINE1 "CONTENT-length:\t5\r\n\r\nhello" NEXT), 0, 2},
    {"a length of nothing", S(LINE1 "Content-Length: 0\r\n\r\n" NEXT),
     S(LINE1 "Content-Length: 0\r\n\r\n" NEXT), 0, 2},
    {"not yet all of it", S(LINE1 "Content-Length: 5\r\n\r\nhell"),
     S(LINE1 "Content-Length: 5\r\n\r\nhell"), 0, 0},
    {"chunks",
     S(LINE1 "Transfer-Encoding: CHUNKED\r\n\r\n00A\r\n0123456789\r\n1\r\n\n"
             "\r\n0\r\n\r\n" NEXT),
     S(LINE1 "Transfer-Encoding: CHUNKED\r\n\r\n00A\r\n0123456789\r\n1\r\n\n"
             "\r\n0\r\n\r\n" NEXT),
     0, 2},
    {"an empty line before each", S("\r\n" NEXT "\r\n" NEXT),
     S("\r\n" NEXT "\r\n" NEXT), 0, 2},
    {"two empty lines", S(NEXT "\r\n\r\n"), S(NEXT "\r\n"), 400, 1},
    {"a bare line feed", S("GET / HTTP/1.1\nHost: x\r\n"), S("GET / HTTP/1.1"),
     400, 0},
    {"a bare return", S("GET / HTTP/1.1\rHost: x\r\n"), S("GET / HTTP/1.1\r"),
     400, 0},
    {"... behind a value", S(LINE1 "X: a\nY: b\r\n"), S(LINE1 "X: a"), 400, 0},
    {"... in one", S(LINE1 "X: a\rb\r\n"), S(LINE1 "X: a\r"), 400, 0},
    {"... behind the head", S(LINE1 "\n"), S(LINE1), 400, 0},
    {"half an empty line", S(LINE1 "\rX: y\r\n"), S(LINE1 "\r"), 400, 0},
    {"a length, then chunked",
     S(LINE1 "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
     S(LINE1 "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r"), 400, 0},
    {"chunked in HTTP/1.0",
     S("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
     S("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r"), 400, 0},
    {"no host", S("POST / HTTP/1.1\r\n\r\n"), S("POST / HTTP/1.1\r\n\r"), 400,
     0},
    {"a NUL in a value", S(LINE1 "X: a\0b\r\n"), S(LINE1 "X: a"), 400, 0},
    {"a blank in a name", S(LINE1 "X : a\r\n"), S(LINE1 "X"), 400, 0},
    {"no name", S(LINE1 ": a\r\n"), S(LINE1), 400, 0},
    {"TLS", S("\x16\x03\x01\x02"), S(""), 400, 0},
    {"a folded line", S(LINE1 " y: z\r\n"), S(LINE1), 400, 0},
    {"a longer name is another", S(LINE1 "Transfer-Encodings: x\r\n"),
     S(LINE1 "Transfer-Encodings: x\r\n"), 0, 0},
    {"a shorter one, too", S(LINE1 "Transfer-Encodin: x\r\n"),
     S(LINE1 "Transfer-Encodin: x\r\n"), 0, 0},
    {"half a coding", S(LINE1 "Transfer-Encoding: chunk\r\n"),
     S(LINE1 "Transfer-Encoding: chunk"), 400, 0},
    {"more than a coding", S(LINE1 "Transfer-Encoding: chunkedd\r\n"),
     S(LINE1 "Transfer-Encoding: chunked"), 400, 0},
    {"a NUL behind a coding", S(LINE1 "Transfer-Encoding: chunked\0\r\n"),
     S(LINE1 "Transfer-Encoding: chunked"), 400, 0},
    {"eighteen digits", S(LINE1 "Content-Length: 999999999999999999\r\n"),
     S(LINE1 "Content-Length: 999999999999999999\r\n"), 0, 0},
    {"nineteen", S(LINE1 "Content-Length: 9999999999999999999\r\n"),
     S(LINE1 "Content-Length: 999999999999999999"), 400, 0},
    {"a second host", S(LINE1 "hOST: y\r\n"), S(LINE1 "hOST"), 400, 0},
    {"each request has its own length",
     S(LINE1 "Content-Length: 0\r\n\r\n" LINE1 "Content-Length: 1\r\n\r\nx"),
     S(LINE1 "Content-Length: 0\r\n\r\n" LINE1 "Content-Length: 1\r\n\r\nx"), 0,
     2},
};

/* In pieces of `step` bytes. */
static size_t take(struct http_wire *wire, struct str bytes, size_t step)
{
    size_t sum = 0;
    *wire = (struct http_wire){0};
    for (; bytes.len > 0 && wire->refused == 0; bytes = str_from(bytes, step))
        sum += http_wire_take(wire, bytes.ptr,
                              bytes.len < step ? bytes.len : step);
    return sum;
}

static void takes_what_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t step = rows[i].bytes.len; step > 0; step--) {
            struct http_wire wire;
            size_t taken = take(&wire, rows[i].bytes, step);
            CHECK(rows[i].label, taken == rows[i].sound.len);
            CHECK(rows[i].label, wire.refused == rows[i].refused);
            CHECK(rows[i].label, wire.ended == rows[i].ended);
        }
}

/* Each byte in each place of a long target and a long value. */
static void knows_each_byte(void **state)
{
    static const char target[] = "GET /0123456789abcdefghijklmnop",
                      value[] = LINE1 "X: 0123456789abcdefghijklmnop";
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        struct http_wire name = {0};
        const char one = (char)byte;
        bool token = char_is_letter(one) || char_is_digit(one) ||
                     (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
        (void)http_wire_take(&name, LINE1 "X", sizeof(LINE1));
        if ((http_wire_take(&name, &one, 1) == 1) != (token || byte == ':'))
            fail_msg("name: byte %d", byte);
        for (size_t at = 0; at < 24; at++) {
            char bytes[128];
            struct http_wire wire = {0};
            const size_t t = sizeof(target) - 1, v = sizeof(value) - 1;
            memcpy(bytes, target, t);
            bytes[t - 1 - at] = (char)byte;
            bool good = byte > ' ' && byte != 0x7f;
            size_t taken = http_wire_take(&wire, bytes, t);
            /* A blank ends it, and no version stands behind it. */
            if (taken != (good ? t : t - 1 - at + (byte == ' ')) &&
                (byte != ' ' || at > 0))
                fail_msg("target: byte %d, %zu from its end", byte, at);
            wire = (struct http_wire){0};
            memcpy(bytes, value, v);
            bytes[v - 1 - at] = (char)byte;
            good = (byte >= ' ' || byte == '\t') && byte != 0x7f;
            taken = http_wire_take(&wire, bytes, v);
            if (taken != (good ? v : v - 1 - at + (byte == '\r')))
                fail_msg("value: byte %d, %zu from its end", byte, at);
        }
    }
}

/* `unit`, so often, in the middle. */
static void check_size(const char *before, const char *unit, size_t times,
                       const char *after, int refused)
{
    struct http_wire wire;
    struct buffer bytes = {0};
    buffer_str(&bytes, str_of(before));
    for (size_t i = 0; i < times; i++)
        buffer_str(&bytes, str_of(unit));
    buffer_str(&bytes, str_of(after));
    for (size_t step = 1; step <= bytes.len; step += bytes.len - 1) {
        (void)take(&wire, buffer_view(&bytes), step);
        if (wire.refused != refused)
            fail_msg("%zu times %s: %d", times, unit, wire.refused);
    }
    buffer_free(&bytes);
}

/* Whatever a head weighs, it is refused before its last byte, or taken. */
static void ends_or_refuses(void **state)
{
    (void)state;
    for (size_t fill = WIRE_MOST_WEIGHT - 300; fill < WIRE_MOST_WEIGHT;
         fill++) {
        struct http_wire wire = {0};
        struct buffer bytes = {0};
        buffer_printf(&bytes, LINE1 "X: %0*d\r\n\r\n", (int)fill, 0);
        size_t taken = http_wire_take(&wire, bytes.ptr, bytes.len);
        assert_true((wire.refused == 0) == (wire.ended == 1));
        assert_true((wire.refused == 0) == (taken == bytes.len));
        buffer_free(&bytes);
    }
}

static void bounds_all(void **state)
{
    (void)state;
    check_size("", "G", WIRE_MOST_METHOD, " / HTTP/1.1\r\n", 0);
    check_size("", "G", WIRE_MOST_METHOD + 1, " / HTTP/1.1\r\n", 400);
    check_size("GET ", "/", HTTP_MOST_TARGET, " HTTP/1.1\r\n", 0);
    check_size("GET ", "/", HTTP_MOST_TARGET + 1, "", 414);
    check_size(LINE1, "X: y\r\n", HTTP_MOST_HEADERS - 1, "\r\n", 0);
    check_size(LINE1, "X: y\r\n", HTTP_MOST_HEADERS, "\r\n", 431);
    check_size(LINE1 "X: ", "y", HTTP_MOST_HEADER_BYTES, "\r\n\r\n", 0);
    check_size(LINE1 "X: ", "y", WIRE_MOST_WEIGHT, "", 431);
    check_size(LINE1, "x", WIRE_MOST_WEIGHT, "", 431);
    check_size(LINE1 "X:", " ", WIRE_MOST_WEIGHT, "", 431);
    check_size(LINE1 "Cookie: ", "a;", 100, "\r\n\r\n", 0);
    check_size(LINE1 "Cookie: ", "a;", 1000, "", 431);
    check_size(LINE1 "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n",
               HTTP_MOST_HEADERS, "\r\n", 431);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_sound),
        cmocka_unit_test(knows_each_byte),
        cmocka_unit_test(ends_or_refuses),
        cmocka_unit_test(bounds_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
