#include "deploy/rekey/sealed.h"

#include <stdio.h>
#include <stdlib.h>

#include "deploy/rekey/swap.h"
#include "deploy/rekey/walk.h"
#include "shared/fault.h"
#include "shared/keys.h"
#include "shared/message.h"

enum { KEYS_A_PAGE = 300, ITEMS_A_PAGE = 100 };

/* A value being looked at. */
struct sight {
    struct task *task;
    struct str key;
    struct edit edit;
    struct sealed_tally *tally;
};

/* ---- what each kind of key holds ---- */

static void odd(struct sight *s)
{
    struct sealed_tally *tally = s->tally;
    if (tally->unreadable < ODD_KEYS)
        (void)snprintf(tally->odd[tally->unreadable], ODD_ROOM, "%.*s",
                       STR_ARG(s->key));
    tally->unreadable++;
}

/* `value` is a part of what is looked at. */
static void renew(struct sight *s, struct str value, struct str meaning)
{
    const struct vault *vault = app_of(s->task)->vault;
    struct str again;
    if (value.len == 0)
        return;
    s->tally->values++;
    if (vault_sealed_by(value) == vault_seals_with(vault))
        return;
    if (vault_reseal(vault, s->task->arena, value, meaning, &again))
        edit_part(s->task->arena, &s->edit, value, again);
    else
        odd(s);
}

static void renew_phone(struct sight *s, struct str value, struct str ride,
                        struct str role)
{
    renew(s, value, meaning_phone(s->task->arena, ride, role));
}

static void renew_text(struct sight *s, struct str value, struct str reference)
{
    renew(s, value, meaning_text(s->task->arena, reference));
}

static bool decode(struct sight *s, const struct message_type *type,
                   void *record)
{
    if (record_decode(type, s->edit.was, s->task->arena, record))
        return true;
    odd(s);
    return false;
}

/* ride:{17}:<id> */
static void see_ride(struct sight *s)
{
    struct msg_ride_record ride;
    struct str before, id = last_part(s->key, &before);
    if (!decode(s, &type_ride_record, &ride))
        return;
    renew_phone(s, ride.customer_phone, id, STR("customer"));
    renew_phone(s, ride.driver_phone, id, STR("driver"));
}

/* route:{17}:<proxy>:<phone> */
static void see_route(struct sight *s)
{
    struct msg_route route;
    if (!decode(s, &type_route, &route))
        return;
    renew_phone(s, route.other, route.ride,
                str_is(route.role, "customer") ? STR("driver")
                                               : STR("customer"));
    renew_phone(s, route.left, route.ride, route.role);
}

/* letter:{17}:<reference> */
static void see_letter(struct sight *s)
{
    struct msg_letter_record letter;
    if (!decode(s, &type_letter_record, &letter))
        return;
    renew_phone(s, letter.to, letter.ride, letter.role);
    renew_text(s, letter.text, letter.reference);
}

/* parked:{17}:<ride>:<role>, an item */
static void see_parked(struct sight *s)
{
    struct msg_parked_record parked;
    struct str ride, role = last_part(s->key, &ride), before;
    if (!decode(s, &type_parked_record, &parked))
        return;
    ride.len--;
    renew_phone(s, parked.to, last_part(ride, &before), role);
    renew_text(s, parked.text, parked.reference);
}

/* unrouted:{17}, an item */
static void see_unrouted(struct sight *s)
{
    struct msg_unrouted_record text;
    if (decode(s, &type_unrouted_record, &text))
        renew_text(s, text.text, text.reference);
}

/* customer:<id>, driver:<id>: the field `phone` */
static void see_person(struct sight *s)
{
    struct str role, id = last_part(s->key, &role);
    int64_t number = 0;
    if (!str_to_num(id, &number))
        return;
    role.len--;
    renew(s, s->edit.was,
          meaning_person(s->task->arena, arena_cstr(s->task->arena, role),
                         number));
}

/* {access}:account:<name>: the fields `totp` and `totp_new` */
static void see_totp(struct sight *s)
{
    struct str before, name = last_part(s->key, &before);
    renew(s, s->edit.was, meaning_totp(s->task->arena, name));
}

/* An entry cannot be changed where it stands. */
static void see_entry(struct sight *s)
{
    unsigned by = vault_sealed_by(s->edit.was);
    s->tally->values++;
    if (s->edit.was.len > 0 && by != vault_seals_with(app_of(s->task)->vault))
        s->tally->waiting++;
}

enum holding { IN_STRING, IN_FIELD, IN_LIST, IN_STREAM };

static const struct kind {
    const char *prefix;
    enum holding in;
    const char *field;
    void (*see)(struct sight *s);
} kinds[] = {
    {"ride:{", IN_STRING, "", see_ride},
    {"route:{", IN_STRING, "", see_route},
    {"letter:{", IN_STRING, "", see_letter},
    {"customer:", IN_FIELD, "phone", see_person},
    {"driver:", IN_FIELD, "phone", see_person},
    {"{access}:account:", IN_FIELD, "totp", see_totp},
    {"{access}:account:", IN_FIELD, "totp_new", see_totp},
    {"parked:{", IN_LIST, "", see_parked},
    {"unrouted:{", IN_LIST, "", see_unrouted},
    {"outbox:{", IN_STREAM, "", see_entry},
};

/* parked:{17} itself is no list, but says when each of them is due. */
static bool is_list_of_due(struct str key)
{
    return str_starts(key, STR("parked:{")) && key.ptr[key.len - 1] == '}';
}

enum { KINDS = sizeof(kinds) / sizeof(*kinds), MOST_KINDS_OF_A_KEY = 2 };

static bool is_kind_of(const struct kind *kind, struct str key)
{
    return str_starts(key, str_of(kind->prefix)) && !is_list_of_due(key);
}

/* ---- a page of keys ---- */

/* A list or a stream of the page, for after it. */
struct later {
    struct later *next;
    const struct kind *kind;
    struct str key;
};

struct pass {
    struct sealed_tally *tally;
    struct arena *arena; /* of what is for later */
    struct later *later;
    enum end end;
};

struct found {
    struct str key;
    const struct kind *kind;
    struct value read, swapped;
    struct edit edit;
};

struct sealed_page {
    struct page page;
    struct found *found;
    size_t count;
};

static void sort_out(struct sealed_page *c)
{
    struct arena *arena = c->page.task.arena;
    struct pass *pass = c->page.arg;
    const struct value *keys = c->page.keys;
    c->found = arena_alloc(arena, (keys->count * MOST_KINDS_OF_A_KEY + 1) *
                                      sizeof(*c->found));
    for (size_t i = 0; i < keys->count * KINDS; i++) {
        struct str key = value_str(value_at(keys, i / KINDS));
        const struct kind *kind = &kinds[i % KINDS];
        if (!is_kind_of(kind, key))
            continue;
        if (kind->in == IN_STRING || kind->in == IN_FIELD) {
            c->found[c->count++] = (struct found){.key = key, .kind = kind};
            continue;
        }
        struct later *later = arena_alloc(pass->arena, sizeof(*later));
        *later =
            (struct later){pass->later, kind, arena_copy(pass->arena, key)};
        pass->later = later;
    }
}

static enum place place_of(const struct kind *kind)
{
    return kind->in == IN_FIELD ? PLACE_FIELD : PLACE_STRING;
}

static void read_found(struct task *t, struct sealed_page *c)
{
    for (size_t i = 0; i < c->count; i++)
        place_read(t, place_of(c->found[i].kind), c->found[i].key,
                   str_of(c->found[i].kind->field), &c->found[i].read);
}

static void swap_found(struct task *t, struct sealed_page *c)
{
    struct pass *pass = c->page.arg;
    for (size_t i = 0; i < c->count; i++) {
        struct found *f = &c->found[i];
        struct sight sight = {
            t, f->key, {value_str(&f->read), NULL, 0}, pass->tally};
        if (f->read.kind != VALUE_STR)
            continue; /* gone since */
        f->kind->see(&sight);
        f->edit = sight.edit;
        if (f->edit.now != NULL)
            place_swap(t, place_of(f->kind), f->key, str_of(f->kind->field),
                       &f->edit, &f->swapped);
    }
}

static void count_swapped(struct sealed_tally *tally, const struct edit *edit,
                          const struct value *swapped)
{
    if (edit->now == NULL)
        return;
    if (value_num(swapped, 0) == 1)
        tally->changed += edit->changed;
    else
        tally->missed++;
}

static void page_run(struct task *t)
{
    struct sealed_page *c = (struct sealed_page *)t;
    TASK_BEGIN(t);
    AWAIT(t, page_scan(&c->page));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    page_read(&c->page);
    sort_out(c);
    AWAIT(t, read_found(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, swap_found(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    for (size_t i = 0; i < c->count; i++)
        count_swapped(((struct pass *)c->page.arg)->tally, &c->found[i].edit,
                      &c->found[i].swapped);
    FAULT("seal.page");
    TASK_END(t);
}

/* ---- lists and streams, in pieces ---- */

struct piece {
    struct task task;
    struct later *of;
    struct sealed_tally *tally;
    int64_t *from; /* of a list */
    char *behind;  /* of a stream; room for an entry's id */
    bool *more;
    struct value read;
    struct value swapped[ITEMS_A_PAGE];
    struct edit edits[ITEMS_A_PAGE];
};

enum { ENTRY_ROOM = 48 };

static void read_piece(struct task *t, struct piece *p)
{
    struct redis *redis = app_of(t)->redis;
    struct str key = p->of->key;
    if (p->of->kind->in == IN_LIST)
        REDIS_DO(redis, t, key, &p->read, STR("LRANGE"), key,
                 arena_number(t->arena, *p->from),
                 arena_number(t->arena, *p->from + ITEMS_A_PAGE - 1));
    else
        REDIS_DO(redis, t, key, &p->read, STR("XRANGE"), key, str_of(p->behind),
                 STR("+"), STR("COUNT"), arena_number(t->arena, ITEMS_A_PAGE));
}

static void see_items(struct task *t, struct piece *p)
{
    for (size_t i = 0; i < p->read.count && i < ITEMS_A_PAGE; i++) {
        struct str was = value_str(value_at(&p->read, i));
        struct sight sight = {t, p->of->key, {was, NULL, 0}, p->tally};
        p->of->kind->see(&sight);
        p->edits[i] = sight.edit;
        if (sight.edit.now != NULL)
            place_swap(t, PLACE_ITEM, p->of->key,
                       arena_number(t->arena, *p->from + (int64_t)i),
                       &p->edits[i], &p->swapped[i]);
    }
}

/* {{id, {field, value, …}}, …} */
static void see_entries(struct task *t, struct piece *p)
{
    for (size_t i = 0; i < p->read.count; i++) {
        const struct value *fields = value_at(value_at(&p->read, i), 1);
        struct str sealed[] = {value_field(fields, "to"),
                               value_field(fields, "text")};
        for (size_t k = 0; k < 2; k++) {
            struct sight sight = {
                t, p->of->key, {sealed[k], NULL, 0}, p->tally};
            p->of->kind->see(&sight);
        }
        (void)snprintf(p->behind, ENTRY_ROOM, "(%.*s",
                       STR_ARG(value_str(value_at(value_at(&p->read, i), 0))));
    }
}

static void piece_run(struct task *t)
{
    struct piece *p = (struct piece *)t;
    TASK_BEGIN(t);
    AWAIT(t, read_piece(t, p));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    *p->more = p->read.count == ITEMS_A_PAGE;
    if (p->of->kind->in == IN_STREAM) {
        see_entries(t, p);
    } else {
        AWAIT(t, see_items(t, p));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        for (size_t i = 0; i < ITEMS_A_PAGE; i++)
            count_swapped(p->tally, &p->edits[i], &p->swapped[i]);
        *p->from += ITEMS_A_PAGE;
    }
    TASK_END(t);
}

static bool see_later(struct app *a, struct pass *pass, struct later *later)
{
    int64_t from = 0;
    char behind[ENTRY_ROOM] = "-";
    bool more = true;
    while (more) {
        struct piece *p = app_task(a, sizeof(*p), piece_run);
        p->of = later;
        p->tally = pass->tally;
        p->from = &from;
        p->behind = behind;
        p->more = &more;
        if (!app_run(a, p))
            return false;
    }
    return true;
}

/* What could not be read now is missed: another pass comes to it. */
static void see_all_later(struct app *a, void *arg)
{
    struct pass *pass = arg;
    for (struct later *l = pass->later; l != NULL; l = l->next)
        if (!see_later(a, pass, l))
            pass->tally->missed++;
    pass->later = NULL;
    arena_destroy(&pass->arena);
    pass->arena = arena_new();
}

enum end sealed_pass(struct app *a, const char *match,
                     struct sealed_tally *tally)
{
    struct pass pass = {.tally = tally, .arena = arena_new()};
    struct walk w = {.match = match,
                     .what = "sealing anew",
                     .keys = KEYS_A_PAGE,
                     .gently = true,
                     .size = sizeof(struct sealed_page),
                     .run = page_run,
                     .behind = see_all_later,
                     .arg = &pass};
    *tally = (struct sealed_tally){0};
    enum end end = walk(a, &w);
    arena_destroy(&pass.arena);
    return end;
}
