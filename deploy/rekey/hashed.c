#include "deploy/rekey/hashed.h"

#include "deploy/rekey/swap.h"
#include "deploy/rekey/walk.h"
#include "shared/fault.h"
#include "shared/keys.h"
#include "shared/message.h"
#include "shared/script.h"

SCRIPT(move);

enum { KEYS_A_PAGE = 1000 };

struct pass {
    unsigned layer;
    struct hashed_tally tally;
};

/* A key being looked at. */
struct sight {
    struct task *task;
    struct pass *pass;
    struct str key;
    struct edit edit; /* of its value */
    struct str name;  /* its new one; empty: it keeps its own */
};

/* ---- hashes ---- */

/* The hash with the new layer; empty where it stays. */
static struct str laid_over(struct sight *s, const char *purpose,
                            struct str hash, size_t chars)
{
    struct pass *pass = s->pass;
    if (hash.len == 0 || vault_has_layers(hash, pass->layer))
        return STR_NONE;
    if (hash.len != chars || !vault_has_layers(hash, pass->layer - 1)) {
        pass->tally.odd++;
        return STR_NONE;
    }
    pass->tally.changed++;
    return vault_add_layer(app_of(s->task)->vault, s->task->arena, pass->layer,
                           purpose, hash);
}

static void in_value(struct sight *s, struct str hash)
{
    struct str new = laid_over(s, "phone", hash, VAULT_PHONE_CHARS);
    if (new.len > 0)
        edit_part(s->task->arena, &s->edit, hash, new);
}

/* ---- what each kind of key holds ---- */

/* route:{17}:<proxy>:<phone>, pool:{NL}:held:<phone>, person-rides:<phone>,
 * phone:<phone> */
static void see_name(struct sight *s)
{
    struct str before, hash = last_part(s->key, &before);
    struct str new = laid_over(s, "phone", hash, VAULT_PHONE_CHARS);
    if (new.len > 0)
        s->name = arena_printf(s->task->arena, "%.*s%.*s", STR_ARG(before),
                               STR_ARG(new));
}

/* pool:{NL}:<what>:<which>: only what people hold */
static void see_pool(struct sight *s)
{
    struct str before;
    (void)last_part(s->key, &before);
    struct str held = STR(":held:");
    if (before.len > held.len &&
        str_eq(str_from(before, before.len - held.len), held))
        see_name(s);
}

/* told:{17}:<proxy>:<phone>; others have a ride or a reference there, which has
 * a dash */
static void see_told(struct sight *s)
{
    struct str proxy, before;
    (void)last_part(s->key, &proxy);
    proxy.len--;
    proxy = last_part(proxy, &before);
    bool is_number = proxy.len > 0;
    for (size_t i = 0; i < proxy.len; i++)
        is_number = is_number && char_is_digit(proxy.ptr[i]);
    if (is_number)
        see_name(s);
}

/* ride:{17}:<id> */
static void see_ride(struct sight *s)
{
    struct msg_ride_record ride;
    if (!record_decode(&type_ride_record, s->edit.was, s->task->arena, &ride)) {
        s->pass->tally.odd++;
        return;
    }
    in_value(s, ride.customer_key);
    in_value(s, ride.driver_key);
    in_value(s, ride.left);
}

/* customer:<id>, driver:<id>: the field `key` */
static void see_person(struct sight *s)
{
    in_value(s, s->edit.was);
}

/* customer:<id>, driver:<id>: the field `before`; {erasures}:<id>: `phones`:
 * hashes with a blank between */
static void see_words(struct sight *s)
{
    struct str rest = s->edit.was;
    while (rest.len > 0)
        in_value(s, str_cut(&rest, ' '));
}

/* unrouted:{17}, an item: what somebody wrote that reached nobody */
static void see_unrouted(struct sight *s)
{
    struct msg_unrouted_record text;
    if (record_decode(&type_unrouted_record, s->edit.was, s->task->arena,
                      &text))
        in_value(s, text.phone);
}

/* {customers}:request:<key>: "<id> <content>", of which the phone is a part; or
 * "<id> made", "<id> removed" */
static void see_request(struct sight *s)
{
    struct str hash = s->edit.was;
    (void)str_cut(&hash, ' ');
    if (hash.len != VAULT_HASH_CHARS)
        return;
    struct str new = laid_over(s, "content", hash, VAULT_HASH_CHARS);
    if (new.len > 0)
        edit_part(s->task->arena, &s->edit, hash, new);
}

enum holding { IN_NAME, IN_STRING, IN_FIELD, IN_LIST };

static const struct kind {
    const char *prefix;
    enum holding in;
    const char *field;
    void (*see)(struct sight *s);
} kinds[] = {
    {"route:{", IN_NAME, "", see_name},
    {"told:{", IN_NAME, "", see_told},
    {"pool:{", IN_NAME, "", see_pool},
    {"person-rides:", IN_NAME, "", see_name},
    {"phone:", IN_NAME, "", see_name},
    {"ride:{", IN_STRING, "", see_ride},
    {"customer:", IN_FIELD, "key", see_person},
    {"driver:", IN_FIELD, "key", see_person},
    {"customer:", IN_FIELD, "before", see_words},
    {"driver:", IN_FIELD, "before", see_words},
    {"{erasures}:", IN_FIELD, "phones", see_words},
    {"unrouted:{", IN_LIST, "", see_unrouted},
    {"{customers}:request:", IN_STRING, "", see_request},
    {"{drivers}:request:", IN_STRING, "", see_request},
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds), MOST_KINDS_OF_A_KEY = 2 };

/* {erasures}:due and its like are no erasures. */
static bool is_kind_of(const struct kind *kind, struct str key)
{
    struct str before, id = last_part(key, &before);
    return str_starts(key, str_of(kind->prefix)) &&
           (kind->see != see_words || kind->prefix[0] != '{' ||
            id.len == VAULT_HASH_CHARS);
}

/* ---- a page ---- */

struct found {
    const struct kind *kind;
    struct sight sight;
    bool copied; /* another hash tag: not by a new name, but as a copy */
    struct value read, written;
    struct value dump, expires; /* of a copy */
    struct edit *edits;         /* of a list's items */
};

struct hashed_page {
    struct page page;
    struct found *found;
    size_t count;
};

static void sort_out(struct hashed_page *c)
{
    struct task *t = &c->page.task;
    const struct value *keys = c->page.keys;
    c->found = arena_alloc(t->arena, (keys->count * MOST_KINDS_OF_A_KEY + 1) *
                                         sizeof(*c->found));
    for (size_t i = 0; i < keys->count * KINDS; i++) {
        struct str key = value_str(value_at(keys, i / KINDS));
        const struct kind *kind = &kinds[i % KINDS];
        if (!is_kind_of(kind, key))
            continue;
        struct found *f = &c->found[c->count];
        f->kind = kind;
        f->sight = (struct sight){.task = t, .pass = c->page.arg, .key = key};
        if (kind->in == IN_NAME) {
            kind->see(&f->sight);
            if (f->sight.name.len == 0)
                continue;
            f->copied = !str_eq(tag_of(key), tag_of(f->sight.name));
        }
        c->count++;
    }
}

static enum place place_of(const struct found *f)
{
    return f->kind->in == IN_FIELD ? PLACE_FIELD : PLACE_STRING;
}

static void read_found(struct task *t, struct hashed_page *c)
{
    struct redis *redis = app_of(t)->redis;
    for (size_t i = 0; i < c->count; i++) {
        struct found *f = &c->found[i];
        struct str key = f->sight.key;
        if (f->copied) {
            REDIS_DO(redis, t, key, &f->dump, STR("DUMP"), key);
            REDIS_DO(redis, t, key, &f->expires, STR("PEXPIRETIME"), key);
        } else if (f->kind->in == IN_LIST) {
            REDIS_DO(redis, t, key, &f->read, STR("LRANGE"), key, STR("0"),
                     STR("-1"));
        } else if (f->kind->in != IN_NAME) {
            place_read(t, place_of(f), key, str_of(f->kind->field), &f->read);
        }
    }
}

static void copy(struct task *t, struct found *f)
{
    int64_t expires = value_num(&f->expires, -1);
    if (f->dump.kind != VALUE_STR)
        return; /* gone since */
    REDIS_DO(app_of(t)->redis, t, f->sight.name, &f->written, STR("RESTORE"),
             f->sight.name, arena_number(t->arena, expires > 0 ? expires : 0),
             value_str(&f->dump), STR("REPLACE"), STR("ABSTTL"));
}

/* It is short (a thousand at most), and nobody else touches it. */
static void swap_items(struct task *t, struct found *f)
{
    struct sight *s = &f->sight;
    f->edits = arena_alloc(t->arena, (f->read.count + 1) * sizeof(*f->edits));
    for (size_t i = 0; i < f->read.count; i++) {
        s->edit = (struct edit){value_str(value_at(&f->read, i)), NULL, 0};
        f->kind->see(s);
        f->edits[i] = s->edit;
        if (s->edit.now != NULL)
            place_swap(t, PLACE_ITEM, s->key,
                       arena_number(t->arena, (int64_t)i), &f->edits[i], NULL);
    }
}

static void write_found(struct task *t, struct hashed_page *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct found *f = &c->found[i];
        struct sight *s = &f->sight;
        struct str names[] = {s->key, s->name};
        if (f->copied) {
            copy(t, f);
        } else if (f->kind->in == IN_NAME) {
            redis_script(app_of(t)->redis, t, tag_of(s->key), &move, names, 2,
                         NULL, 0, &f->written);
        } else if (f->kind->in == IN_LIST) {
            swap_items(t, f);
        } else if (f->read.kind == VALUE_STR) {
            s->edit.was = value_str(&f->read);
            f->kind->see(s);
            if (s->edit.now != NULL)
                place_swap(t, place_of(f), s->key, str_of(f->kind->field),
                           &s->edit, &f->written);
        }
    }
}

/* What was copied goes once its copy is there. */
static void drop_copied(struct task *t, struct hashed_page *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->found[i].copied)
            REDIS_DO(app_of(t)->redis, t, c->found[i].sight.key, NULL,
                     STR("UNLINK"), c->found[i].sight.key);
}

static void page_run(struct task *t)
{
    struct hashed_page *c = (struct hashed_page *)t;
    TASK_BEGIN(t);
    AWAIT(t, page_scan(&c->page));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    page_read(&c->page);
    sort_out(c);
    AWAIT(t, read_found(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    AWAIT(t, write_found(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (c->count > 0)
        FAULT("lookup.copied");
    AWAIT(t, drop_copied(t, c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (c->count > 0)
        FAULT("lookup.page");
    TASK_END(t);
}

enum end hashed_pass(struct app *a, unsigned layer, struct hashed_tally *tally)
{
    struct pass pass = {.layer = layer};
    struct walk w = {.what = "laying the new key over the old",
                     .keys = KEYS_A_PAGE,
                     .size = sizeof(struct hashed_page),
                     .run = page_run,
                     .arg = &pass};
    enum end end = walk(a, &w);
    *tally = pass.tally;
    return end;
}
