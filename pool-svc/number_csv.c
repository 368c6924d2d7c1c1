#include "pool-svc/number_csv.h"

#include <csv.h>
#include <stdlib.h>

#include "shared/phone.h"

enum { COLUMNS_MOST = 8 };
enum column { PHONE, POOL, LABEL, CAPABILITIES, COLUMNS };

static const char *const names[COLUMNS] = {"phone", "pool", "label",
                                           "capabilities"};

/* One line taken apart. */
struct cells {
    struct arena *arena;
    struct str cells[COLUMNS_MOST];
    size_t count;
};

static void cell_came(void *bytes, size_t len, void *arg)
{
    struct cells *c = arg;
    if (c->count < COLUMNS_MOST)
        c->cells[c->count] =
            str_trim(arena_copy(c->arena, (struct str){bytes, len}));
    c->count++;
}

static void line_came(int end, void *arg)
{
    (void)end;
    (void)arg;
}

static void begin_parser(struct csv_parser *parser, unsigned char delimiter)
{
    if (csv_init(parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        abort();
    csv_set_realloc_func(parser, xrealloc);
    csv_set_delim(parser, delimiter);
}

/* False: a quote does not end. */
static bool take_apart(struct csv_parser *parser, struct str line,
                       struct cells *c)
{
    c->count = 0;
    bool good = csv_parse(parser, line.ptr, line.len, cell_came, line_came,
                          c) == line.len;
    good = csv_fini(parser, cell_came, line_came, c) == 0 && good;
    if (!good) { /* it would go on in that line */
        unsigned char delimiter = csv_get_delim(parser);
        csv_free(parser);
        begin_parser(parser, delimiter);
        c->count = 0;
    }
    return good;
}

/* ---- columns ---- */

struct layout {
    enum column at[COLUMNS_MOST];
    size_t count;
};

static bool is_header(const struct cells *c)
{
    for (size_t i = 0; i < c->count && i < COLUMNS_MOST; i++)
        if (str_same_word(c->cells[i], str_of(names[PHONE])))
            return true;
    return false;
}

static bool read_header(const struct cells *c, struct layout *out,
                        struct str *fault)
{
    out->count = 0;
    for (size_t i = 0; i < c->count; i++) {
        enum column k = PHONE;
        while (k < COLUMNS && i < COLUMNS_MOST &&
               !str_same_word(c->cells[i], str_of(names[k])))
            k++;
        if (k == COLUMNS || i == COLUMNS_MOST) {
            *fault = i < COLUMNS_MOST ? c->cells[i] : STR("columns");
            return false;
        }
        out->at[out->count++] = k;
    }
    return true;
}

static void fill_row(struct csv_row *row, const struct cells *c,
                     const struct layout *layout)
{
    struct str *const fields[COLUMNS] = {&row->phone, &row->pool, &row->label,
                                         &row->capabilities};
    if (c->count > layout->count)
        row->fault = CSV_COLUMNS;
    for (size_t i = 0; i < c->count && i < layout->count; i++)
        *fields[layout->at[i]] = c->cells[i];
}

static bool is_blank(const struct cells *c)
{
    for (size_t i = 0; i < c->count && i < COLUMNS_MOST; i++)
        if (c->cells[i].len > 0)
            return false;
    return c->count <= COLUMNS_MOST;
}

/* ---- repeated lines ---- */

static int by_phone_then_line(const void *a, const void *b)
{
    const struct csv_row *x = *(const struct csv_row *const *)a;
    const struct csv_row *y = *(const struct csv_row *const *)b;
    int order = str_compare(x->phone, y->phone);
    return order != 0 ? order : (x->line < y->line ? -1 : 1);
}

/* One number may be spelled in two ways. */
static void mark_repeated(struct arena *arena, struct csv_rows *all)
{
    struct csv_row *plain = arena_alloc(arena, all->count * sizeof(*plain) + 1);
    struct csv_row **sorted =
        arena_alloc(arena, all->count * sizeof(struct csv_row *) + 1);
    for (size_t i = 0; i < all->count; i++) {
        struct phone phone;
        enum problem_code why = PROBLEM_invalid;
        plain[i] = all->rows[i];
        if (phone_parse(all->rows[i].phone, &phone, &why))
            plain[i].phone = arena_copy(arena, phone_str(&phone));
        plain[i].line = (unsigned)i;
        sorted[i] = &plain[i];
    }
    qsort(sorted, all->count, sizeof(struct csv_row *), by_phone_then_line);
    for (size_t i = 1; i < all->count; i++) {
        struct csv_row *row = &all->rows[sorted[i]->line];
        if (row->fault == CSV_FINE && sorted[i]->phone.len > 0 &&
            str_eq(sorted[i]->phone, sorted[i - 1]->phone))
            row->fault = CSV_REPEATED;
    }
}

/* ---- all of it ---- */

struct reading {
    struct csv_parser parser;
    struct layout layout;
    struct cells cells;
    struct csv_rows *out;
    struct str *fault;
    unsigned line;
    bool begun;
};

static bool read_line(struct reading *r, struct str line)
{
    struct csv_row row = {.line = r->line};
    if (!take_apart(&r->parser, line, &r->cells))
        row.fault = CSV_QUOTES;
    else if (is_blank(&r->cells))
        return true;
    else if (!r->begun && is_header(&r->cells)) {
        r->begun = true;
        return read_header(&r->cells, &r->layout, r->fault);
    }
    r->begun = true;
    fill_row(&row, &r->cells, &r->layout);
    if (r->out->count == CSV_ROWS_MOST)
        return false;
    r->out->rows[r->out->count++] = row;
    return true;
}

/* That which stands first. */
static unsigned char delimiter_of(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ',' || text.ptr[i] == ';')
            return (unsigned char)text.ptr[i];
    return ',';
}

bool csv_read(struct arena *arena, struct str text, struct csv_rows *out,
              struct str *fault)
{
    struct reading r = {.layout = {{PHONE, POOL, LABEL, CAPABILITIES}, COLUMNS},
                        .cells = {.arena = arena},
                        .out = out,
                        .fault = fault};
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++)
        most += text.ptr[i] == '\n' ? 1 : 0;
    if (most > CSV_ROWS_MOST)
        most = CSV_ROWS_MOST;
    *out = (struct csv_rows){arena_alloc(arena, most * sizeof(*out->rows)), 0};
    *fault = STR_NONE;
    begin_parser(&r.parser, delimiter_of(text));
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_from(text, 3);
    bool good = true;
    while (good && text.len > 0) {
        r.line++;
        good = read_line(&r, str_cut(&text, '\n'));
    }
    csv_free(&r.parser);
    if (good)
        mark_repeated(arena, out);
    return good;
}
