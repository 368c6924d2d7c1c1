/* The first page: the form for a ride, and all lists. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"

ASSET_DECLARE(home_html);

enum { DEAD_COUNTED = 1000, LOW_NAMED = 5 };
enum { PEOPLE_A_PAGE = 50, THINGS_A_PAGE = 20 };

/* Stands where an answer has not come. */
static const size_t NO_ANSWER = SIZE_MAX;

static const struct {
    const char *name; /* in the query, and in the template */
    cJSON *(*show)(struct arena *arena, const union got *got);
} lists[PAGE_LISTS] = {
    [RIDES] = {"rides", show_rides},
    [CUSTOMERS] = {"customers", show_people},
    [DRIVERS] = {"drivers", show_people},
    [NUMBERS] = {"numbers", show_numbers},
    [POOLS] = {"pools", show_pools},
};

/* Every list's reply begins with its items. */
static size_t *count_of(struct page *p, enum page_list which)
{
    return &p->lists[which].people.people.count;
}

/* Where that list begins. A form that was sent has no such parameters. */
static struct str cursor_of(const struct page *p, enum page_list which)
{
    return p->e.is_form ? STR_NONE
                        : params_get(&p->e.params, lists[which].name);
}

static void ask_people(struct page *p, enum page_list which, const char *role)
{
    struct msg_person_list m = {.role = str_of(role), .limit = PEOPLE_A_PAGE};
    (void)str_to_num(cursor_of(p, which), &m.after);
    bus_ask(p->e.x.gateway->service->client, &p->e.x.task, "ride-svc",
            &type_person_list, &m, &p->lists[which]);
}

/* Only how many there are; nobody waits for it where no notifier lives. */
static void ask_for_dead(struct page *p)
{
    struct bus_client *client = p->e.x.gateway->service->client;
    struct msg_letter_list letters = {.limit = 1};
    if (bus_client_live(client, "notifier") > 0)
        bus_ask(client, &p->e.x.task, "notifier", &type_letter_list, &letters,
                &p->letters);
}

static void home_ask(struct page *p)
{
    struct bus_client *client = p->e.x.gateway->service->client;
    struct task *t = &p->e.x.task;
    struct msg_ride_list rides = {.before = cursor_of(p, RIDES),
                                  .limit = THINGS_A_PAGE};
    struct msg_number_list numbers = {.after = cursor_of(p, NUMBERS),
                                      .limit = THINGS_A_PAGE};
    struct msg_pool_list pools;
    for (int i = 0; i < PAGE_LISTS; i++)
        *count_of(p, (enum page_list)i) = NO_ANSWER;
    bus_ask(client, t, "ride-svc", &type_ride_list, &rides, &p->lists[RIDES]);
    ask_people(p, CUSTOMERS, "customer");
    ask_people(p, DRIVERS, "driver");
    bus_ask(client, t, "pool-svc", &type_number_list, &numbers,
            &p->lists[NUMBERS]);
    bus_ask(client, t, "pool-svc", &type_pool_list, &pools, &p->lists[POOLS]);
    ask_for_dead(p);
}

/* ---- links to other parts of a list ---- */

/* This page with list `which` from `cursor` on, the others as they are. */
static struct str link_to(const struct page *p, enum page_list which,
                          struct str cursor)
{
    struct buffer out = {0};
    buffer_str(&out, STR("/?"));
    for (int i = 0; i < PAGE_LISTS; i++) {
        enum page_list at = (enum page_list)i;
        struct str from = at == which ? cursor : cursor_of(p, at);
        if (from.len == 0)
            continue;
        buffer_printf(&out, "%s=", lists[i].name);
        params_add_encoded(&out, from);
        buffer_str(&out, STR("&"));
    }
    out.len--; /* the last `&`, or the `?` */
    buffer_printf(&out, "#%s", lists[which].name);
    struct str link = arena_copy(p->e.x.task.arena, buffer_view(&out));
    buffer_free(&out);
    return link;
}

/* ---- values ---- */

static void add_list(struct page *p, cJSON *root, enum page_list which)
{
    struct arena *arena = p->e.x.task.arena;
    if (*count_of(p, which) == NO_ANSWER) {
        cJSON *none = cJSON_AddObjectToObject(root, lists[which].name);
        cJSON_AddTrueToObject(none, "unavailable");
        return;
    }
    cJSON *list = lists[which].show(arena, &p->lists[which]);
    cJSON_AddItemToObject(root, lists[which].name, list);
    const cJSON *next = cJSON_GetObjectItemCaseSensitive(list, "next");
    if (cJSON_IsString(next))
        json_add(arena, list, "more",
                 link_to(p, which, str_of(next->valuestring)));
    if (cursor_of(p, which).len > 0)
        json_add(arena, list, "first", link_to(p, which, STR_NONE));
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(list, "items"))
    {
        page_add_times(arena, item);
    }
}

static void add_dead(const struct page *p, cJSON *root)
{
    int64_t total = p->letters.letters.total;
    if (total == 0)
        return;
    cJSON *dead = cJSON_AddObjectToObject(root, "dead");
    if (total == 1)
        cJSON_AddTrueToObject(dead, "one");
    json_add(p->e.x.task.arena, dead, "count",
             total < DEAD_COUNTED ? arena_number(p->e.x.task.arena, total)
                                  : STR("1,000+"));
}

static void mark_live(const cJSON *root)
{
    const cJSON *rides = cJSON_GetObjectItemCaseSensitive(root, "rides");
    cJSON *ride = NULL;
    cJSON_ArrayForEach(ride, cJSON_GetObjectItemCaseSensitive(rides, "items"))
    {
        const cJSON *state = cJSON_GetObjectItemCaseSensitive(ride, "state");
        if (strcmp(cJSON_GetStringValue(state), "live") == 0)
            cJSON_AddTrueToObject(ride, "is_live");
    }
}

static void word_numbers(const cJSON *root)
{
    const cJSON *numbers = cJSON_GetObjectItemCaseSensitive(root, "numbers");
    cJSON *number = NULL;
    cJSON_ArrayForEach(number,
                       cJSON_GetObjectItemCaseSensitive(numbers, "items"))
    {
        page_number_words(number);
    }
}

/* Of many that are low, the first ones are named on top. */
static void word_pools(struct arena *arena, const cJSON *root)
{
    cJSON *pools = cJSON_GetObjectItemCaseSensitive(root, "pools");
    cJSON *pool = NULL;
    int low = 0;
    cJSON_ArrayForEach(pool, cJSON_GetObjectItemCaseSensitive(pools, "items"))
    {
        page_word_pool(arena, pool);
        if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(pool, "low")) &&
            low++ < LOW_NAMED)
            cJSON_AddTrueToObject(pool, "warned");
    }
    if (low > LOW_NAMED)
        cJSON_AddNumberToObject(pools, "more_low", low - LOW_NAMED);
}

/* What was chosen in a form that comes back stays chosen. */
static void mark_chosen(const struct page *p, const cJSON *root,
                        const char *list, const char *field, const char *mark)
{
    struct str typed = params_get(&p->e.params, field);
    int64_t id = 0;
    bool is_id = str_to_num(typed, &id);
    const cJSON *things = cJSON_GetObjectItemCaseSensitive(root, list);
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(things, "items"))
    {
        const cJSON *its = cJSON_GetObjectItemCaseSensitive(item, "id");
        if (cJSON_IsNumber(its) ? is_id && its->valuedouble == (double)id
                                : str_is(typed, cJSON_GetStringValue(its)))
            cJSON_AddTrueToObject(item, mark);
    }
}

/* Where a list is missing: a cursor that it refused is the asker's fault, all
 * else is ours. */
static int answer_missing(struct page *p)
{
    const struct task *t = &p->e.x.task;
    struct problem problem = {PROBLEM_service_away, STR_NONE, 0};
    if (t->outcome == REJECT)
        problem = t->problem;
    answer_retry(&p->e.x.answer, p->e.x.task.arena, &problem);
    return problem_status(problem.code);
}

static void home_show(struct page *p)
{
    cJSON *root = page_values(p, "Rides");
    bool missing = false;
    for (int i = 0; i < PAGE_LISTS; i++) {
        add_list(p, root, (enum page_list)i);
        missing = missing || *count_of(p, (enum page_list)i) == NO_ANSWER;
    }
    add_dead(p, root);
    mark_live(root);
    word_numbers(root);
    word_pools(p->e.x.task.arena, root);
    if (p->has_failed) {
        bool is_ride = strcmp(p->e.x.route->act->form, "ride_form") == 0;
        mark_chosen(p, root, "customers", "customer", "chosen");
        mark_chosen(p, root, "drivers", "driver", "chosen");
        mark_chosen(p, root, "pools", "pool",
                    is_ride ? "chosen_for_ride" : "chosen");
    }
    int status = missing && !p->has_failed ? answer_missing(p) : page_status(p);
    page_answer(&p->e.x, status, ASSET(home_html), &root);
}

const struct view view_home = {.ask = home_ask, .show = home_show};
