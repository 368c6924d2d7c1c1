/* gateway: speaks HTTP, and turns each request into a message. */
#include <stdlib.h>
#include <unistd.h>

#include "gateway/access/address.h"
#include "gateway/access/hasher.h"
#include "gateway/access/limiter.h"
#include "gateway/access/secrets.h"
#include "gateway/access/settings_note.h"
#include "gateway/access/signin.h"
#include "gateway/api.h"
#include "gateway/console/page.h"
#include "gateway/health.h"
#include "gateway/ops.h"
#include "gateway/webhooks.h"
#include "shared/log.h"

#define HOOK(method, pattern, what, within, lane)                              \
    {                                                                          \
        method, pattern, DOOR_OPEN, lane, within, sizeof(struct what##_hook),  \
            what##_hook_run, NULL, NULL                                        \
    }
#define OPS(pattern, door, type, run)                                          \
    {                                                                          \
        "GET", pattern, door, LANE_FREE, OPS_WITHIN_MS, sizeof(type), run,     \
            NULL, NULL                                                         \
    }
#define API_WITHIN(method, path, what, within)                                 \
    {                                                                          \
        method, "/api/v1/" path, DOOR_API, LANE_API, within,                   \
            sizeof(struct errand), api_run, &act_##what, NULL                  \
    }
#define API(method, path, what) API_WITHIN(method, path, what, API_WITHIN_MS)
#define PAGE(pattern, view)                                                    \
    {                                                                          \
        "GET", pattern, DOOR_PAGE, LANE_FREE, CONSOLE_WITHIN_MS,               \
            sizeof(struct page), console_run, NULL, &view_##view               \
    }
#define FORM_WITHIN(pattern, what, view, within)                               \
    {                                                                          \
        "POST", pattern, DOOR_PAGE, LANE_FREE, within, sizeof(struct page),    \
            console_run, &act_##what, &view_##view                             \
    }
#define FORM(pattern, what, view)                                              \
    FORM_WITHIN(pattern, what, view, CONSOLE_WITHIN_MS)

/* The first that fits counts; what comes most often stands first. */
static const struct route routes[] = {
    HOOK("GET", "/webhook-voice", call, WEBHOOK_CALL_WITHIN_MS, LANE_FREE),
    HOOK("POST", "/webhook", text, WEBHOOK_TEXT_WITHIN_MS, LANE_TEXTS),
    HOOK("GET", "/webhook", text, WEBHOOK_TEXT_WITHIN_MS, LANE_TEXTS),
    HOOK("GET", "/webhook-status", report, WEBHOOK_TEXT_WITHIN_MS, LANE_TEXTS),
    HOOK("POST", "/webhook-status", report, WEBHOOK_TEXT_WITHIN_MS, LANE_TEXTS),
    HOOK("GET", "/webhook-voice/{}", call, WEBHOOK_CALL_WITHIN_MS, LANE_FREE),
    HOOK("POST", "/webhook/{}", text, WEBHOOK_TEXT_WITHIN_MS, LANE_TEXTS),
    HOOK("GET", "/webhook/{}", text, WEBHOOK_TEXT_WITHIN_MS, LANE_TEXTS),

    OPS("/healthz", DOOR_OPEN, struct exchange, healthz_run),
    OPS("/readyz", DOOR_OPEN, struct ready_call, readyz_run),
    OPS("/metrics", DOOR_API, struct metrics_call, metrics_run),
    OPS("/assets/{}", DOOR_OPEN, struct exchange, console_asset_run),

    {"POST", "/signin", DOOR_SIGNIN, LANE_FREE, SIGNIN_WITHIN_MS,
     sizeof(struct signin), signin_run, NULL, NULL},

    API("GET", "customers", customer_list),
    API("POST", "customers", customer_add),
    API("GET", "customers/{}", customer_get),
    API("PATCH", "customers/{}", customer_edit),
    API("PUT", "customers/{}", customer_replace),
    API("DELETE", "customers/{}", customer_remove),
    API("GET", "drivers", driver_list),
    API("POST", "drivers", driver_add),
    API("GET", "drivers/{}", driver_get),
    API("PATCH", "drivers/{}", driver_edit),
    API("PUT", "drivers/{}", driver_replace),
    API("DELETE", "drivers/{}", driver_remove),
    API("GET", "customers/{}/export", customer_export),
    API_WITHIN("POST", "customers/{}/erase", customer_erase, ERASE_WITHIN_MS),
    API("GET", "drivers/{}/export", driver_export),
    API_WITHIN("POST", "drivers/{}/erase", driver_erase, ERASE_WITHIN_MS),
    API("POST", "export", phone_export),
    API_WITHIN("POST", "erase", phone_erase, ERASE_WITHIN_MS),
    API("GET", "numbers", number_list),
    API("POST", "numbers", number_add),
    API_WITHIN("POST", "numbers/import", number_import, IMPORT_WITHIN_MS),
    API("GET", "numbers/{}", number_get),
    API("PATCH", "numbers/{}", number_edit),
    API("DELETE", "numbers/{}", number_remove),
    API("GET", "pools", pool_list),
    API("POST", "pools", pool_add),
    API("GET", "pools/{}", pool_stats),
    API("PATCH", "pools/{}", pool_edit),
    API("DELETE", "pools/{}", pool_remove),
    API("POST", "pools/{}/replay", pool_replay),
    API("GET", "jobs/{}", job_get),
    API("GET", "rides", ride_list),
    API("POST", "rides", ride_create),
    API("GET", "rides/why", pair_why),
    API("GET", "rides/{}", ride_get),
    API("PATCH", "rides/{}", ride_party),
    API("POST", "rides/{}/end", ride_end),
    API("POST", "rides/{}/cancel", ride_cancel),
    API("POST", "rides/{}/extend", ride_extend),
    API("POST", "rides/{}/reopen", ride_reopen),
    API("GET", "rides/{}/timeline", ride_timeline),
    API("GET", "rides/{}/why", ride_why),
    API("GET", "messages", letter_list),
    API("POST", "messages/resend", letter_resend_all),
    API("POST", "messages/drop", letter_drop_all),
    API("POST", "messages/{}/resend", letter_resend),
    API("DELETE", "messages/{}", letter_drop),

    API("POST", "customers/{}/reveal", customer_reveal),
    API("POST", "drivers/{}/reveal", driver_reveal),
    API("GET", "accounts", account_list),
    API("POST", "accounts", account_add),
    API("PATCH", "accounts/{}", account_edit),
    API("DELETE", "accounts/{}", account_remove),
    API("GET", "accounts/{}/sessions", account_sessions),
    API("DELETE", "accounts/{}/sessions", account_sign_out),
    API("GET", "tokens", token_list),
    API("POST", "tokens", token_add),
    API("DELETE", "tokens/{}", token_remove),
    API("GET", "audit", audit_list),
    API("GET", "audit/verify", audit_verify),

    PAGE("/", home),
    FORM("/createride", ride_create, home),
    FORM("/customers", customer_add, home),
    FORM("/drivers", driver_add, home),
    FORM("/numbers", number_add, home),
    FORM("/pools", pool_add, home),
    PAGE("/pools/{}", pool),
    FORM("/pools/{}", pool_edit, pool),
    FORM("/pools/{}/delete", pool_remove, pool),
    FORM("/pools/{}/replay", pool_replay, pool),
    PAGE("/jobs/{}", job),
    PAGE("/customers/{}", customer),
    FORM("/customers/{}", customer_edit, customer),
    FORM("/customers/{}/delete", customer_remove, customer),
    PAGE("/drivers/{}", driver),
    FORM("/drivers/{}", driver_edit, driver),
    FORM("/drivers/{}/delete", driver_remove, driver),
    FORM("/customers/{}/export", customer_export, customer_export),
    FORM_WITHIN("/customers/{}/erase", customer_erase, customer_erase,
                ERASE_WITHIN_MS),
    FORM("/drivers/{}/export", driver_export, driver_export),
    FORM_WITHIN("/drivers/{}/erase", driver_erase, driver_erase,
                ERASE_WITHIN_MS),
    PAGE("/privacy", privacy),
    FORM("/privacy/export", phone_export, privacy_export),
    FORM_WITHIN("/privacy/erase", phone_erase, privacy, ERASE_WITHIN_MS),
    PAGE("/numbers/import", import),
    FORM_WITHIN("/numbers/import", number_import, import, IMPORT_WITHIN_MS),
    PAGE("/numbers/{}", number),
    FORM("/numbers/{}", number_edit, number),
    FORM("/numbers/{}/delete", number_remove, number),
    PAGE("/rides/why", pair_why),
    PAGE("/rides/{}", ride),
    PAGE("/rides/{}/why", ride_why),
    FORM("/rides/{}/party", ride_party, ride),
    FORM("/rides/{}/end", ride_end, ride),
    FORM("/rides/{}/cancel", ride_cancel, ride),
    FORM("/rides/{}/extend", ride_extend, ride),
    FORM("/rides/{}/reopen", ride_reopen, ride),
    PAGE("/messages", letters),
    FORM("/messages/resend", letter_resend_all, letters),
    FORM("/messages/drop", letter_drop_all, letters),
    FORM("/messages/{}/resend", letter_resend, letters),
    FORM("/messages/{}/drop", letter_drop, letters),
    FORM("/customers/{}/reveal", customer_reveal, customer),
    FORM("/drivers/{}/reveal", driver_reveal, driver),
    PAGE("/account", account),
    FORM("/account/password", password, account),
    FORM("/account/totp/new", totp_new, account),
    FORM("/account/totp/confirm", totp_confirm, account),
    FORM("/account/totp/remove", totp_remove, account),
    FORM("/account/sessions/{}/end", session_end, account),
    FORM("/signout", sign_out, home),
    PAGE("/accounts", accounts),
    FORM("/accounts", account_add, accounts),
    FORM("/accounts/{}", account_edit, accounts),
    FORM("/accounts/{}/signout", account_sign_out, accounts),
    FORM("/accounts/{}/delete", account_remove, accounts),
    PAGE("/tokens", tokens),
    FORM("/tokens", token_add, tokens),
    FORM("/tokens/{}/delete", token_remove, tokens),
    PAGE("/audit", audit),
    {.pattern = NULL},
};

static bool proxies_hold(const struct settings *settings)
{
    struct str fault;
    if (address_list_holds(str_of(settings->trusted_proxies), &fault))
        return true;
    log_event(LEVEL_ERROR, "settings.invalid", STR_NONE,
              "error=\"%.*s is no address and no network\" "
              "check=TRUSTED_PROXIES",
              STR_ARG(fault));
    return false;
}

static bool is_proxy(void *arg, struct str address)
{
    const struct gateway *gateway = arg;
    const struct settings *settings = &gateway->service->settings;
    return address_is_in(address, str_of(settings->trusted_proxies));
}

static struct http *serve(struct service *s, struct gateway *gateway)
{
    const struct settings *settings = &s->settings;
    const struct http_rules rules = {
        .most_connections = 4096,
        .idle_seconds = 30,
        .head_seconds = 10,
        .body_seconds = 20,
        .answer_seconds = 60,
        .most_an_address = (unsigned)settings->connections_per_address,
        .is_proxy = is_proxy,
        .https = str_starts(str_of(settings->public_url), STR("https://"))};
    return http_new(s->loop, gateway->listener, &rules, router_handle,
                    router_refuse, gateway);
}

static bool start(struct service *s)
{
    static struct gateway gateway;
    const struct settings *settings = &s->settings;
    char why[512] = "";
    cJSON_InitHooks(&(cJSON_Hooks){xmalloc, free});
    gateway = (struct gateway){.service = s,
                               .routes = routes,
                               .listener = -1,
                               .texts = admission_new(),
                               .api = admission_new()};
    s->context = &gateway;
    if (!proxies_hold(settings))
        return false;
    gateway.secrets =
        secrets_new(settings->api_token_file, settings->admin_password_file,
                    why, sizeof(why));
    if (gateway.secrets == NULL) {
        log_event(LEVEL_ERROR, "access.no_secret", STR_NONE,
                  "error=\"%s\" check=API_TOKEN_FILE,ADMIN_PASSWORD_FILE", why);
        return false;
    }
    gateway.hasher = hasher_new(s->loop);
    gateway.limiter = limiter_new(s);
    gateway.audit = audit_new(s);
    gateway.listener = http_listen(settings->listen, why, sizeof(why));
    if (gateway.listener == -1) {
        log_event(LEVEL_ERROR, "http.listen", STR_NONE,
                  "error=\"%s\" check=LISTEN", why);
        return false;
    }
    gateway.http = serve(s, &gateway);
    gateway.watch = health_watch(s);
    webhooks_announce(settings);
    return true;
}

static void ready(struct service *s)
{
    settings_note(s->context);
}

static void leave(struct service *s)
{
    const struct gateway *gateway = s->context;
    http_quiesce(gateway->http);
}

static bool idle(struct service *s)
{
    const struct gateway *gateway = s->context;
    return http_unanswered(gateway->http) == 0;
}

static void stop(struct service *s)
{
    struct gateway *gateway = s->context;
    if (gateway == NULL)
        return;
    rounds_destroy(&gateway->watch);
    http_destroy(&gateway->http);
    hasher_destroy(&gateway->hasher);
    limiter_destroy(&gateway->limiter);
    audit_destroy(&gateway->audit);
    secrets_destroy(&gateway->secrets);
    if (gateway->listener != -1)
        (void)close(gateway->listener);
}

int main(int argc, char **argv)
{
    const struct bus_route none[] = {{NULL, 0, NULL}};
    const struct service_spec spec = {
        .name = "gateway",
        .summary = "HTTP: webhooks, the API and the console",
        .peers = ops_peers,
        .routes = none,
        .start = start,
        .ready = ready,
        .leave = leave,
        .idle = idle,
        .stop = stop,
    };
    return service_run(&spec, argc, argv);
}
