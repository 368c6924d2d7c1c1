#include "gateway/access/audit_parts.h"

enum {
    PIECE = 500,   /* entries that are read at once */
    PIECES = 8,    /* and so often for a page */
    CHECKED = 2000 /* in a piece of a check */
};

/* An entry of the stream as XRANGE answers it: id, and "e", record, "m", MAC.
 */
struct raw {
    struct str id, packed, mac;
};

static struct raw raw_at(const struct value *list, size_t at)
{
    const struct value *item = value_at(list, at);
    const struct value *fields = value_at(item, 1);
    return (struct raw){value_str(value_at(item, 0)), value_field(fields, "e"),
                        value_field(fields, "m")};
}

/* ---- a page ---- */

struct listing {
    struct task task;
    struct audit *audit;
    struct audit_filter filter;
    struct audit_page *page;
    struct str from;
    struct value got;
    int pieces;
    bool more;
};

static void ask_piece(struct listing *l)
{
    struct arena *arena = l->task.arena;
    struct str until = l->filter.since_ms > 0
                           ? arena_number(arena, l->filter.since_ms)
                           : STR("-");
    REDIS_DO(l->audit->service->redis, &l->task, STR("audit"), &l->got,
             STR("XREVRANGE"), audit_key(arena, l->filter.trail), l->from,
             until, STR("COUNT"), arena_number(arena, PIECE));
}

static bool fits(const struct audit_filter *f, const struct msg_audit_entry *e)
{
    return (f->who.len == 0 || str_eq(e->who, f->who)) &&
           (f->what.len == 0 || str_starts(e->what, f->what)) &&
           (f->object.len == 0 || str_eq(e->object, f->object));
}

static void take_piece(struct listing *l)
{
    struct arena *arena = l->task.arena;
    struct audit_page *page = l->page;
    l->more = l->got.count == PIECE;
    for (size_t i = 0; i < l->got.count; i++) {
        struct raw raw = raw_at(&l->got, i);
        struct msg_audit_entry *e = &page->entries[page->count];
        if ((int64_t)page->count == l->filter.limit) {
            l->more = true;
            break;
        }
        l->from = arena_printf(arena, "(%.*s", STR_ARG(raw.id));
        if (record_decode(&type_audit_entry, raw.packed, arena, e) &&
            fits(&l->filter, e))
            page->macs[page->count++] = raw.mac;
    }
}

static void listing_run(struct task *t)
{
    struct listing *l = (struct listing *)t;
    TASK_BEGIN(t);
    do {
        AWAIT(t, ask_piece(l));
        if (t->outcome != DONE)
            TASK_FAIL(t);
        take_piece(l);
    } while (l->more && (int64_t)l->page->count < l->filter.limit &&
             ++l->pieces < PIECES);
    if (l->more)
        l->page->next = str_from(l->from, 1);
    TASK_END(t);
}

void audit_list(struct audit *audit, struct task *t,
                const struct audit_filter *filter, struct audit_page *page)
{
    struct listing *l = task_part(t, sizeof(*l), listing_run);
    l->audit = audit;
    l->filter = *filter;
    l->page = page;
    size_t room = (size_t)filter->limit + 1;
    page->entries = arena_alloc(t->arena, room * sizeof(*page->entries));
    page->macs = arena_alloc(t->arena, room * sizeof(*page->macs));
    l->from = filter->until_ms > 0
                  ? arena_printf(t->arena, "(%lld", (long long)filter->until_ms)
                  : STR("+");
    if (filter->cursor.len > 0)
        l->from = arena_printf(t->arena, "(%.*s", STR_ARG(filter->cursor));
}

/* ---- a check ---- */

struct checking {
    struct task task;
    struct audit *audit;
    enum audit_trail trail;
    struct str from, mac; /* the MAC of the entry in front */
    int64_t seq;          /* its number; 0: there is none in front */
    struct audit_check *check;
    struct value got, head, time;
};

/* The head first: what is appended meanwhile stands behind it. */
static void ask_check(struct checking *c)
{
    struct arena *arena = c->task.arena;
    struct redis *redis = c->audit->service->redis;
    REDIS_DO(redis, &c->task, STR("audit"), &c->head, STR("GET"),
             audit_head_key(arena, c->trail));
    REDIS_DO(redis, &c->task, STR("audit"), &c->got, STR("XRANGE"),
             audit_key(arena, c->trail), c->from, STR("+"), STR("COUNT"),
             arena_number(arena, CHECKED));
    REDIS_DO(redis, &c->task, STR("audit"), &c->time, STR("TIME"));
}

static void find_fault(struct checking *c, const char *fault, int64_t seq)
{
    c->check->fault = str_of(fault);
    c->check->fault_seq = seq;
}

static bool check_entry(struct checking *c, struct raw raw)
{
    struct arena *arena = c->task.arena;
    struct msg_audit_entry e;
    if (!vault_mac_holds(c->audit->service->vault, audit_purpose(c->trail),
                         raw.packed, raw.mac)) {
        find_fault(c, "altered", c->seq + 1);
        return false;
    }
    if (!record_decode(&type_audit_entry, raw.packed, arena, &e)) {
        find_fault(c, "unreadable", c->seq + 1);
        return false;
    }
    if (c->seq > 0 && (e.seq != c->seq + 1 || !str_eq(e.prev, c->mac))) {
        find_fault(c, "missing", c->seq + 1);
        return false;
    }
    if (c->check->checked++ == 0) {
        c->check->first_seq = e.seq;
        c->check->first_ms = e.at;
    }
    c->seq = e.seq;
    c->mac = raw.mac;
    c->check->last_seq = e.seq;
    c->check->last_ms = e.at;
    c->check->last_mac = raw.mac;
    return true;
}

/* What is old enough may be gone in front; nothing else may. Redis trims whole
 * nodes, so some of it stays longer. */
static void check_beginning(struct checking *c)
{
    int64_t kept_since =
        redis_time_ms(&c->time) - audit_keep_ms(c->audit->service, c->trail);
    struct msg_audit_entry e;
    struct raw first = raw_at(&c->got, 0);
    if (c->got.count > 0 &&
        record_decode(&type_audit_entry, first.packed, c->task.arena, &e) &&
        e.seq > 1 && e.at > kept_since + (int64_t)24 * 3600 * 1000)
        find_fault(c, "missing", e.seq - 1);
}

/* The entry that the head names is there. */
static void check_end(struct checking *c)
{
    struct str rest = value_str(&c->head);
    int64_t at_ms = 0, seq = 0;
    (void)str_to_num(str_cut(&rest, ' '), &at_ms);
    (void)str_to_num(str_cut(&rest, ' '), &seq);
    if (seq > c->seq)
        find_fault(c, "missing", c->seq + 1);
}

static void checking_run(struct task *t)
{
    struct checking *c = (struct checking *)t;
    TASK_BEGIN(t);
    AWAIT(t, ask_check(c));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    if (c->seq == 0)
        check_beginning(c);
    for (size_t i = 0; i < c->got.count && c->check->fault.len == 0; i++)
        (void)check_entry(c, raw_at(&c->got, i));
    if (c->check->fault.len == 0 && c->got.count == CHECKED)
        c->check->next =
            arena_printf(t->arena, "%.*s.%lld.%.*s",
                         STR_ARG(raw_at(&c->got, c->got.count - 1).id),
                         (long long)c->seq, STR_ARG(c->mac));
    else if (c->check->fault.len == 0)
        check_end(c);
    TASK_END(t);
}

void audit_verify(struct audit *audit, struct task *t, enum audit_trail trail,
                  struct str cursor, struct audit_check *check)
{
    struct checking *c = task_part(t, sizeof(*c), checking_run);
    struct str id = str_cut(&cursor, '.');
    c->audit = audit;
    c->trail = trail;
    c->check = check;
    c->from = STR("-");
    if (id.len == 0)
        return;
    c->from = arena_printf(t->arena, "(%.*s", STR_ARG(id));
    (void)str_to_num(str_cut(&cursor, '.'), &c->seq);
    c->mac = cursor;
}
