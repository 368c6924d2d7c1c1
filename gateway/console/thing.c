/* The pages of one thing: a person, or a ride with its timeline. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"
#include "gateway/fields.h"

ASSET_DECLARE(person_html);
ASSET_DECLARE(ride_html);

/* ---- a person ---- */

void person_ask(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct msg_person_get m = {.role = str_of(x->route->view->role)};
    if (!str_to_num(x->part[0], &m.id)) {
        task_reject(&x->task, PROBLEM_not_found, STR("id"));
        return;
    }
    bus_ask(x->gateway->service->client, &x->task, "ride-svc", &type_person_get,
            &m, &p->person);
}

void person_show(struct page *p)
{
    struct exchange *x = &p->e.x;
    const char *role = x->route->view->role;
    struct str title = arena_printf(x->task.arena, "Edit a %s", role);
    cJSON *root = page_values(p, title.ptr);
    cJSON_AddStringToObject(root, "role", role);
    cJSON_AddItemToObject(root, "person",
                          show_person(x->task.arena, &p->person));
    const struct act *act = x->route->act;
    if (act != NULL && act->show == show_revealed && !p->has_failed)
        cJSON_AddItemToObject(root, "revealed",
                              show_revealed(x->task.arena, &p->e.got));
    page_answer(x, page_status(p), ASSET(person_html), &root);
}

const struct view view_customer = {.role = "customer",
                                   .ask = person_ask,
                                   .show = person_show,
                                   .needs_all = true};
const struct view view_driver = {.role = "driver",
                                 .ask = person_ask,
                                 .show = person_show,
                                 .needs_all = true};

/* ---- a ride ---- */

static void ride_ask(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct bus_client *client = x->gateway->service->client;
    struct msg_ride_get ride = {.id = x->part[0]};
    struct msg_ride_timeline timeline = {.id = x->part[0]};
    struct msg_person_list customers = {.role = STR("customer"),
                                        .limit = LIST_LIMIT_MOST};
    struct msg_person_list drivers = {.role = STR("driver"),
                                      .limit = LIST_LIMIT_MOST};
    bus_ask(client, &x->task, "ride-svc", &type_ride_get, &ride, &p->ride);
    bus_ask(client, &x->task, "ride-svc", &type_ride_timeline, &timeline,
            &p->timeline);
    bus_ask(client, &x->task, "ride-svc", &type_person_list, &customers,
            &p->lists[CUSTOMERS]);
    bus_ask(client, &x->task, "ride-svc", &type_person_list, &drivers,
            &p->lists[DRIVERS]);
}

/* "text.taken" is a name for programs; a page says "Text taken". */
static void add_words(struct arena *arena, cJSON *event)
{
    const cJSON *what = cJSON_GetObjectItemCaseSensitive(event, "what");
    char *words = arena_cstr(arena, str_of(cJSON_GetStringValue(what)));
    if (words[0] >= 'a' && words[0] <= 'z')
        words[0] = (char)(words[0] - 'a' + 'A');
    for (char *at = words; *at != '\0'; at++)
        if (*at == '.' || *at == '_')
            *at = ' ';
    cJSON_AddStringToObject(event, "words", words);
}

static void ride_show(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct arena *arena = x->task.arena;
    cJSON *root = page_values(p, "Ride");
    cJSON *ride = show_ride(arena, &p->ride);
    cJSON *timeline = show_timeline(arena, &p->timeline);
    cJSON *event = NULL;
    page_add_times(arena, ride);
    page_add_channel(ride, p->ride.ride.channels);
    if (str_is(p->ride.ride.state, "live"))
        cJSON_AddTrueToObject(ride, "is_live");
    if (!str_is(p->ride.ride.state, "closed")) {
        cJSON_AddTrueToObject(ride, "connects");
        cJSON_AddItemToObject(ride, "customers",
                              show_people(arena, &p->lists[CUSTOMERS]));
        cJSON_AddItemToObject(ride, "drivers",
                              show_people(arena, &p->lists[DRIVERS]));
    }
    cJSON_ArrayForEach(event,
                       cJSON_GetObjectItemCaseSensitive(timeline, "items"))
    {
        page_add_times(arena, event);
        add_words(arena, event);
    }
    cJSON_AddItemToObject(root, "ride", ride);
    cJSON_AddItemToObject(root, "timeline", timeline);
    page_answer(x, page_status(p), ASSET(ride_html), &root);
}

const struct view view_ride = {
    .ask = ride_ask, .show = ride_show, .needs_all = true};
