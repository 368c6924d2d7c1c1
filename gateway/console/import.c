/* The page that takes many proxy numbers at once: what is typed, or pasted from
 * a file, is looked at first, and then taken. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"

ASSET_DECLARE(import_html);

static void import_ask(struct page *p)
{
    (void)p;
}

static const char *sentence_of(const char *code)
{
    for (int i = 0; i < PROBLEM_COUNT; i++)
        if (strcmp(problem_name((enum problem_code)i), code) == 0)
            return problem_sentence((enum problem_code)i);
    return code;
}

/* A line's fate, in words. */
static void add_words(cJSON *item, bool dry)
{
    const char *fate =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "fate"));
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(item, "code");
    const char *words = dry ? "would be added" : "added";
    if (strcmp(fate, "there") == 0)
        words = "is there already";
    if (cJSON_IsString(code)) {
        words = sentence_of(code->valuestring);
        cJSON_AddTrueToObject(item, "is_refused");
    }
    cJSON_AddStringToObject(item, "words", words);
}

static void import_show(struct page *p)
{
    struct arena *arena = p->e.x.task.arena;
    cJSON *root = page_values(p, "Import proxy numbers");
    bool answered = p->e.x.route->act != NULL && !p->has_failed;
    json_add(arena, root, "typed", params_get(&p->e.params, "csv"));
    if (answered) {
        cJSON *answer = show_numbers_imported(arena, &p->e.got);
        cJSON *item = NULL;
        bool dry = p->e.got.numbers_imported.dry;
        cJSON_ArrayForEach(item,
                           cJSON_GetObjectItemCaseSensitive(answer, "items"))
        {
            add_words(item, dry);
        }
        cJSON_AddItemToObject(root, "answer", answer);
    }
    page_answer(&p->e.x, page_status(p), ASSET(import_html), &root);
}

const struct view view_import = {
    .may = MAY_POOL, .ask = import_ask, .show = import_show};
