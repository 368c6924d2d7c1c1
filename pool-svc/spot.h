/* The steps in which a proxy number comes, changes and goes. Each is one script
 * on one hash tag, awaited, and harmless when it comes twice. */
#ifndef BIRDCAR_SPOT_H
#define BIRDCAR_SPOT_H

#include "shared/service.h"

/* In a pool. */
struct spot {
    struct str pool, number;
};

/* What it takes along when it moves. */
struct luggage {
    struct str state, capabilities, label;
};

/* The names of what a number, or a pool, can: in the order of `known`, joined
 * by commas; both where none is named. False: there is no such. */
bool capabilities_join(struct arena *arena, const struct list *words,
                       struct str *joined);
struct list capabilities_words(struct arena *arena, struct str joined);
/* What was set, or what is so where nothing was. */
struct str capabilities_or_all(struct str joined);
/* Can `has` all that `needs` names? */
bool capabilities_cover(struct str has, struct str needs);

/* The number is in this one pool: {"ok"} or {"elsewhere"}. */
void spot_register(struct task *t, struct spot at, struct value *out);
/* Into its pool: {"ok", …}, {"lacks", what} or {"closing"}. */
void spot_put(struct task *t, struct spot at, struct luggage with,
              struct value *out);
/* In place: {"ok", …} or {"gone"}. An empty `state` stays as it is, and so does
 * the label unless `relabel`. */
void spot_change(struct task *t, struct spot at, struct str state, bool relabel,
                 struct str label, struct value *out);
/* Out of its pool: {"left"}, {"gone"}, {"held", rides, until} or {"kept"}. */
void spot_leave(struct task *t, struct spot at, struct value *out);
/* Nobody's: {"ok"} or {"elsewhere"}. */
void spot_drop(struct task *t, struct spot at, struct value *out);
/* Begins to move, or has; `to` its own pool: it stays. */
void spot_move_begin(struct task *t, struct spot at, struct str to,
                     struct luggage with, struct value *out);
void spot_move_end(struct task *t, struct spot at, struct str to,
                   struct value *out);

/* The luggage of {"ok", …} of spot_change() or spot_move_begin(). */
struct luggage luggage_of_number(const struct value *changed);
struct luggage luggage_of_move(const struct value *begun);

/* Fills all but phone and pool from state, capabilities, label and rides, which
 * stand from `at` on. */
void spot_read(struct arena *arena, const struct value *list, size_t at,
               struct msg_number *out);

#endif
