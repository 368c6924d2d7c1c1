/* The acts on accounts, and on one's own: carried out here, and not by a
 * service. Each is a part of an errand, a struct own. */
#ifndef BIRDCAR_GATEWAY_ACCOUNTS_H
#define BIRDCAR_GATEWAY_ACCOUNTS_H

#include "gateway/acts.h"

void account_list_run(struct task *t);
void account_add_run(struct task *t);
void account_edit_run(struct task *t);
void account_remove_run(struct task *t);
void account_sessions_run(struct task *t);
void account_sign_out_run(struct task *t);

/* ---- one's own ---- */

void password_run(struct task *t);
void session_end_run(struct task *t);
void sign_out_run(struct task *t);
void totp_new_run(struct task *t);
void totp_confirm_run(struct task *t);
void totp_remove_run(struct task *t);

/* Rejects the task with the field `password` where it will not do. */
bool password_may_be(struct task *t, struct str password, struct str name);

#endif
