/* The page of messages that failed for good: why, and what to do with them. */
#include "gateway/api_json.h"
#include "gateway/console/page.h"

ASSET_DECLARE(letters_html);

enum { LETTERS_A_PAGE = 50 };

/* A form that was sent has none. */
static struct str cursor_of(const struct page *p)
{
    return p->e.is_form ? STR_NONE : params_get(&p->e.params, "cursor");
}

static void letters_ask(struct page *p)
{
    struct msg_letter_list m = {.before = cursor_of(p),
                                .limit = LETTERS_A_PAGE};
    bus_ask(p->e.x.gateway->service->client, &p->e.x.task, "notifier",
            &type_letter_list, &m, &p->letters);
}

/* In plain words; a reason that this page does not know yet stands there as it
 * is. */
static void add_words(cJSON *letter)
{
    static const struct {
        const char *reason, *words;
    } all[] = {
        {"refused", "The provider refused it for good."},
        {"originator_refused",
         "The provider does not take the proxy number as its sender."},
        {"too_old", "It could not be sent within four hours."},
        {"day_limit", "The limit of texts a day (TEXTS_PER_DAY) was reached."},
        {"in_doubt", "It may have arrived: the provider did not say."},
        {"ride_over", "The ride was over before it could be sent."},
    };
    const char *reason = cJSON_GetStringValue(
        cJSON_GetObjectItemCaseSensitive(letter, "reason"));
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (strcmp(reason, all[i].reason) == 0)
            reason = all[i].words;
    cJSON_AddStringToObject(letter, "words", reason);
}

static void add_more(struct page *p, cJSON *list)
{
    struct buffer out = {0};
    struct str next = p->letters.letters.next;
    if (cursor_of(p).len > 0)
        cJSON_AddTrueToObject(list, "is_later");
    if (next.len == 0)
        return;
    buffer_str(&out, STR("/messages?cursor="));
    params_add_encoded(&out, next);
    json_add(p->e.x.task.arena, list, "more", buffer_view(&out));
    buffer_free(&out);
}

/* What most often fails: the button was pressed twice. */
static void say_gone(const struct page *p, const cJSON *root)
{
    if (!p->has_failed || p->failed.code != PROBLEM_not_found)
        return;
    cJSON_ReplaceItemInObjectCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(root, "refusal"), "sentence",
        cJSON_CreateString("This message is not here any more: it was sent "
                           "again or dropped, or its day is over."));
}

static void letters_show(struct page *p)
{
    struct arena *arena = p->e.x.task.arena;
    cJSON *root = page_values(p, "Messages that could not be sent");
    cJSON *list = show_letters(arena, &p->letters);
    cJSON *letter = NULL;
    cJSON_ArrayForEach(letter, cJSON_GetObjectItemCaseSensitive(list, "items"))
    {
        page_add_times(arena, letter);
        add_words(letter);
    }
    add_more(p, list);
    cJSON_AddNumberToObject(list, "total", (double)p->letters.letters.total);
    if (p->letters.letters.total > 0)
        cJSON_AddTrueToObject(list, "any");
    say_gone(p, root);
    cJSON_AddItemToObject(root, "letters", list);
    page_answer(&p->e.x, page_status(p), ASSET(letters_html), &root);
}

const struct view view_letters = {
    .ask = letters_ask, .show = letters_show, .needs_all = true};
