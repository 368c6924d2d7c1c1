#include "gateway/http_wire.h"

#include <string.h>

#include "gateway/http_guard.h"

enum {
    MOST_DIGITS = 18, /* of a length: short of any overflow */
    MOST_HEX = 8,     /* of a chunk's size */
    NOTE_BYTES = 64   /* the library's note on a header, or a cookie */
};

/* From METHOD up to BODY there are lines, whose bytes are weighed. */
enum state {
    BETWEEN,
    BETWEEN_LF,
    METHOD,
    TARGET,
    VERSION,
    VERSION_LF,
    LINE, /* where a header may begin */
    NAME,
    BLANK, /* between the colon and the value */
    VALUE,
    VALUE_LF,
    HEAD_LF,
    BODY,
    SIZE,
    SIZE_LF,
    CHUNK,
    CHUNK_CR,
    CHUNK_LF
};

enum kind { OTHER, HOST, LENGTH, CODING, COOKIE };

/* ---- characters ---- */

static char small(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    return c;
}

/* Letters, digits and !#$%&'*+-.^_`|~: a bit each. */
static bool is_token(char c)
{
    static const uint64_t tokens[2] = {UINT64_C(0x03ff6cfa00000000),
                                       UINT64_C(0x57ffffffc7fffffe)};
    unsigned char u = (unsigned char)c;
    return u < 0x80 && (tokens[u >> 6] >> (u & 63) & 1) != 0;
}

static bool is_visible(char c)
{
    return (unsigned char)c > ' ' && (unsigned char)c != 0x7f;
}

static bool is_text(char c)
{
    return is_visible(c) || c == ' ' || c == '\t';
}

/* How many bytes, in eights, are none below `least` and no DEL; the rest may be
 * good, too. Most of what comes in is looked at here. */
static size_t plain(const char *bytes, size_t len, unsigned char least)
{
    const uint64_t each = UINT64_C(0x0101010101010101), top = each << 7;
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= len; at += sizeof(uint64_t)) {
        uint64_t eight = 0;
        memcpy(&eight, bytes + at, sizeof(eight));
        uint64_t low = (eight - each * least) & ~eight;
        uint64_t del = eight ^ (each * 0x7f);
        if (((low | ((del - each) & ~del)) & top) != 0)
            break;
    }
    return at;
}

static int hex_of(char c)
{
    c = small(c);
    return char_is_digit(c)       ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* ---- going on ---- */

/* Always false, for whoever says whether to go on. */
static bool refuse(struct http_wire *w, int status)
{
    w->refused = status;
    return false;
}

static bool enter(struct http_wire *w, enum state state)
{
    w->state = (uint8_t)state;
    w->size = 0;
    return true;
}

static bool expect(struct http_wire *w, char c, char wanted, enum state next)
{
    return c == wanted ? enter(w, next) : refuse(w, 400);
}

static bool weigh(struct http_wire *w, size_t bytes)
{
    w->weight += (uint32_t)bytes;
    if (w->weight <= WIRE_MOST_WEIGHT)
        return true;
    return refuse(w, w->state == METHOD || w->state == TARGET ? 414 : 431);
}

static bool end_request(struct http_wire *w)
{
    w->ended++;
    w->blank = w->trailing = false;
    return enter(w, BETWEEN);
}

static bool end_head(struct http_wire *w)
{
    if (w->trailing)
        return end_request(w);
    if ((w->http_1_1 && w->hosts == 0) || (w->codings > 0 && !w->http_1_1) ||
        w->lengths + w->codings > 1)
        return refuse(w, 400);
    w->heads++;
    if (w->codings > 0)
        return enter(w, SIZE);
    return w->left > 0 ? enter(w, BODY) : end_request(w);
}

/* ---- the first line ---- */

static bool begin(struct http_wire *w)
{
    w->hosts = w->lengths = w->codings = 0;
    w->trailing = false;
    w->headers = 0;
    w->weight = 0;
    w->left = 0;
    w->begun++;
    return enter(w, METHOD);
}

static bool on_method(struct http_wire *w, char c)
{
    if (c == ' ' && w->size > 0)
        return enter(w, TARGET);
    if (!is_token(c) || ++w->size > WIRE_MOST_METHOD)
        return refuse(w, 400);
    return true;
}

static bool on_version(struct http_wire *w, char c)
{
    static const char version[] = "HTTP/1.";
    const uint32_t minor = sizeof(version) - 1;
    if (w->size > minor)
        return expect(w, c, '\r', VERSION_LF);
    if (w->size < minor ? c != version[w->size] : c != '0' && c != '1')
        return refuse(w, 400);
    w->http_1_1 = c == '1';
    w->size++;
    return true;
}

/* ---- headers ---- */

static enum kind kind_of(const struct http_wire *w)
{
    static const struct {
        const char *name;
        enum kind kind;
    } known[] = {{"host", HOST},
                 {"content-length", LENGTH},
                 {"transfer-encoding", CODING},
                 {"cookie", COOKIE}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strlen(known[i].name) == w->size &&
            memcmp(known[i].name, w->word, w->size) == 0)
            return known[i].kind;
    return OTHER;
}

/* One of each that decides where the request ends, and none behind it. */
static bool count(struct http_wire *w)
{
    uint8_t *counts[] = {
        [HOST] = &w->hosts, [LENGTH] = &w->lengths, [CODING] = &w->codings};
    w->kind = (uint8_t)kind_of(w);
    if (w->kind == OTHER || w->kind == COOKIE)
        return true;
    return (!w->trailing && ++*counts[w->kind] == 1) || refuse(w, 400);
}

static bool on_name(struct http_wire *w, char c)
{
    if (c == ':' && w->size > 0)
        return count(w) && enter(w, BLANK);
    if (!is_token(c))
        return refuse(w, 400);
    if (w->size < WIRE_WORD)
        w->word[w->size] = small(c);
    w->size++;
    return true;
}

static bool on_line(struct http_wire *w, char c)
{
    if (c == '\r')
        return enter(w, HEAD_LF);
    if (++w->headers > HTTP_MOST_HEADERS)
        return refuse(w, 431);
    return weigh(w, NOTE_BYTES) && enter(w, NAME) && on_name(w, c);
}

static bool end_value(struct http_wire *w)
{
    static const uint32_t chunked = sizeof("chunked") - 1;
    if ((w->kind == LENGTH && w->size == 0) ||
        (w->kind == CODING && w->size != chunked))
        return refuse(w, 400);
    return enter(w, VALUE_LF);
}

static bool on_value(struct http_wire *w, char c)
{
    if (c == '\r')
        return end_value(w);
    if (!is_text(c))
        return refuse(w, 400);
    if (w->kind == LENGTH) {
        if (!char_is_digit(c) || w->size == MOST_DIGITS)
            return refuse(w, 400);
        w->left = w->left * 10 + (uint64_t)(c - '0');
    } else if (w->kind == CODING) {
        /* Its NUL stands for what is too long. */
        if (w->size > sizeof("chunked") - 1 || small(c) != "chunked"[w->size])
            return refuse(w, 400);
    } else if (w->kind == COOKIE && (c == ';' || c == ',')) {
        w->size++;
        return weigh(w, NOTE_BYTES);
    }
    w->size++;
    return true;
}

static bool on_blank(struct http_wire *w, char c)
{
    if (c == ' ' || c == '\t')
        return true;
    return enter(w, VALUE) && on_value(w, c);
}

/* ---- the body ---- */

static bool on_size(struct http_wire *w, char c)
{
    int digit = hex_of(c);
    if (c == '\r' && w->size > 0)
        return enter(w, SIZE_LF);
    if (digit < 0 || w->size == MOST_HEX)
        return refuse(w, 400);
    if (w->size++ == 0)
        w->left = 0;
    w->left = w->left * 16 + (uint64_t)digit;
    return true;
}

static bool on_size_end(struct http_wire *w, char c)
{
    if (c != '\n')
        return refuse(w, 400);
    w->trailing = w->left == 0;
    return enter(w, w->trailing ? LINE : CHUNK);
}

/* ---- all of it ---- */

static bool step(struct http_wire *w, char c)
{
    switch ((enum state)w->state) {
    case BETWEEN:
        if (c == '\r' && !w->blank)
            return enter(w, BETWEEN_LF);
        return begin(w) && on_method(w, c);
    case BETWEEN_LF:
        w->blank = true;
        return expect(w, c, '\n', BETWEEN);
    case METHOD:
        return on_method(w, c);
    case TARGET:
        return w->size > 0 ? expect(w, c, ' ', VERSION) : refuse(w, 400);
    case VERSION:
        return on_version(w, c);
    case VERSION_LF:
    case VALUE_LF:
        return expect(w, c, '\n', LINE);
    case LINE:
        return on_line(w, c);
    case NAME:
        return on_name(w, c);
    case BLANK:
        return on_blank(w, c);
    case VALUE:
        return on_value(w, c);
    case HEAD_LF:
        return c == '\n' ? end_head(w) : refuse(w, 400);
    case SIZE:
        return on_size(w, c);
    case SIZE_LF:
        return on_size_end(w, c);
    case CHUNK_CR:
        return expect(w, c, '\r', CHUNK_LF);
    case CHUNK_LF:
        return expect(w, c, '\n', SIZE);
    case BODY:
    case CHUNK:
        break; /* passed by as a whole, below */
    }
    return refuse(w, 400);
}

static size_t pass_body(struct http_wire *w, size_t len)
{
    size_t taken = w->left < len ? (size_t)w->left : len;
    w->left -= taken;
    if (w->left == 0)
        (void)(w->state == BODY ? end_request(w) : enter(w, CHUNK_CR));
    return taken;
}

/* Bytes that come many at a time and change no state. */
static size_t pass_by(struct http_wire *w, const char *bytes, size_t len)
{
    size_t run = 0;
    if (w->state == BODY || w->state == CHUNK)
        return pass_body(w, len);
    if (w->state == TARGET) {
        run = plain(bytes, len, ' ' + 1);
        while (run < len && is_visible(bytes[run]))
            run++;
        w->size += (uint32_t)run;
        if (w->size > HTTP_MOST_TARGET)
            (void)refuse(w, 414);
    } else if (w->state == VALUE && (w->kind == OTHER || w->kind == HOST)) {
        run = plain(bytes, len, ' ');
        while (run < len && is_text(bytes[run]))
            run++;
    }
    return run;
}

size_t http_wire_take(struct http_wire *wire, const char *bytes, size_t len)
{
    size_t at = 0;
    while (at < len && wire->refused == 0) {
        bool in_head = wire->state >= METHOD && wire->state < BODY;
        size_t run = pass_by(wire, bytes + at, len - at);
        if (run > 0 && in_head && !weigh(wire, run))
            break;
        at += run;
        if (run > 0 || wire->refused != 0)
            continue;
        if ((in_head && !weigh(wire, 1)) || !step(wire, bytes[at]))
            break;
        at++;
    }
    return at;
}

enum http_wire_part http_wire_part(const struct http_wire *wire)
{
    if (wire->state == BETWEEN || wire->state == BETWEEN_LF)
        return WIRE_BETWEEN;
    return wire->heads == wire->begun ? WIRE_BODY : WIRE_HEAD;
}
