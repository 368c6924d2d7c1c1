/* What writing and reading the audit log share. Private to it. */
#ifndef BIRDCAR_GATEWAY_AUDIT_PARTS_H
#define BIRDCAR_GATEWAY_AUDIT_PARTS_H

#include "gateway/access/audit.h"

struct waiting_entry {
    struct waiting_entry *next;
    struct task *task;
    const struct msg_audit_entry *entry; /* in the task's arena */
};

struct trail {
    struct audit *audit;
    enum audit_trail name;
    struct waiting_entry *first, **last;
    bool busy;     /* one append is under way */
    char head[96]; /* "<at> <seq> <mac>" as it was last seen; "" at first */
};

struct audit {
    struct service *service;
    struct trail trails[AUDIT_TRAILS];
};

struct str audit_key(struct arena *arena, enum audit_trail trail);
struct str audit_head_key(struct arena *arena, enum audit_trail trail);

/* What an entry's MAC is for: those of one trail are none in the other. */
const char *audit_purpose(enum audit_trail trail);

int64_t audit_keep_ms(const struct service *s, enum audit_trail trail);

#endif
