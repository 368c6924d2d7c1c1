/* What supervisors and monitoring ask: alive, ready, metrics. */
#ifndef BIRDCAR_GATEWAY_OPS_H
#define BIRDCAR_GATEWAY_OPS_H

#include "gateway/health.h"
#include "gateway/router.h"

/* The services that the gateway asks; ends at NULL. */
extern const char *const ops_peers[];

enum { OPS_WITHIN_MS = 2000, OPS_PEERS = 4, OPS_MOST_COPIES = 64 };

struct ready_call {
    struct exchange x;
    struct health health;
    bool redis;
};

struct metrics_call {
    struct exchange x;
    struct health health;
    struct msg_stats_text got[OPS_PEERS][OPS_MOST_COPIES];
};

void healthz_run(struct task *t);
/* Of a struct ready_call. */
void readyz_run(struct task *t);
/* Of a struct metrics_call. */
void metrics_run(struct task *t);

#endif
