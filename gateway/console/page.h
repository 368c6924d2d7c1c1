/* A page in the making. Private to the console. */
#ifndef BIRDCAR_GATEWAY_CONSOLE_PAGE_H
#define BIRDCAR_GATEWAY_CONSOLE_PAGE_H

#include "gateway/acts.h"
#include "gateway/answer.h"
#include "gateway/console/console.h"

/* An embedded file, by its symbol. */
#define ASSET_DECLARE(symbol)                                                  \
    extern const char symbol[];                                                \
    extern const size_t symbol##_len
#define ASSET(symbol) ((struct str){symbol, symbol##_len})

enum page_list { RIDES, CUSTOMERS, DRIVERS, NUMBERS, POOLS, PAGE_LISTS };

struct page {
    struct errand e;       /* its parameters: what was typed, or the query */
    struct problem failed; /* the act's, where has_failed */
    bool has_failed;
    struct str token; /* of the forms shown */
    struct str nonce; /* of the form that was sent, where it is ours */
    union got lists[PAGE_LISTS];
    union got person, number, pool, ride, timeline, letters, reasons, job;
    union got accounts, tokens, audit;
    struct audit_filter filter;
    struct value own; /* the account of who looks */
};

struct view {
    const char *role;             /* of a person's page */
    unsigned may;                 /* what it takes besides MAY_READ */
    void (*ask)(struct page *p);  /* what it shows */
    void (*show)(struct page *p); /* fills the answer */
    bool needs_all;               /* else it shows what it got */
};

/* Values that all pages share: title, token, the last act's result, and each
 * form with what was typed and what is wrong with it. */
cJSON *page_values(struct page *p, const char *title);

/* Beside each time the same for people: "2026-11-24 18:07". */
void page_add_times(struct arena *arena, cJSON *thing);

/* Beside a number's state the same for people. */
void page_number_words(cJSON *number);

/* What a pool serves, and how it will stand, for people. */
void page_word_pool(struct arena *arena, cJSON *pool);

/* Says where it is for texts, or for calls, only. */
void page_add_channel(cJSON *thing, struct str channels);

/* What a number can, or each of a pool's: "texts and calls". */
void page_add_can(struct arena *arena, cJSON *thing);

/* Renders between head and foot, and frees the values. */
void page_answer(struct exchange *x, int status, struct str html,
                 cJSON **values);

/* A person's page. */
void person_ask(struct page *p);
void person_show(struct page *p);

/* The status of a page that has all it shows. */
int page_status(const struct page *p);

#endif
