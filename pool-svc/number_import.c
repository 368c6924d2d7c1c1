/* NUMBER_IMPORT: each line is a NUMBER_ADD of its own, side by side, and has a
 * fate of its own. */
#include "pool-svc/number_add.h"
#include "pool-svc/number_csv.h"
#include "pool-svc/numbers.h"
#include "shared/loop.h"

enum { AT_ONCE = 100 };

struct import {
    struct call call;
    struct csv_rows csv;
    struct fate *fates; /* a row each */
    struct str fault;
    size_t next;
};

/* `word`: added, there, or refused with its problem. */
struct fate {
    const char *word;
    struct problem problem;
};

/* Of a line: what was asked, and what came of it. */
struct line {
    struct number_adding adding; /* the task */
    struct import *import;
    const struct csv_row *row;
    struct msg_number_add ask;
    struct msg_number got;
};

/* ---- fates ---- */

static void note(struct import *i, const struct csv_row *row, const char *word,
                 struct problem problem)
{
    i->fates[row - i->csv.rows] = (struct fate){word, problem};
}

/* As it stands there, as far as it is one. */
static struct str shown(struct str cell)
{
    for (size_t i = 0; i < cell.len; i++)
        if ((unsigned char)cell.ptr[i] < ' ')
            return STR_NONE;
    return str_is_utf8(cell) ? cell : STR_NONE;
}

/* In the order of the lines, whichever ended first. */
static void tell(struct import *i)
{
    const struct msg_number_import *m = i->call.request;
    struct msg_numbers_imported *reply = i->call.reply;
    struct buffer out = {0};
    for (size_t at = 0; at < i->csv.count; at++) {
        const struct csv_row *row = &i->csv.rows[at];
        const struct fate *fate = &i->fates[at];
        bool refused = strcmp(fate->word, "refused") == 0;
        ++*(refused                            ? &reply->refused
            : strcmp(fate->word, "added") == 0 ? &reply->added
                                               : &reply->there);
        buffer_printf(&out, "%u\t%s\t%.*s\t%s\t%.*s\n", row->line, fate->word,
                      STR_ARG(shown(row->phone)),
                      refused ? problem_name(fate->problem.code) : "",
                      STR_ARG(fate->problem.field));
    }
    reply->dry = m->dry;
    reply->fates = arena_copy(i->call.task.arena, buffer_view(&out));
    buffer_free(&out);
}

/* What is wrong with a line as it stands. */
static bool is_faulty(struct import *i, const struct csv_row *row)
{
    switch (row->fault) {
    case CSV_FINE:
        return false;
    case CSV_QUOTES:
    case CSV_COLUMNS:
        note(i, row, "refused",
             (struct problem){PROBLEM_malformed, STR("line"), 0});
        return true;
    case CSV_REPEATED:
        note(i, row, "refused",
             (struct problem){PROBLEM_repeated_line, STR("phone"), 0});
        return true;
    }
    return false;
}

static void line_ended(struct task *t)
{
    struct line *l = (struct line *)t;
    struct task *all = &l->import->call.task;
    if (t->outcome == DONE)
        note(l->import, l->row, l->adding.was_there ? "there" : "added",
             t->problem);
    else if (t->outcome == REJECT)
        note(l->import, l->row, "refused", t->problem);
    if (t->outcome == RETRY)
        task_fail(all, t->problem);
    else
        task_done(all);
}

/* ---- lines ---- */

static struct list capabilities_of(struct arena *arena, struct str cell)
{
    struct list words = {arena_alloc(arena, 4 * sizeof(struct str)), 0};
    while (cell.len > 0 && words.count < 4) {
        struct str word = str_trim(str_cut(&cell, ' '));
        if (word.len > 0)
            words.items[words.count++] = word;
    }
    return words;
}

static void begin_line(struct import *i, const struct csv_row *row)
{
    const struct msg_number_import *m = i->call.request;
    struct task *t = &i->call.task;
    struct line *l = service_task(service_of(t), sizeof(*l), number_add_run,
                                  task_left_ms(t));
    l->import = i;
    l->row = row;
    l->ask = (struct msg_number_add){
        .phone = row->phone,
        .pool = row->pool,
        .label = row->label,
        .capabilities = capabilities_of(t->arena, row->capabilities)};
    l->adding.call.request = &l->ask;
    l->adding.call.reply = &l->got;
    l->adding.dry = m->dry;
    l->adding.call.task.finish = line_ended;
    l->adding.call.task.trace = t->trace;
    task_hold(t);
    task_start(&l->adding.call.task);
}

static void begin_some(struct import *i)
{
    for (int begun = 0; begun < AT_ONCE && i->next < i->csv.count; i->next++) {
        const struct csv_row *row = &i->csv.rows[i->next];
        if (is_faulty(i, row))
            continue;
        begin_line(i, row);
        begun++;
    }
}

static void import_run(struct task *t)
{
    struct import *i = (struct import *)t;
    const struct msg_number_import *m = i->call.request;
    TASK_BEGIN(t);
    if (!csv_read(t->arena, m->csv, &i->csv, &i->fault)) {
        task_reject(
            t, i->fault.len > 0 ? PROBLEM_unknown_column : PROBLEM_too_long,
            STR("csv"));
        TASK_FAIL(t);
    }
    if (i->csv.count == 0) {
        task_reject(t, PROBLEM_missing, STR("csv"));
        TASK_FAIL(t);
    }
    i->fates = arena_alloc(t->arena, i->csv.count * sizeof(*i->fates));
    while (i->next < i->csv.count) {
        AWAIT(t, begin_some(i));
        if (t->outcome != DONE)
            TASK_FAIL(t);
    }
    tell(i);
    TASK_END(t);
}

const struct bus_route route_number_import = {
    &type_number_import, sizeof(struct import), import_run};
