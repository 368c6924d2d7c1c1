#include "notifier/alerts.h"

#include <stdlib.h>

#include "notifier/alert_sign.h"
#include "notifier/http_client.h"
#include "notifier/retry.h"
#include "shared/alerts.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "shared/rounds.h"
#include "shared/script.h"
#include "shared/timestamp.h"

SCRIPT(alerts_take);

enum {
    LOOK_EVERY_MS = 1000,
    WITHIN_MS = 5000, /* an attempt */
    CLAIM_MS = 30000, /* longer than a round */
    DEADLINE_MS = 12000,
    MOST_AT_ONCE = 8,
    BACK_OFF_MOST_MS = 900000,
    /* A repeat does no harm: nothing is cut after a pause. */
    PAUSE_MOST_MS = 86400000
};

struct alerts {
    struct service *service;
    struct rounds *rounds;    /* NULL until it has started */
    struct http_client *http; /* NULL: there is no URL */
    struct alert_key key;
};

/* ---- settings ---- */

static bool url_valid(struct str url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~')
            return false;
    return str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
}

struct alerts *alerts_new(struct service *s)
{
    const char *setting = NULL, *fault = NULL;
    struct alerts *al = xcalloc(1, sizeof(*al));
    al->service = s;
    if (s->settings.alert_url[0] == '\0')
        return al;
    if (!url_valid(str_of(s->settings.alert_url))) {
        setting = "ALERT_URL";
        fault = "must begin with http:// or https://";
    } else {
        struct str secret = str_of(s->settings.alert_secret);
        setting = "ALERT_SECRET";
        if (secret.len == 0)
            fault = "is needed with ALERT_URL";
        else if (!alert_key_read(secret, &al->key))
            fault = "must be whsec_ and 24 to 64 bytes in base64";
    }
    if (fault != NULL) {
        log_event(LEVEL_ERROR, "settings.refused", STR_NONE, "%s: %s", setting,
                  fault);
        alerts_destroy(&al);
        return NULL;
    }
    al->http = http_client_new(s->loop, 1, PAUSE_MOST_MS);
    return al;
}

void alerts_destroy(struct alerts **alerts)
{
    struct alerts *al = *alerts;
    if (al == NULL)
        return;
    *alerts = NULL;
    rounds_destroy(&al->rounds);
    http_client_destroy(&al->http);
    explicit_bzero(&al->key, sizeof(al->key));
    free(al);
}

/* ---- a round ---- */

struct attempt {
    struct str id, type, body;
    int64_t tries;
    struct web_reply reply;
};

struct round {
    struct round_task round;
    const struct alerts *alerts;
    struct value taken;
    struct attempt attempts[MOST_AT_ONCE];
    size_t count;
};

static void take(struct task *t, struct round *r)
{
    struct arena *a = t->arena;
    struct str key = alerts_key_due(a);
    struct str args[] = {arena_number(a, r->alerts->http ? MOST_AT_ONCE : 0),
                         arena_number(a, CLAIM_MS),
                         arena_number(a, ALERT_KEPT_MS),
                         alerts_key_alert(a, STR_NONE)};
    redis_script(r->alerts->service->redis, t, str_of(alerts_tag), &alerts_take,
                 &key, 1, args, 4, &r->taken);
}

static void read_taken(struct task *t, struct round *r)
{
    const struct value *over = value_at(&r->taken, 1);
    const struct value *mine = value_at(&r->taken, 2);
    for (size_t i = 0; i + 1 < over->count && r->alerts->http != NULL; i += 2) {
        metric_add(METRIC_alerts_dead_total, 1);
        log_event(LEVEL_ERROR, "alert.dead", t->trace, "id=%.*s type=%.*s",
                  STR_ARG(value_str(value_at(over, i))),
                  STR_ARG(value_str(value_at(over, i + 1))));
    }
    for (size_t i = 0; i + 3 < mine->count && r->count < MOST_AT_ONCE; i += 4)
        r->attempts[r->count++] =
            (struct attempt){.id = value_str(value_at(mine, i)),
                             .type = value_str(value_at(mine, i + 1)),
                             .body = value_str(value_at(mine, i + 2)),
                             .tries = value_num(value_at(mine, i + 3), 1)};
}

static void post(struct task *t, const struct alerts *al, struct attempt *x)
{
    struct arena *a = t->arena;
    struct str now = arena_number(a, time_now_ms() / 1000);
    struct str signature = alert_sign(a, &al->key, x->id, now, x->body);
    struct web_request ask = {.url = al->service->settings.alert_url,
                              .body = x->body,
                              .within_ms = WITHIN_MS};
    ask.headers[0] = "Content-Type: application/json";
    ask.headers[1] = arena_printf(a, "webhook-id: %.*s", STR_ARG(x->id)).ptr;
    ask.headers[2] =
        arena_printf(a, "webhook-timestamp: %.*s", STR_ARG(now)).ptr;
    ask.headers[3] =
        arena_printf(a, "webhook-signature: %.*s", STR_ARG(signature)).ptr;
    http_client_ask(al->http, t, &ask, &x->reply);
}

static void post_all(struct task *t, struct round *r)
{
    for (size_t i = 0; i < r->count; i++)
        post(t, r->alerts, &r->attempts[i]);
}

static bool was_taken(const struct web_reply *reply)
{
    return reply->fate == WEB_ANSWERED && reply->status >= 200 &&
           reply->status < 300;
}

/* Taken: it waits no more. Else it is due again after a pause; where another
 * notifier brought it there meanwhile, there is nothing left to put off. */
static void settle(struct task *t, struct round *r, const struct attempt *x)
{
    struct arena *a = t->arena;
    struct redis *redis = r->alerts->service->redis;
    struct str tag = str_of(alerts_tag), key = alerts_key_due(a);
    if (was_taken(&x->reply)) {
        metric_add(METRIC_alerts_sent_total, 1);
        log_event(LEVEL_INFO, "alert.sent", t->trace,
                  "id=%.*s type=%.*s tries=%lld", STR_ARG(x->id),
                  STR_ARG(x->type), (long long)x->tries);
        REDIS_DO(redis, t, tag, NULL, STR("ZREM"), key, x->id);
        return;
    }
    int64_t pause = retry_back_off(x->tries, BACK_OFF_MOST_MS);
    if (x->reply.retry_after_ms > pause)
        pause = x->reply.retry_after_ms;
    metric_add(METRIC_alert_failures_total, 1);
    log_event(LEVEL_WARN, "alert.not_taken", t->trace,
              "id=%.*s status=%d fault=\"%s\" tries=%lld check=ALERT_URL",
              STR_ARG(x->id), x->reply.status,
              x->reply.fault != NULL ? x->reply.fault : "",
              (long long)x->tries);
    int64_t due = value_num(value_at(&r->taken, 0), 0) + pause;
    REDIS_DO(redis, t, tag, NULL, STR("ZADD"), key, STR("XX"),
             arena_number(a, due), x->id);
}

static void settle_all(struct task *t, struct round *r)
{
    for (size_t i = 0; i < r->count; i++)
        settle(t, r, &r->attempts[i]);
}

static void round_run(struct task *t)
{
    struct round *r = (struct round *)t;
    TASK_BEGIN(t);
    r->alerts = r->round.arg;
    AWAIT(t, take(t, r));
    if (t->outcome != DONE)
        TASK_FAIL(t);
    read_taken(t, r);
    AWAIT(t, post_all(t, r));
    AWAIT(t, settle_all(t, r));
    TASK_END(t);
}

void alerts_start(struct alerts *al)
{
    al->rounds = rounds_new(al->service, LOOK_EVERY_MS, sizeof(struct round),
                            round_run, DEADLINE_MS);
    rounds_pass(al->rounds, al);
}
