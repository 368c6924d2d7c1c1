#include "ride-svc/person_write.h"

#include "shared/script.h"

SCRIPT(person_write);

enum { ACT, MARK, REQUEST, FIELDS, ROOM = FIELDS + 10 };

struct str person_member(struct arena *arena, const char *role, int64_t id,
                         struct str mark)
{
    return arena_printf(arena, "%s:%lld%s%.*s", role, (long long)id,
                        mark.len > 0 ? "." : "", STR_ARG(mark));
}

bool person_of_member(struct str member, const char *role, int64_t *id)
{
    struct str rest = member;
    if (!str_is(str_cut(&rest, ':'), role))
        return false;
    return str_to_num(str_cut(&rest, '.'), id);
}

static void run(struct service *s, struct task *t, const char *role, int64_t id,
                const struct str *args, size_t nargs, struct value *out)
{
    struct str key = key_person(t->arena, role, id);
    redis_script(s->redis, t, key, &person_write, &key, 1, args, nargs, out);
}

static size_t add_field(struct str args[ROOM], size_t count, struct str name,
                        struct str value)
{
    args[count++] = name;
    args[count++] = value;
    return count;
}

/* Fields for the script behind its arguments; how many words there are then. An
 * empty name or number stays as it was. */
static size_t fill_fields(struct service *s, struct task *t, const char *role,
                          int64_t id, const struct person *person,
                          struct str args[ROOM])
{
    size_t count = FIELDS;
    if (person->name.len > 0)
        count = add_field(args, count, STR("name"), person->name);
    if (person->digits.len == 0)
        return count;
    struct str sealed = vault_seal(s->vault, t->arena, person->digits,
                                   meaning_person(t->arena, role, id));
    count = add_field(args, count, STR("phone"), sealed);
    count = add_field(args, count, STR("key"), person->key);
    return add_field(args, count, STR("mark"), person->mark);
}

void person_write_new(struct service *s, struct task *t, const char *role,
                      int64_t id, const struct person *person,
                      struct str request, struct value *out)
{
    struct str args[ROOM] = {[ACT] = STR("add")};
    size_t count = fill_fields(s, t, role, id, person, args);
    count = add_field(args, count, STR("request"), request);
    run(s, t, role, id, args, count, out);
}

void person_write_edit(struct service *s, struct task *t, const char *role,
                       int64_t id, struct str read_mark,
                       const struct person *person, struct value *out)
{
    struct str args[ROOM] = {[ACT] = STR("edit"), [MARK] = read_mark};
    size_t count = fill_fields(s, t, role, id, person, args);
    run(s, t, role, id, args, count, out);
}

void person_write_gone(struct service *s, struct task *t, const char *role,
                       int64_t id, struct str read_mark, struct str request,
                       struct value *out)
{
    struct str args[] = {
        [ACT] = STR("remove"), [MARK] = read_mark, [REQUEST] = request};
    run(s, t, role, id, args, FIELDS, out);
}

enum written person_written(const struct value *out)
{
    static const char *const words[] = {[WRITTEN] = "done",
                                        [WRITTEN_THERE] = "there",
                                        [WRITTEN_CHANGED] = "changed"};
    struct str word = value_str(value_at(out, 0));
    for (int i = 0; i < WRITTEN_NONE; i++)
        if (str_is(word, words[i]))
            return (enum written)i;
    return WRITTEN_NONE;
}
