#include "tests/unit/http_server.h"

#include "gateway/http.h"

struct talk {
    const char *label;
    struct str bytes;
    const char *statuses; /* of the answers until the server closes */
    const char *holds;    /* stands somewhere in them */
};

#define TALK(label, bytes, statuses, holds)                                    \
    {                                                                          \
        label, {bytes, sizeof(bytes) - 1}, statuses, holds                     \
    }

#define CHUNKED HEAD("Host: x\r\nTransfer-Encoding: chunked\r\n")

static const struct talk talks[] = {
    /* served */
    TALK("a GET", GET("/echo?a=1&a=2") LAST, "200 200",
         "GET target=/echo?a=1&a=2 path=/echo query=a=1&a=2 headers=1 "
         "body="),
    TALK("escapes stay as sent", GET("/e%63ho?a=%00+b%2B") LAST, "200 200",
         "target=/e%63ho?a=%00+b%2B path=/e%63ho query=a=%00+b%2B"),
    TALK("no query, and an empty one", GET("/echo") GET("/echo?") LAST,
         "200 200 200", "target=/echo? path=/echo query= "),
    TALK("a body by length",
         HEAD("Host: x\r\nContent-Length: 5\r\n") "hello" LAST, "200 200",
         "body=hello"),
    TALK("an empty body", HEAD("Host: x\r\nContent-Length: 0\r\n") LAST,
         "200 200", "body="),
    TALK("a chunked body",
         HEAD("Host: x\r\nTransfer-Encoding: Chunked\r\n") "3\r\nhel\r\n2\r"
                                                           "\nlo"
                                                           "\r\n0\r\n\r"
                                                           "\n" LAST,
         "200 200", "body=hello"),
    TALK("a chunked body with a trailer",
         HEAD("Host: x\r\nTransfer-Encoding: chunked\r\n") "5\r\nhello\r\n0"
                                                           "\r\n"
                                                           "X: "
                                                           "y\r\n\r\n" LAST,
         "200 200", "headers=2 body=hello"),
    TALK("pipelined", GET("/echo?1") GET("/late?2") GET("/echo?3") LAST,
         "200 200 200 200", "query=3"),
    TALK("answered by a hook behind the server's own",
         GET("/hooked?1") GET("/hooked?2") GET("/echo?3") LAST,
         "200 200 200 200", "query=2"),
    TALK("PUT, PATCH, DELETE",
         "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
         "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
         "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n" LAST,
         "200 200 200 200", "DELETE target=/ path=/ query= headers=1"),
    TALK("a whole URL as target", GET("http://h:1/echo?q") LAST, "200 200",
         "target=/echo?q path=/echo query=q "),
    TALK("a whole URL without a path", GET("HTTP://h") LAST, "200 200",
         "target=/ path=/ query= "),
    TALK("HTTP/1.0 without Host", "GET /echo HTTP/1.0\r\n\r\n", "200",
         "GET target=/echo"),
    TALK("a value with odd but lawful bytes",
         "GET /echo HTTP/1.1\r\nHost: x\r\nX: \t a\tb \xc3\xa9 "
         "\r\n\r\n" LAST,
         "200 200", "headers=2"),
    TALK("answered twice: the first counts", GET("/twice") LAST, "200 200",
         "path=/twice"),
    /* refused, and the connection stays */
    TALK("OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" LAST, "405 200",
         "Allow: GET, HEAD, POST, PUT, PATCH, DELETE"),
    TALK("TRACE", "TRACE /echo HTTP/1.1\r\nHost: x\r\n\r\n" LAST, "405 200",
         "malformed"),
    TALK("CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: x\r\n\r\n" LAST, "405 200",
         "Allow:"),
    TALK("a method nobody knows, with a body",
         "BREW / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab" LAST,
         "405 200", "Allow:"),
    TALK("get is not GET", "get / HTTP/1.1\r\nHost: x\r\n\r\n" LAST, "405 200",
         "Allow:"),
    TALK("a target without a slash", GET("echo") LAST, "400 200", "malformed"),
    /* refused, and closed: what follows must not run */
    TALK("two lengths",
         HEAD("Host: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n") SMUGGLED,
         "400", "malformed"),
    TALK("two equal lengths",
         HEAD("Host: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n") SMUGGLED,
         "400", "malformed"),
    TALK("length and chunked",
         HEAD("Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
              "chunked\r\n") "0\r\n\r\n" SMUGGLED,
         "400", "malformed"),
    TALK("chunked and length",
         HEAD("Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: "
              "5\r\n") "0\r\n\r\n" SMUGGLED,
         "400", "malformed"),
    TALK("a space before the colon",
         HEAD("Host: x\r\nContent-Length : 5\r\n") "hello" SMUGGLED, "400",
         "malformed"),
    TALK("a tab before the colon",
         HEAD("Host: x\r\nTransfer-Encoding\t: chunked\r\n") "0\r\n\r"
                                                             "\n" SMUGGLED,
         "400", "malformed"),
    TALK("a control byte in a name", HEAD("Host: x\r\nX\x01Y: 5\r\n") SMUGGLED,
         "400", "malformed"),
    TALK("a control byte in a value",
         HEAD("Host: x\r\nX: a\x01"
              "b\r\n") SMUGGLED,
         "400", "malformed"),
    TALK("two hosts", HEAD("Host: x\r\nHost: y\r\n") SMUGGLED, "400",
         "malformed"),
    TALK("no host", HEAD("X: y\r\n") SMUGGLED, "400", "malformed"),
    TALK("a coding nobody asked for",
         HEAD("Host: x\r\nTransfer-Encoding: gzip\r\n") SMUGGLED, "400",
         "malformed"),
    TALK("a list of codings",
         HEAD("Host: x\r\nTransfer-Encoding: gzip, chunked\r\n") "0\r\n\r"
                                                                 "\n" SMUGGLED,
         "400", "malformed"),
    TALK("chunked, spelt oddly",
         HEAD("Host: x\r\nTransfer-Encoding: \x0b"
              "chunked\r\n") "0\r\n\r\n" SMUGGLED,
         "400", "malformed"),
    TALK("two codings",
         HEAD("Host: x\r\nTransfer-Encoding: chunked\r\n"
              "Transfer-Encoding: chunked\r\n") "0\r\n\r\n" SMUGGLED,
         "400", "malformed"),
    TALK("chunked in HTTP/1.0",
         "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
         "Connection: keep-alive\r\n\r\n0\r\n\r\n" SMUGGLED,
         "400", "malformed"),
    TALK("a NUL in the target",
         "GET /echo\0x HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED, "400",
         "malformed"),
    TALK("a space in the target", GET("/echo x") SMUGGLED, "400", "malformed"),
    TALK("a control byte in the target", GET("/echo\x01") SMUGGLED, "400",
         "malformed"),
    TALK("HTTP/1.2", "GET /echo HTTP/1.2\r\nHost: x\r\n\r\n" SMUGGLED, "400",
         "malformed"),
    TALK("no version", "GET /echo\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("a body larger than we would even read",
         HEAD("Host: x\r\nContent-Length: 99999999\r\n"), "413", "too_large"),
    TALK("a large body that waits for our word",
         HEAD("Host: x\r\nContent-Length: 70000\r\nExpect: 100-continue\r\n"),
         "413", "too_large"),
    TALK("a length with a sign",
         HEAD("Host: x\r\nContent-Length: +5\r\n") "hello" SMUGGLED, "400",
         "malformed"),
    TALK("a negative length",
         HEAD("Host: x\r\nContent-Length: -1\r\n") SMUGGLED, "400",
         "malformed"),
    TALK("a length in hex",
         HEAD("Host: x\r\nContent-Length: 0x5\r\n") "hello" SMUGGLED, "400",
         "malformed"),
    TALK("a list of lengths",
         HEAD("Host: x\r\nContent-Length: 5, 5\r\n") "hello" SMUGGLED, "400",
         "malformed"),
    TALK("a blank behind a length",
         HEAD("Host: x\r\nContent-Length: 5 \r\n") "hello" SMUGGLED, "400",
         "malformed"),
    TALK("an empty length", HEAD("Host: x\r\nContent-Length:\r\n") SMUGGLED,
         "400", "malformed"),
    TALK("a length beyond all bounds",
         HEAD("Host: x\r\nContent-Length: 99999999999999999999\r\n") SMUGGLED,
         "400", "malformed"),
    TALK("a header without a name", HEAD("Host: x\r\n: y\r\n") SMUGGLED, "400",
         "malformed"),
    TALK("a folded line",
         HEAD("Host: x\r\nX: y\r\n Content-Length: 5\r\n") SMUGGLED, "400",
         "malformed"),
    TALK("a bare line feed behind a header",
         HEAD("Host: x\r\nX: y\nContent-Length: 5\r\n") "hello" SMUGGLED, "400",
         "malformed"),
    TALK("a bare line feed behind the head",
         "POST /echo HTTP/1.1\r\nHost: x\r\n\n" SMUGGLED, "400", "malformed"),
    TALK("bare line feeds only", "GET /echo HTTP/1.1\nHost: x\n\n" SMUGGLED,
         "400", "malformed"),
    TALK("a bare return in a value", HEAD("Host: x\r\nX: a\rb\r\n") SMUGGLED,
         "400", "malformed"),
    TALK("two blanks before the target",
         "GET  /echo HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("a blank behind the version",
         "GET /echo HTTP/1.1 \r\nHost: x\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("two empty lines before it", "\r\n\r\n" GET("/echo") SMUGGLED, "400",
         "malformed"),
    TALK("HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SMUGGLED, "400",
         "malformed"),
    TALK("a method without end",
         "GETGETGETGETGETGETGETGETGETGETGETGETGET /echo HTTP/1.1\r\n", "400",
         "malformed"),
    TALK("a chunk's size with a sign",
         CHUNKED "+5\r\nhello\r\n0\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("a chunk's size below nothing",
         CHUNKED "-1\r\nhello\r\n0\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("a chunk's size like C's",
         CHUNKED "0x5\r\nhello\r\n0\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("a chunk's size past all bounds",
         CHUNKED "100000005\r\nhello\r\n0\r\n\r\n" SMUGGLED, "400",
         "malformed"),
    TALK("no size of a chunk", CHUNKED "\r\nhello\r\n0\r\n\r\n" SMUGGLED, "400",
         "malformed"),
    TALK("a blank behind a chunk's size",
         CHUNKED "5 \r\nhello\r\n0\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("an extension of a chunk",
         CHUNKED "5;a=b\r\nhello\r\n0\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("a bare line feed behind a chunk's size",
         CHUNKED "5\nhello\r\n0\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("a bare line feed behind a chunk",
         CHUNKED "5\r\nhello\n0\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("more than a chunk's size",
         CHUNKED "5\r\nhello!\r\n0\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("a length behind the chunks",
         CHUNKED "0\r\nContent-Length: 5\r\n\r\n" SMUGGLED, "400", "malformed"),
    TALK("an expectation that nobody has",
         HEAD("Host: x\r\nExpect: a-miracle\r\nContent-Length: 5\r\n"), "417",
         "malformed"),
    /* what came whole before it is served first, and answered first */
    TALK("malformed behind others",
         GET("/echo?1") GET("/late?2") "GET /\n" SMUGGLED, "200 200 400",
         "query=2"),
    TALK("a bad chunk behind others",
         GET("/late?1") CHUNKED "5;a\r\nhello\r\n0\r\n\r\n" SMUGGLED, "200 400",
         "query=1"),
    TALK("malformed behind the last", LAST "GET /\n" SMUGGLED, "200",
         "path=/last"),
};

static void test_talks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
        char room[8192];
        char statuses[128];
        struct str got = exchange(talks[i].bytes, room, sizeof(room));
        statuses_of(got, statuses, sizeof(statuses));
        if (strcmp(statuses, talks[i].statuses) != 0 ||
            !holds(got, talks[i].holds) || holds(got, "smuggled"))
            fail_msg("%s: %s expected, got %s:\n%.*s", talks[i].label,
                     talks[i].statuses, statuses, STR_ARG(got));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talks),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
