/* The audit log: who did what when, from where, and what came of it. Append
 * only, and each entry bears a MAC over itself and the MAC of the one before,
 * made with a key that Redis never sees: what is altered, put in or left out
 * shows. Two trails, since one grows with every ride: `rides`, kept as long as
 * rides are, and `access`, all else. No phone and no text stands in it. */
#ifndef BIRDCAR_GATEWAY_AUDIT_H
#define BIRDCAR_GATEWAY_AUDIT_H

#include "shared/service.h"

enum audit_trail { AUDIT_ACCESS, AUDIT_RIDES, AUDIT_TRAILS };

enum { AUDIT_DETAIL_MOST = 300 };

struct audit;

struct audit *audit_new(struct service *s);
void audit_destroy(struct audit **audit);

/* Appends; what is not filled in (seq, at, prev) is. The task goes on when it
 * is on disk: so no answer leaves before its entry stands. RETRY store_away;
 * then it may stand all the same. */
void audit_add(struct audit *audit, struct task *t, enum audit_trail name,
               const struct msg_audit_entry *entry);

/* False: there is no trail of that name; empty is `access`. */
bool audit_trail_parse(struct str name, enum audit_trail *trail);

/* ---- reading ---- */

struct audit_filter {
    enum audit_trail trail;
    struct str who, what, object; /* empty: any; `what` may be a beginning */
    int64_t since_ms, until_ms;   /* 0: any */
    struct str cursor;
    int64_t limit;
};

/* Newest first, in the task's arena. */
struct audit_page {
    struct msg_audit_entry *entries;
    struct str *macs; /* of each */
    size_t count;
    struct str next; /* for `cursor`; a page may be short, or empty, of entries
                        that do not fit and still have a next one */
};

void audit_list(struct audit *audit, struct task *t,
                const struct audit_filter *filter, struct audit_page *page);

/* One piece of a check of the whole trail, from its beginning on. */
struct audit_check {
    int64_t checked; /* entries in this piece */
    int64_t first_seq, last_seq, first_ms, last_ms;
    struct str last_mac;
    struct str fault; /* empty: all holds; altered, missing, unreadable */
    int64_t fault_seq;
    struct str next; /* for `cursor`; empty: that was the last piece */
};

void audit_verify(struct audit *audit, struct task *t, enum audit_trail trail,
                  struct str cursor, struct audit_check *check);

#endif
