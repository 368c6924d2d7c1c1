/* Things as JSON, the same for the API and for the pages' templates. */
#ifndef BIRDCAR_GATEWAY_API_JSON_H
#define BIRDCAR_GATEWAY_API_JSON_H

#include "gateway/acts.h"

cJSON *show_person(struct arena *arena, const union got *got);
/* All that is kept of a person, in full; and what was erased. */
cJSON *show_kept(struct arena *arena, const union got *got);
cJSON *show_erased(struct arena *arena, const union got *got);
cJSON *show_number(struct arena *arena, const union got *got);
cJSON *show_pool(struct arena *arena, const union got *got);
/* A pool, and what was seen of its days. */
cJSON *show_pool_figures(struct arena *arena, const union got *got);
cJSON *show_job(struct arena *arena, const union got *got);
cJSON *show_ride(struct arena *arena, const union got *got);

/* {"ride":…,"as_it_stands_now":{"chosen":…,"numbers":[…]}} */
cJSON *show_reasons(struct arena *arena, const union got *got);

/* {"done":1,"left":0} */
cJSON *show_letters_taken(struct arena *arena, const union got *got);

/* {"items":[…],"next":cursor or null} */
cJSON *show_people(struct arena *arena, const union got *got);
cJSON *show_numbers_imported(struct arena *arena, const union got *got);
cJSON *show_numbers(struct arena *arena, const union got *got);
cJSON *show_pools(struct arena *arena, const union got *got);
cJSON *show_rides(struct arena *arena, const union got *got);
cJSON *show_letters(struct arena *arena, const union got *got);
cJSON *show_timeline(struct arena *arena, const union got *got);

/* ---- who may come in ---- */

/* With the password that was made for it, once. */
cJSON *show_account(struct arena *arena, const union got *got);
cJSON *show_accounts(struct arena *arena, const union got *got);
cJSON *show_sessions(struct arena *arena, const union got *got);
/* With the token itself, once. */
cJSON *show_token(struct arena *arena, const union got *got);
cJSON *show_tokens(struct arena *arena, const union got *got);
cJSON *show_audit(struct arena *arena, const union got *got);
cJSON *show_audit_check(struct arena *arena, const union got *got);
/* {"phone":"+31612345678"}: plain. */
cJSON *show_revealed(struct arena *arena, const union got *got);

#endif
