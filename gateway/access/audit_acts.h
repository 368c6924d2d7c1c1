/* The acts that read the audit log. Each is a part of an errand, a struct own.
 */
#ifndef BIRDCAR_GATEWAY_AUDIT_ACTS_H
#define BIRDCAR_GATEWAY_AUDIT_ACTS_H

#include "gateway/acts.h"

void audit_list_run(struct task *t);
void audit_verify_run(struct task *t);

#endif
