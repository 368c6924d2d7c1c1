#include "tests/unit/check.h"

#include "gateway/http_guard.h"

#define H(name, value)                                                         \
    {                                                                          \
        {name, sizeof(name) - 1},                                              \
        {                                                                      \
            value, sizeof(value) - 1                                           \
        }                                                                      \
    }
#define HOST H("host", "x")

/* Beside these, test_http_framing.c has the rules in raw bytes. */
static const struct row {
    const char *label, *version, *method, *target;
    struct http_header headers[4]; /* ends at an empty name */
    int status;
    bool close, waits;
    uint64_t length;
    const char *path_and_query;
} rows[] = {
    {"a GET", "HTTP/1.1", "GET", "/a?b", {HOST}, 0, false, false, 0, "/a?b"},
    {"a body",
     "HTTP/1.1",
     "POST",
     "/",
     {HOST, H("CONTENT-LENGTH", "65536")},
     0,
     false,
     false,
     65536,
     "/"},
    {"leading zeros",
     "HTTP/1.1",
     "POST",
     "/",
     {HOST, H("Content-Length", "0000007")},
     0,
     false,
     false,
     7,
     "/"},
    {"a body one byte too large",
     "HTTP/1.1",
     "POST",
     "/",
     {HOST, H("Content-Length", "65537")},
     413,
     false,
     false,
     65537,
     "/"},
    {"... that waits",
     "HTTP/1.1",
     "POST",
     "/",
     {HOST, H("Content-Length", "65537"), H("Expect", "100-continue")},
     413,
     false,
     true,
     65537,
     "/"},
    {"nothing overflows",
     "HTTP/1.1",
     "POST",
     "/",
     {HOST, H("Content-Length", "18446744073709551621")},
     400,
     true,
     false,
     0,
     ""},
    {"a method not served keeps its length",
     "HTTP/1.1",
     "OPTIONS",
     "*",
     {HOST, H("Content-Length", "70000")},
     405,
     false,
     false,
     70000,
     ""},
    {"an empty method", "HTTP/1.1", "", "/", {HOST}, 405, false, false, 0, ""},
    {"https, in capitals",
     "HTTP/1.1",
     "GET",
     "HTTPS://h:1/a/b?c=/d",
     {HOST},
     0,
     false,
     false,
     0,
     "/a/b?c=/d"},
    {"a URL with a query and no path",
     "HTTP/1.1",
     "GET",
     "http://h?a=/b",
     {HOST},
     400,
     false,
     false,
     0,
     "?a=/b"},
    {"another scheme",
     "HTTP/1.1",
     "GET",
     "ftp://h/a",
     {HOST},
     400,
     false,
     false,
     0,
     "ftp://h/a"},
    {"an empty target", "HTTP/1.1", "GET", "", {HOST}, 400, true, false, 0, ""},
    {"a DEL in the target",
     "HTTP/1.1",
     "GET",
     "/\x7f",
     {HOST},
     400,
     true,
     false,
     0,
     ""},
    {"bytes beyond ASCII in the target",
     "HTTP/1.1",
     "GET",
     "/\xc3\xa9",
     {HOST},
     0,
     false,
     false,
     0,
     "/\xc3\xa9"},
    {"an empty host is a host",
     "HTTP/1.1",
     "GET",
     "/",
     {H("Host", "")},
     0,
     false,
     false,
     0,
     "/"},
    {"no host",
     "HTTP/1.1",
     "GET",
     "/",
     {H("Hosts", "x")},
     400,
     true,
     false,
     0,
     ""},
    {"no host in HTTP/1.0",
     "HTTP/1.0",
     "GET",
     "/",
     {H("A", "x")},
     0,
     false,
     false,
     0,
     "/"},
    {"two hosts in HTTP/1.0",
     "HTTP/1.0",
     "GET",
     "/",
     {HOST, HOST},
     400,
     true,
     false,
     0,
     ""},
    {"HTTP/2.0", "HTTP/2.0", "GET", "/", {HOST}, 400, true, false, 0, ""},
    {"no version", "", "GET", "/", {HOST}, 400, true, false, 0, ""},
    {"a name beyond ASCII",
     "HTTP/1.1",
     "GET",
     "/",
     {HOST, H("H\xc3\xb6st", "y")},
     400,
     true,
     false,
     0,
     ""},
    {"a NUL in a value",
     "HTTP/1.1",
     "GET",
     "/",
     {HOST, H("A", "b\0c")},
     400,
     true,
     false,
     0,
     ""},
    {"all marks of a name",
     "HTTP/1.1",
     "GET",
     "/",
     {HOST, H("!#$%&'*+-.^_`|~09azAZ", "y")},
     0,
     false,
     false,
     0,
     "/"},
    {"a bracket in a name",
     "HTTP/1.1",
     "GET",
     "/",
     {HOST, H("a(b", "y")},
     400,
     true,
     false,
     0,
     ""},
};

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct http_head head = {.version = str_of(row->version),
                                 .method = str_of(row->method),
                                 .target = str_of(row->target),
                                 .headers = row->headers};
        while (head.nheaders < 4 && row->headers[head.nheaders].name.len > 0)
            head.nheaders++;
        struct http_verdict got = http_guard(&head);
        CHECK(row->label, got.status == row->status);
        CHECK(row->label, got.close == row->close);
        CHECK(row->label, got.waits == row->waits);
        CHECK(row->label, got.length == row->length);
        CHECK(row->label, row->path_and_query[0] == '\0' ||
                              str_is(got.path_and_query, row->path_and_query));
    }
}

/* What was not seen may be a second length: not even a 431 keeps the
 * connection. */
static void test_headers_left_out(void **state)
{
    (void)state;
    static const struct http_header host = HOST;
    struct http_head head = {.version = STR("HTTP/1.1"),
                             .method = STR("GET"),
                             .target = STR("/"),
                             .headers = &host,
                             .nheaders = 1,
                             .headers_left_out = true};
    struct http_verdict got = http_guard(&head);
    assert_int_equal(got.status, 431);
    assert_true(got.close);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_headers_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
