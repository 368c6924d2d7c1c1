/* From a request to its route, and from its task's end to an answer.
 * One table of routes; knows no message and no page. */
#ifndef BIRDCAR_GATEWAY_ROUTER_H
#define BIRDCAR_GATEWAY_ROUTER_H

#include "gateway/access/identity.h"
#include "gateway/admission.h"
#include "gateway/http.h"
#include "shared/service.h"

struct act;
struct audit;
struct hasher;
struct limiter;
struct secrets;
struct view;

/* Who may come in, and in what form a problem is told. */
enum door {
    DOOR_OPEN,  /* anybody, or the route looks itself; problem+json */
    DOOR_API,   /* a token; problem+json */
    DOOR_PAGE,  /* a session, or a token; a page */
    DOOR_SIGNIN /* anybody, but not too often; a page */
};

/* What is refused when answers come late. Calls have a patience of their own.
 */
enum lane { LANE_FREE, LANE_TEXTS, LANE_API };

enum { ROUTE_PARTS = 2 };

struct route {
    const char *method;
    const char *pattern; /* "/rides/{}/end": `{}` is one part, not empty */
    enum door door;
    enum lane lane;
    int64_t within_ms;
    size_t size;                /* of a struct that begins with an exchange */
    void (*run)(struct task *); /* t->owner is the service */
    const struct act *act;      /* what it asks for; may be NULL */
    const struct view *view;    /* the page that it shows; may be NULL */
};

/* What the gateway has, next to what every service has. */
struct gateway {
    struct service *service;
    struct http *http;
    struct secrets *secrets;
    struct hasher *hasher;
    struct limiter *limiter;
    struct audit *audit;
    struct rounds *watch;       /* of the store's room */
    const struct route *routes; /* ends at a NULL pattern */
    int listener;
    struct admission texts, api; /* each has its own pace */
};

/* A request on its way: the first member of each route's struct. */
struct exchange {
    struct task task;
    struct gateway *gateway;
    const struct route *route;
    const struct http_request *request;
    struct str part[ROUTE_PARTS]; /* what each `{}` stood for, decoded */
    struct identity who;
    bool known;       /* there is such a route */
    struct str allow; /* the methods that this address takes, if not this one */
    enum problem_code refusal;   /* where the router itself refused */
    struct admission *admission; /* that it entered; NULL: none */
    int64_t entered_ms;
    struct http_answer answer; /* sent when the task ends with DONE */
};

/* For http_new(): `arg` is the gateway. */
void router_handle(void *arg, struct http_request *request);
void router_refuse(void *arg, int status, struct http_answer *answer);

/* What a route asks of who comes (see identity.h); 0: nothing. */
unsigned route_needs(const struct route *route);

/* Does `path` fit? Fills `part`, in the arena. */
bool route_matches(struct arena *arena, const char *pattern, struct str path,
                   struct str part[ROUTE_PARTS]);

#endif
