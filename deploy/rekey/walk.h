/* All keys of Redis, a page at a time. A page is a task that may be done over;
 * what it does with its keys is its owner's. */
#ifndef BIRDCAR_REKEY_WALK_H
#define BIRDCAR_REKEY_WALK_H

#include "deploy/rekey/app.h"

struct walk {
    const char *match; /* keys of that pattern; NULL: all */
    const char *what;  /* for the progress */
    unsigned keys;     /* about so many a page */
    bool gently;       /* leaves Redis to others half of the time */
    size_t size;       /* of the page's struct, which begins with struct page */
    void (*run)(struct task *t);
    void (*behind)(struct app *a, void *arg); /* each page; may be NULL */
    void *arg;
};

struct page {
    struct task task;
    struct walk *walk;
    void *arg;
    struct str cursor;
    char *next; /* room for the next cursor */
    struct value scanned;
    const struct value *keys; /* of it */
};

enum { CURSOR_ROOM = 24 };

/* In a page's task: begins to read which keys it has, then page_read(). */
void page_scan(struct page *p);
void page_read(struct page *p);

/* Walks them all: each that is there from the beginning to the end comes at
 * least once. Where Redis did not answer it begins anew. */
enum end walk(struct app *a, struct walk *w);

/* How many keys there are; -1: Redis did not answer. */
int64_t count_keys(struct app *a);

/* Redis's files are written anew, so that they do not hold what was there
 * before. Where it cannot be had it says so, and goes on. */
void rewrite_files(struct app *a);

#endif
