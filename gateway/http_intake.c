#include "gateway/http_intake.h"

#include <arpa/inet.h>

#include "gateway/http_guard.h"
#include "gateway/http_peers.h"

enum {
    FIRST_BODY = 1024,
    /* A body too large is read and thrown away up to here: a client that is
     * cut off while it writes may never see the 413. */
    MOST_SWALLOWED = 16 * 1024 * 1024
};

/* What the library's iterator fills. */
struct walk {
    struct http_header headers[HTTP_MOST_HEADERS];
    size_t count, bytes;
    bool left_out;
};

/* We read the query ourselves; so the library's reading of it is stopped here.
 * It takes notes on each parameter, and 0.9.75 loses the request when they
 * overflow its memory: no answer, no end, no word to us that it is gone. */
static void hide_query(const char *uri)
{
    union {
        const char *in;
        char *out;
    } query = {.in = strchr(uri, '?')};
    if (query.in != NULL && query.in[1] != '\0')
        query.out[1] = '\0';
}

void intake_begin(struct intake *in, const char *uri)
{
    struct str target = str_of(uri);
    in->uri_end = uri + target.len;
    in->arena = arena_new();
    in->request = arena_alloc(in->arena, sizeof(*in->request));
    in->request->target = arena_copy(in->arena, target);
    hide_query(uri);
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind,
                                 const char *name, size_t name_len,
                                 const char *value, size_t value_len)
{
    struct walk *walk = arg;
    (void)kind;
    if (walk->count == HTTP_MOST_HEADERS) {
        walk->left_out = true;
        return MHD_NO;
    }
    walk->headers[walk->count++] =
        (struct http_header){{name, name_len}, {value, value_len}};
    walk->bytes += name_len + value_len;
    return MHD_YES;
}

static struct str pack(char **at, struct str bytes)
{
    struct str packed = {*at, bytes.len};
    if (bytes.len > 0)
        memcpy(*at, bytes.ptr, bytes.len);
    *at += bytes.len;
    return packed;
}

static void keep_head(struct intake *in, const struct walk *walk,
                      struct str method, struct str target)
{
    struct http_request *r = in->request;
    size_t table = walk->count * sizeof(struct http_header);
    struct http_header *headers =
        arena_alloc(in->arena, table + walk->bytes + method.len);
    char *bytes = (char *)headers + table;
    for (size_t i = 0; i < walk->count; i++) {
        headers[i].name = pack(&bytes, walk->headers[i].name);
        headers[i].value = pack(&bytes, walk->headers[i].value);
    }
    r->method = str_is(method, "HEAD") ? STR("GET") : pack(&bytes, method);
    r->headers = headers;
    r->nheaders = walk->count;
    r->target = target;
    r->path = str_cut(&target, '?');
    r->query = target;
}

static struct str peer_of(struct arena *arena,
                          struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char *text = arena_alloc(arena, INET6_ADDRSTRLEN);
    if (info != NULL && info->client_addr != NULL)
        http_address_text(info->client_addr, text);
    return str_of(text);
}

bool intake_head(struct intake *in, struct MHD_Connection *connection,
                 const char *method, const char *version)
{
    struct walk walk;
    walk.count = walk.bytes = 0;
    walk.left_out = false;
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_header,
                                      &walk);
    /* The version stands right behind the target, or the target held a NUL. */
    bool whole = version == in->uri_end + 1;
    struct http_head head = {.version = str_of(version),
                             .method = str_of(method),
                             .target = whole ? in->request->target : STR_NONE,
                             .headers = walk.headers,
                             .nheaders = walk.count,
                             .headers_left_out = walk.left_out};
    struct http_verdict verdict = http_guard(&head);
    in->refused = verdict.status;
    in->announced = verdict.length;
    if (verdict.status == 0) {
        keep_head(in, &walk, head.method, verdict.path_and_query);
        in->request->peer = peer_of(in->arena, connection);
    }
    return verdict.status == 0 ||
           !(verdict.close || verdict.waits || verdict.length > MOST_SWALLOWED);
}

/* Room grows with what has come, not with what was announced: a client that
 * only promises a body costs nothing. */
static void make_room(struct intake *in, size_t len)
{
    size_t room = in->body_room > 0 ? in->body_room : FIRST_BODY;
    if (in->body_room >= len)
        return;
    while (room < len)
        room *= 2;
    if (in->announced >= len && in->announced < room)
        room = in->announced;
    char *body = arena_alloc(in->arena, room);
    if (in->body_len > 0)
        memcpy(body, in->body, in->body_len);
    in->body = body;
    in->body_room = room;
}

bool intake_body(struct intake *in, const char *bytes, size_t len)
{
    if (in->refused == 0 && len > HTTP_MOST_BODY - in->body_len)
        in->refused = 413;
    if (in->refused != 0) {
        in->swallowed += len;
        return in->swallowed <= MOST_SWALLOWED;
    }
    make_room(in, in->body_len + len);
    memcpy(in->body + in->body_len, bytes, len);
    in->body_len += len;
    return true;
}

struct http_request *intake_end(struct intake *in)
{
    struct http_request *request = in->request;
    request->arena = in->arena;
    request->body = (struct str){in->body, in->body_len};
    *in = (struct intake){0};
    return request;
}
