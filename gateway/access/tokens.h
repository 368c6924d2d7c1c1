/* The acts on API tokens. Each is a part of an errand, a struct own. */
#ifndef BIRDCAR_GATEWAY_TOKENS_H
#define BIRDCAR_GATEWAY_TOKENS_H

#include "gateway/acts.h"

void token_list_run(struct task *t);
void token_add_run(struct task *t);
void token_remove_run(struct task *t);

#endif
