/* The admin's pages: rendered here, whole without JavaScript. Every form is an
 * act, answered by a redirection, or by its page with what is wrong. */
#ifndef BIRDCAR_GATEWAY_CONSOLE_H
#define BIRDCAR_GATEWAY_CONSOLE_H

#include "gateway/router.h"

enum { CONSOLE_WITHIN_MS = 5000 };

/* A page, or the form of one; of a struct page. */
void console_run(struct task *t);

extern const struct view view_home, view_customer, view_driver, view_number,
    view_import, view_pool, view_ride, view_ride_why, view_pair_why,
    view_letters, view_job, view_account, view_accounts, view_tokens,
    view_audit, view_privacy, view_privacy_export, view_customer_export,
    view_driver_export, view_customer_erase, view_driver_erase;

/* A page that says what is wrong, or how to sign in. */
void console_problem(struct exchange *x, const struct problem *problem);

/* /assets/{}; of an exchange. */
void console_asset_run(struct task *t);

#endif
