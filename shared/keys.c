#include "shared/keys.h"

#include "shared/partition.h"

static bool is_word(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
              (c >= 'a' && c <= 'z') || c == '_' || c == '-'))
            return false;
    }
    return true;
}

/* "17-" in front, characters of base64url behind. */
static bool parse_partition(struct str s, unsigned *partition)
{
    if (s.len < 4 || s.ptr[2] != '-' || !is_word(s) || s.ptr[0] < '0' ||
        s.ptr[0] > '9' || s.ptr[1] < '0' || s.ptr[1] > '9')
        return false;
    *partition = (unsigned)(s.ptr[0] - '0') * 10 + (unsigned)(s.ptr[1] - '0');
    return *partition < PARTITIONS;
}

struct str ride_id(struct arena *arena, unsigned partition, struct str claim)
{
    return arena_printf(arena, "%02u-%.*s", partition, STR_ARG(claim));
}

bool ride_id_parse(struct str id, unsigned *partition, struct str *claim)
{
    if (id.len != RIDE_ID_CHARS || !parse_partition(id, partition))
        return false;
    if (claim != NULL)
        *claim = str_from(id, RIDE_ID_CHARS - CLAIM_CHARS);
    return true;
}

bool reference_parse(struct str reference, unsigned *partition)
{
    return reference.len <= 40 && parse_partition(reference, partition);
}

struct str key_of_line(struct arena *arena, const char *what, struct str proxy,
                       struct str phone)
{
    struct str tag = partition_tag(partition_of(proxy));
    return arena_printf(arena, "%s:%.*s:%.*s:%.*s", what, STR_ARG(tag),
                        STR_ARG(proxy), STR_ARG(phone));
}

struct str key_route(struct arena *arena, struct str proxy, struct str phone)
{
    return key_of_line(arena, "route", proxy, phone);
}

struct str key_of_partition(struct arena *arena, const char *what,
                            unsigned partition)
{
    struct str tag = partition_tag(partition);
    return arena_printf(arena, "%s:%.*s", what, STR_ARG(tag));
}

struct str key_in_partition(struct arena *arena, const char *what,
                            unsigned partition, struct str which)
{
    struct str tag = partition_tag(partition);
    return arena_printf(arena, "%s:%.*s:%.*s", what, STR_ARG(tag),
                        STR_ARG(which));
}

struct str key_ride(struct arena *arena, unsigned partition, struct str ride)
{
    return key_in_partition(arena, "ride", partition, ride);
}

struct str key_timeline(struct arena *arena, unsigned partition,
                        struct str ride)
{
    return key_in_partition(arena, "timeline", partition, ride);
}

const char texts_tag[] = "{texts}";

struct str key_texts_today(struct arena *arena)
{
    return arena_printf(arena, "%s:today", texts_tag);
}

struct str meaning_phone(struct arena *arena, struct str ride, struct str role)
{
    return arena_printf(arena, "phone:%.*s:%.*s", STR_ARG(ride), STR_ARG(role));
}

struct str meaning_text(struct arena *arena, struct str reference)
{
    return arena_printf(arena, "text:%.*s", STR_ARG(reference));
}

struct str meaning_person(struct arena *arena, const char *role, int64_t id)
{
    return arena_printf(arena, "person:%s:%lld", role, (long long)id);
}

struct str meaning_totp(struct arena *arena, struct str account)
{
    return arena_printf(arena, "totp %.*s", STR_ARG(account));
}
