/* The acts on accounts, tokens and the audit log, and on one's own account. */
#include "gateway/access/accounts.h"
#include "gateway/access/audit_acts.h"
#include "gateway/access/tokens.h"
#include "gateway/acts.h"
#include "gateway/api_json.h"
#include "gateway/fields.h"

enum { TOKEN_NAME_MOST = 64, REASON_LEAST = 5, REASON_MOST = 200 };

static const char *const no_fields[] = {NULL};
static const char *const account_fields[] = {"name", "role", "password", NULL};
static const char *const account_edit_fields[] = {"role", "password",
                                                  "disabled", NULL};
static const char *const password_fields[] = {"current", "password", NULL};
static const char *const code_fields[] = {"code", NULL};
static const char *const current_fields[] = {"current", NULL};
static const char *const token_fields[] = {"name", "scopes", "expires_at",
                                           NULL};

/* ---- accounts ---- */

static bool read_nothing(struct errand *e)
{
    (void)e;
    return true;
}

static bool read_name_of_path(struct errand *e)
{
    return account_name_parse(e->x.task.arena, e->x.part[0],
                              &e->ask.account.name) ||
           field_refuse(e, PROBLEM_not_found, "id");
}

static bool read_role(struct errand *e, bool needed)
{
    struct ask_account *ask = &e->ask.account;
    if (!(needed ? field_text : field_text_if_any)(e, "role", &ask->role))
        return false;
    if (ask->role.len > 0 && role_may(ask->role) == 0)
        return field_refuse(e, PROBLEM_invalid, "role");
    return true;
}

/* As it was typed: where one signs in, blanks at its ends count, too. */
static bool read_password_if_any(struct errand *e)
{
    struct str *password = &e->ask.account.password;
    if (!field_text_if_any(e, "password", password))
        return false;
    if (password->len > 0)
        *password = params_get(&e->params, "password");
    return true;
}

static bool read_account_add(struct errand *e)
{
    struct ask_account *ask = &e->ask.account;
    struct str typed;
    if (!field_text(e, "name", &typed))
        return false;
    if (!account_name_parse(e->x.task.arena, typed, &ask->name))
        return field_refuse(e, PROBLEM_account_name_invalid, "name");
    e->detail = ask->name;
    return read_role(e, true) && read_password_if_any(e);
}

/* What the audit log tells of a change. */
static struct str edit_detail(struct errand *e)
{
    const struct ask_account *ask = &e->ask.account;
    return arena_printf(
        e->x.task.arena, "%s%.*s%s%s%s", ask->role.len > 0 ? "role " : "",
        STR_ARG(ask->role),
        ask->sets_disabled ? (ask->disabled ? " disabled" : " enabled") : "",
        ask->password.len > 0 ? " password" : "",
        ask->drops_totp ? " second factor taken away" : "");
}

static bool read_account_edit(struct errand *e)
{
    struct ask_account *ask = &e->ask.account;
    bool totp = true;
    ask->sets_disabled = params_find(&e->params, "disabled") != NULL;
    if (!read_name_of_path(e) || !read_role(e, false) ||
        !read_password_if_any(e) ||
        !field_flag_if_any(e, "disabled", false, &ask->disabled) ||
        !field_flag_if_any(e, "totp", true, &totp))
        return false;
    ask->drops_totp = !totp;
    if (params_find(&e->params, "totp") != NULL && totp)
        return field_refuse(e, PROBLEM_invalid, "totp"); /* only they can */
    e->detail = str_trim(edit_detail(e));
    return true;
}

/* ---- one's own ---- */

static bool read_password(struct errand *e)
{
    struct ask_account *ask = &e->ask.account;
    ask->current = params_get(&e->params, "current");
    ask->password = params_get(&e->params, "password");
    return true;
}

static bool read_session(struct errand *e)
{
    e->ask.account.session = e->x.part[0];
    return true;
}

static bool read_code(struct errand *e)
{
    e->ask.code.code = params_get(&e->params, "code");
    e->ask.code.current = params_get(&e->params, "current");
    return true;
}

/* ---- tokens ---- */

static bool read_scopes(struct errand *e, struct str *scopes)
{
    struct list words = {0};
    if (!field_words(e, "scopes", &words))
        return false;
    if (words.count == 0)
        return field_refuse(e, PROBLEM_missing, "scopes");
    for (size_t i = 0; i < words.count; i++) {
        if (scope_may(words.items[i]) == 0 || i == 4)
            return field_refuse(e, PROBLEM_invalid, "scopes");
        *scopes = arena_printf(e->x.task.arena, "%.*s%s%.*s", STR_ARG(*scopes),
                               i > 0 ? " " : "", STR_ARG(words.items[i]));
    }
    return true;
}

static bool read_token_add(struct errand *e)
{
    struct ask_token *ask = &e->ask.token;
    if (!field_text(e, "name", &ask->name))
        return false;
    if (str_characters(ask->name) > TOKEN_NAME_MOST)
        return field_refuse(e, PROBLEM_too_long, "name");
    e->detail = ask->name;
    return read_scopes(e, &ask->scopes) &&
           field_time_if_any(e, "expires_at", &ask->expires);
}

static bool read_token_remove(struct errand *e)
{
    e->ask.token.id = e->x.part[0];
    return true;
}

/* ---- the audit log ---- */

static bool read_trail(struct errand *e)
{
    struct audit_filter *f = &e->ask.audit;
    f->cursor = params_get(&e->params, "cursor");
    return audit_trail_parse(params_get(&e->params, "trail"), &f->trail) ||
           field_refuse(e, PROBLEM_invalid, "trail");
}

/* "<ms>-<n>", as we made it. */
static bool is_cursor(struct str cursor)
{
    int64_t number = 0;
    struct str ms = str_cut(&cursor, '-');
    return str_to_num(ms, &number) && str_to_num(cursor, &number);
}

static bool read_audit_list(struct errand *e)
{
    struct audit_filter *f = &e->ask.audit;
    if (!read_trail(e))
        return false;
    if (f->cursor.len > 0 && !is_cursor(f->cursor))
        return field_refuse(e, PROBLEM_invalid, "cursor");
    return field_text_if_any(e, "who", &f->who) &&
           field_text_if_any(e, "what", &f->what) &&
           field_text_if_any(e, "object", &f->object) &&
           field_time_if_any(e, "since", &f->since_ms) &&
           field_time_if_any(e, "until", &f->until_ms) &&
           field_limit(e, &f->limit);
}

/* "<ms>-<n>.<number>.<mac>" */
static bool read_audit_verify(struct errand *e)
{
    if (!read_trail(e))
        return false;
    int64_t number = 0;
    struct str rest = e->ask.audit.cursor;
    struct str id = str_cut(&rest, '.');
    bool good = id.len == 0 ||
                (is_cursor(id) && str_to_num(str_cut(&rest, '.'), &number) &&
                 rest.len == VAULT_HASH_CHARS);
    return good || field_refuse(e, PROBLEM_invalid, "cursor");
}

/* ---- a person's phone ---- */

/* Letters and digits of any script; not what nobody sees. */
static size_t letters_of(struct str text)
{
    enum { FIRST_FOREIGN = 0xc0, UNSEEN_FROM = 0x2000, UNSEEN_TO = 0x206f };
    size_t letters = 0;
    uint32_t c = 0;
    while (str_next(&text, &c))
        letters += c < FIRST_FOREIGN
                       ? char_is_letter((char)c) || char_is_digit((char)c)
                       : c < UNSEEN_FROM || c > UNSEEN_TO;
    return letters;
}

static bool read_reveal(struct errand *e)
{
    struct msg_person_reveal *m = &e->ask.person_reveal;
    m->role = str_of(e->x.route->act->role);
    if (!part_id(e, &m->id) || !field_text(e, "reason", &e->detail))
        return false;
    size_t length = str_characters(e->detail);
    if (letters_of(e->detail) < REASON_LEAST)
        return field_refuse(e, PROBLEM_reason_short, "reason");
    return length <= REASON_MOST || field_refuse(e, PROBLEM_too_long, "reason");
}

/* ---- the table ---- */

#define OWN(fn) .own = fn##_run, .may = MAY_ADMIN, .status = 200
#define MINE(fn)                                                               \
    .own = fn##_run, .may = MAY_READ, .status = 204, .page = "/account",       \
    .takes_body = true

static const char *const reason_fields[] = {"reason", NULL};

#define REVEAL(who)                                                            \
    const struct act act_##who##_reveal = {.service = "ride-svc",              \
                                           .type = &type_person_reveal,        \
                                           .read = read_reveal,                \
                                           .may = MAY_REVEAL,                  \
                                           .audit = #who ".reveal",            \
                                           .takes_body = true,                 \
                                           .role = #who,                       \
                                           .show = show_revealed,              \
                                           .status = 200,                      \
                                           .shows_answer = true,               \
                                           .form = "reveal_form",              \
                                           .fields = reason_fields}
REVEAL(customer);
REVEAL(driver);

const struct act act_account_list = {OWN(account_list), .read = read_nothing,
                                     .show = show_accounts};
const struct act act_account_add = {.own = account_add_run,
                                    .may = MAY_ADMIN,
                                    .audit = "account.add",
                                    .takes_body = true,
                                    .read = read_account_add,
                                    .show = show_account,
                                    .status = 201,
                                    .home = "/api/v1/accounts/",
                                    .done = "account_added",
                                    .page = "/accounts",
                                    .form = "account_form",
                                    .fields = account_fields,
                                    .shows_answer = true};
const struct act act_account_edit = {OWN(account_edit),
                                     .audit = "account.edit",
                                     .takes_body = true,
                                     .read = read_account_edit,
                                     .show = show_account,
                                     .done = "account_saved",
                                     .page = "/accounts",
                                     .form = "account_edit_form",
                                     .fields = account_edit_fields};
const struct act act_account_remove = {.own = account_remove_run,
                                       .may = MAY_ADMIN,
                                       .audit = "account.remove",
                                       .read = read_name_of_path,
                                       .status = 204,
                                       .done = "account_removed",
                                       .page = "/accounts",
                                       .form = "account_edit_form",
                                       .fields = no_fields};
const struct act act_account_sessions = {
    OWN(account_sessions), .read = read_name_of_path, .show = show_sessions};
const struct act act_account_sign_out = {.own = account_sign_out_run,
                                         .may = MAY_ADMIN,
                                         .audit = "account.sign_out",
                                         .read = read_name_of_path,
                                         .status = 204,
                                         .done = "account_signed_out",
                                         .page = "/accounts",
                                         .form = "account_edit_form",
                                         .fields = no_fields};

const struct act act_password = {
    MINE(password),          .audit = "own.password",
    .read = read_password,   .done = "password_changed",
    .form = "password_form", .fields = password_fields};
const struct act act_session_end = {
    MINE(session_end),       .audit = "own.session_end", .read = read_session,
    .done = "session_ended", .form = "sessions_form",    .fields = no_fields};
const struct act act_sign_out = {.own = sign_out_run,
                                 .may = MAY_READ,
                                 .audit = "signout",
                                 .read = read_nothing,
                                 .status = 204,
                                 .page = "/",
                                 .done = "signed_out",
                                 .form = "sessions_form",
                                 .fields = no_fields};
const struct act act_totp_new = {MINE(totp_new),      .audit = "own.totp_new",
                                 .read = read_code,   .done = "totp_begun",
                                 .form = "totp_form", .fields = current_fields};
const struct act act_totp_confirm = {
    MINE(totp_confirm), .audit = "own.totp_confirm", .read = read_code,
    .done = "totp_set", .form = "totp_form",         .fields = code_fields};
const struct act act_totp_remove = {
    MINE(totp_remove),   .audit = "own.totp_remove",
    .read = read_code,   .done = "totp_removed",
    .form = "totp_form", .fields = current_fields};

const struct act act_token_list = {OWN(token_list), .read = read_nothing,
                                   .show = show_tokens};
const struct act act_token_add = {.own = token_add_run,
                                  .may = MAY_ADMIN,
                                  .audit = "token.add",
                                  .takes_body = true,
                                  .read = read_token_add,
                                  .show = show_token,
                                  .status = 201,
                                  .home = "/api/v1/tokens/",
                                  .done = "token_added",
                                  .page = "/tokens",
                                  .form = "token_form",
                                  .fields = token_fields,
                                  .shows_answer = true};
const struct act act_token_remove = {.own = token_remove_run,
                                     .may = MAY_ADMIN,
                                     .audit = "token.remove",
                                     .read = read_token_remove,
                                     .status = 204,
                                     .done = "token_removed",
                                     .page = "/tokens",
                                     .form = "token_form",
                                     .fields = no_fields};

const struct act act_audit_list = {OWN(audit_list), .read = read_audit_list,
                                   .show = show_audit};
const struct act act_audit_verify = {
    OWN(audit_verify), .read = read_audit_verify, .show = show_audit_check};
