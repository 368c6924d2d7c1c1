/* The page of a job, so far a replay of a pool's rides: how far it is, and what
 * it came to. It looks again by itself while the job runs. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"

ASSET_DECLARE(job_html);

static void job_ask(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct msg_job_get m = {.id = x->part[0]};
    bus_ask(x->gateway->service->client, &x->task, "ride-svc", &type_job_get,
            &m, &p->job);
}

static void add_words_of_hours(struct arena *arena, cJSON *job,
                               const char *name, int64_t ms)
{
    double hours = (double)ms / 3600000;
    json_add(arena, job, name,
             arena_printf(arena, "%.6g %s", hours,
                          ms == 3600000 ? "hour" : "hours"));
}

static void job_show(struct page *p)
{
    struct exchange *x = &p->e.x;
    struct arena *arena = x->task.arena;
    const struct msg_job *m = &p->job.job;
    cJSON *root = page_values(p, "What if…");
    cJSON *job = show_job(arena, &p->job);
    add_words_of_hours(arena, job, "grace", m->grace);
    add_words_of_hours(arena, job, "cooldown", m->cooldown);
    if (m->cooldown < 0)
        cJSON_AddTrueToObject(job, "for_good");
    if (str_is(m->state, "running")) {
        cJSON_AddTrueToObject(job, "is_running");
        answer_header(&x->answer, "Refresh", STR("2"));
    } else if (str_is(m->state, "done")) {
        cJSON_AddTrueToObject(job, "is_done");
    } else {
        cJSON_AddTrueToObject(job, "is_failed");
    }
    cJSON_AddItemToObject(root, "job", job);
    page_answer(x, page_status(p), ASSET(job_html), &root);
}

const struct view view_job = {
    .ask = job_ask, .show = job_show, .needs_all = true};
