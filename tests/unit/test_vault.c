#include "tests/unit/check.h"

#include "shared/vault.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Keys of consecutive bytes: 00…1f, 20…3f, 40…5f, 60…7f. */
#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define KEY_C "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define KEY_D "606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F"
#define LOOKUP "lookup " KEY_A "\n"
#define MAC "mac " KEY_B "\n"
#define SEAL_1 "seal 1 " KEY_C "\n"
#define SEAL_2 "seal 2 " KEY_D "\n"
#define NEXT_2 "next 2 " KEY_D "\n"
#define LOOKUP_2 "lookup " KEY_C "\n"
#define LOOKUP_3 "lookup " KEY_D "\n"

static char folder[] = "/tmp/birdcar-vault-XXXXXX";
static char path[64];
static char why[256];
static struct arena *arena;

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/keys", folder);
    arena = arena_new();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    arena_destroy(&arena);
    unlink(path);
    return rmdir(folder);
}

static void write_keys(const char *text, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static struct vault *open_vault(const char *text)
{
    write_keys(text, 0600);
    why[0] = '\0';
    struct vault *vault = vault_new(path, why, sizeof(why));
    if (vault == NULL)
        fail_msg("%s", why);
    return vault;
}

static void takes_key_files(void **state)
{
    static const struct {
        const char *label, *text;
        mode_t mode;
    } rows[] = {
        {"as up makes it", LOOKUP SEAL_1 MAC, 0600},
        {"read-only", LOOKUP SEAL_1 MAC, 0400},
        {"any order", MAC SEAL_2 LOOKUP, 0600},
        {"two seal keys", LOOKUP SEAL_1 MAC SEAL_2, 0600},
        {"a seal key to come", LOOKUP SEAL_1 MAC NEXT_2, 0600},
        {"three look-up keys", LOOKUP LOOKUP_2 SEAL_1 MAC LOOKUP_3, 0600},
        {"no newline at the end", LOOKUP MAC "seal 255 " KEY_C, 0600},
        {"blank lines", "\n" LOOKUP "\n  \n" MAC SEAL_1 "\n", 0600},
        {"blanks", "  lookup   " KEY_A "  \r\nseal  3  " KEY_C "\n" MAC, 0600},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_keys(rows[i].text, rows[i].mode);
        struct vault *vault = vault_new(path, why, sizeof(why));
        CHECK(rows[i].label, vault != NULL);
        vault_destroy(&vault);
        CHECK(rows[i].label, vault == NULL);
    }
}

static void refuses_key_files(void **state)
{
    static const struct {
        const char *label, *text;
        mode_t mode;
        const char *why;
    } rows[] = {
        {"group reads", LOOKUP SEAL_1 MAC, 0640, "open to others"},
        {"others read", LOOKUP SEAL_1 MAC, 0604, "open to others"},
        {"group writes", LOOKUP SEAL_1 MAC, 0620, "open to others"},
        {"empty", "", 0600, "no lookup key"},
        {"no lookup", SEAL_1 MAC, 0600, "no lookup key"},
        {"no mac", LOOKUP SEAL_1, 0600, "no mac key"},
        {"no seal", LOOKUP MAC, 0600, "no seal key"},
        {"lookup twice", LOOKUP SEAL_1 LOOKUP, 0600, "line 3 is a key that"},
        {"lookup twice, apart", LOOKUP LOOKUP_2 LOOKUP, 0600,
         "line 3 is a key that"},
        {"only a key to come", LOOKUP MAC NEXT_2, 0600, "no seal key"},
        {"seals and is to come", LOOKUP MAC SEAL_2 NEXT_2, 0600,
         "line 4 is a key that"},
        {"mac twice", MAC MAC, 0600, "line 2 is a key that"},
        {"seal 1 twice", SEAL_1 LOOKUP SEAL_1, 0600, "line 3 is a key that"},
        {"seal without id", "seal " KEY_A "\n", 0600, "line 1 has no key id"},
        {"seal 0", "seal 0 " KEY_A "\n", 0600, "line 1 has no key id"},
        {"seal 256", "seal 256 " KEY_A "\n", 0600, "line 1 has no key id"},
        {"seal -1", "seal -1 " KEY_A "\n", 0600, "line 1 has no key id"},
        {"short key", "lookup 0011\n", 0600, "line 1 does not end in a key"},
        {"long key", "lookup " KEY_A "00\n", 0600, "line 1 does not end"},
        {"no key", "\nlookup\n", 0600, "line 2 does not end in a key"},
        {"not hexadecimal",
         "mac zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
         0600, "line 1 does not end in a key"},
        {"other word", "peek " KEY_A "\n", 0600, "line 1 begins with neither"},
        {"other case", "Lookup " KEY_A "\n", 0600, "line 1 begins with"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_keys(rows[i].text, rows[i].mode);
        CHECK(rows[i].label, vault_new(path, why, sizeof(why)) == NULL);
        if (strstr(why, rows[i].why) == NULL || strstr(why, path) == NULL)
            fail_msg("%s: %s", rows[i].label, why);
        CHECK(rows[i].label, strstr(why, "0d0e0f") == NULL);
    }
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    unlink(path);
    assert_null(vault_new(path, why, sizeof(why)));
    CHECK(why, strstr(why, "No such file") != NULL);
    assert_null(vault_new(folder, why, sizeof(why)));
    CHECK(why, strstr(why, "not a regular file") != NULL);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(vault_new(path, why, sizeof(why)));
    CHECK(why, strstr(why, "not a regular file") != NULL);
    write_keys(LOOKUP SEAL_1 MAC, 0600);
    assert_int_equal(truncate(path, 1 << 20), 0);
    assert_null(vault_new(path, why, sizeof(why)));
    CHECK(why, strstr(why, "too large") != NULL);
    char tiny[8] = "-------";
    assert_null(vault_new(path, tiny, sizeof(tiny)));
    assert_int_equal(strlen(tiny), sizeof(tiny) - 1);
}

/* BLAKE2b-128 of the purpose, a NUL and the bytes, computed elsewhere: what is
 * stored under these names must be found again by every later release. */
static void hashes_as_ever(void **state)
{
    struct vault *vault = open_vault(LOOKUP SEAL_1 MAC);
    (void)state;
    CHECK("phone", str_is(vault_phone(vault, arena, STR("31612345678")),
                          "7MTyK9WdGEIWkv4-Dht9"));
    CHECK("by its purpose",
          str_is(vault_hash(vault, arena, "phone", STR("31612345678")),
                 "7MTyK9WdGEIWkv4-Dht9Eg"));
    CHECK("mac", str_is(vault_mac(vault, arena, "report", STR("x")),
                        "WNoz0YDtpPn1wz7o06bbqw"));
    vault_destroy(&vault);
}

static void keeps_hashes_apart(void **state)
{
    struct vault *vault = open_vault(LOOKUP SEAL_1 MAC);
    struct str hashes[] = {
        vault_hash(vault, arena, "phone", STR("31612345678")),
        vault_hash(vault, arena, "phone", STR("31612345679")),
        vault_hash(vault, arena, "phone", STR("")),
        vault_hash(vault, arena, "text", STR("31612345678")),
        vault_hash(vault, arena, "phon", STR("e31612345678")),
        vault_hash(vault, arena, "", STR("31612345678")),
        vault_hash(vault, arena, "text", STR_NONE),
        vault_mac(vault, arena, "phone", STR("31612345678")),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(hashes); i++) {
        assert_int_equal(hashes[i].len, VAULT_HASH_CHARS);
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq(hashes[i], hashes[k]));
    }
    vault_destroy(&vault);
}

static void seals_and_opens(void **state)
{
    static const struct str plains[] = {
        {"31612345678", 11}, {"", 0}, {NULL, 0}, {"a\0b\xff", 4}};
    struct vault *vault = open_vault(LOOKUP SEAL_1 MAC);
    (void)state;
    for (size_t i = 0; i < COUNT(plains); i++) {
        struct str plain = STR_NONE;
        struct str one = vault_seal(vault, arena, plains[i], STR("ride:17"));
        struct str two = vault_seal(vault, arena, plains[i], STR("ride:17"));
        assert_int_equal(one.len, plains[i].len + 41);
        assert_int_equal(one.ptr[0], 1);
        CHECK("never twice the same", !str_eq(one, two));
        CHECK("not in plain",
              plains[i].len < 4 || memmem(one.ptr, one.len, plains[i].ptr,
                                          plains[i].len) == NULL);
        assert_true(vault_unseal(vault, arena, one, STR("ride:17"), &plain));
        CHECK("the same again", str_eq(plain, plains[i]));
    }
    struct str none = vault_seal(vault, arena, STR("x"), STR_NONE), plain;
    assert_true(vault_unseal(vault, arena, none, STR_NONE, &plain));
    vault_destroy(&vault);
}

static void opens_nothing_else(void **state)
{
    struct vault *vault = open_vault(LOOKUP SEAL_1 MAC);
    struct str plain = STR("kept");
    struct str meaning = STR("ride:17");
    struct str sealed = vault_seal(vault, arena, STR("31612345678"), meaning);
    (void)state;
    CHECK("other meaning",
          !vault_unseal(vault, arena, sealed, STR("ride:18"), &plain));
    CHECK("no meaning", !vault_unseal(vault, arena, sealed, STR_NONE, &plain));
    for (size_t i = 0; i < sealed.len; i++) {
        struct str other = arena_copy(arena, sealed);
        char *bytes = arena_cstr(arena, sealed);
        bytes[i] ^= 1;
        other.ptr = bytes;
        CHECK("a flipped bit",
              !vault_unseal(vault, arena, other, meaning, &plain));
        other = (struct str){sealed.ptr, i};
        CHECK("cut short", !vault_unseal(vault, arena, other, meaning, &plain));
    }
    char *longer = arena_alloc(arena, sealed.len + 1);
    memcpy(longer, sealed.ptr, sealed.len);
    CHECK("longer",
          !vault_unseal(vault, arena, (struct str){longer, sealed.len + 1},
                        meaning, &plain));
    CHECK("untouched", str_is(plain, "kept"));
    vault_destroy(&vault);
}

static void rotates(void **state)
{
    struct str meaning = STR("ride:17"), plain = STR_NONE;
    (void)state;
    struct vault *vault = open_vault(LOOKUP SEAL_1 MAC);
    struct str old = vault_seal(vault, arena, STR("before"), meaning);
    vault_destroy(&vault);

    vault = open_vault(LOOKUP SEAL_1 MAC SEAL_2);
    CHECK("old ones open", vault_unseal(vault, arena, old, meaning, &plain));
    CHECK("old ones open", str_is(plain, "before"));
    struct str new = vault_seal(vault, arena, STR("after"), meaning);
    CHECK("the last key seals", new.ptr[0] == 2);
    vault_destroy(&vault);

    vault = open_vault(LOOKUP SEAL_2 MAC);
    CHECK("new ones open", vault_unseal(vault, arena, new, meaning, &plain));
    CHECK("a key that is gone opens nothing",
          !vault_unseal(vault, arena, old, meaning, &plain));
    vault_destroy(&vault);

    vault = open_vault(LOOKUP SEAL_2 MAC SEAL_1);
    struct str again = vault_seal(vault, arena, STR("again"), meaning);
    CHECK("the last line, not the highest id", again.ptr[0] == 1);
    vault_destroy(&vault);
}

static void has_a_key_to_come(void **state)
{
    struct str meaning = STR("ride:17"), plain = STR_NONE;
    (void)state;
    struct vault *vault = open_vault(LOOKUP SEAL_2 MAC);
    struct str sealed = vault_seal(vault, arena, STR("early"), meaning);
    vault_destroy(&vault);

    vault = open_vault(LOOKUP SEAL_1 NEXT_2 MAC);
    CHECK("it opens", vault_unseal(vault, arena, sealed, meaning, &plain));
    CHECK("it seals nothing",
          vault_seal(vault, arena, plain, meaning).ptr[0] == 1);
    assert_int_equal(vault_seals_with(vault), 1);
    assert_int_equal(vault_sealed_by(sealed), 2);
    assert_int_equal(vault_sealed_by(STR_NONE), 0);
    vault_destroy(&vault);
}

static void seals_anew(void **state)
{
    struct str meaning = STR("ride:17"), plain = STR_NONE, one, two;
    (void)state;
    struct vault *vault = open_vault(LOOKUP SEAL_1 MAC);
    struct str old = vault_seal(vault, arena, STR("31612345678"), meaning);
    struct str like = vault_seal(vault, arena, STR("31612345678"), meaning);
    vault_destroy(&vault);

    vault = open_vault(LOOKUP SEAL_1 SEAL_2 MAC);
    assert_true(vault_reseal(vault, arena, old, meaning, &one));
    assert_true(vault_reseal(vault, arena, old, meaning, &two));
    CHECK("the same each time", str_eq(one, two));
    CHECK("by the new key", vault_sealed_by(one) == 2);
    assert_int_equal(one.len, old.len);
    CHECK("its nonce stays", memcmp(one.ptr + 1, old.ptr + 1, 24) == 0);
    CHECK("nothing else does",
          memmem(one.ptr + 25, one.len - 25, old.ptr + 25, 8) == NULL);
    assert_true(vault_reseal(vault, arena, like, meaning, &two));
    CHECK("another sealing stays another", !str_eq(one, two));
    assert_false(vault_reseal(vault, arena, old, STR("ride:18"), &two));
    assert_true(vault_reseal(vault, arena, one, meaning, &two));
    CHECK("once is enough", str_eq(one, two));
    vault_destroy(&vault);

    vault = open_vault(LOOKUP SEAL_2 MAC);
    assert_true(vault_unseal(vault, arena, one, meaning, &plain));
    CHECK("says the same", str_is(plain, "31612345678"));
    assert_false(vault_reseal(vault, arena, old, meaning, &two));
    vault_destroy(&vault);
}

static void lays_keys_over_one_another(void **state)
{
    static const char *const texts[] = {LOOKUP SEAL_1 MAC,
                                        LOOKUP LOOKUP_2 SEAL_1 MAC,
                                        LOOKUP LOOKUP_2 LOOKUP_3 SEAL_1 MAC};
    static const char firsts[] = {'7', '.', '~'};
    struct str digits = STR("31612345678"), phone = STR_NONE, mark = STR_NONE;
    struct str content = STR_NONE, first = STR_NONE;
    (void)state;
    for (unsigned layers = 1; layers <= COUNT(texts); layers++) {
        struct vault *vault = open_vault(texts[layers - 1]);
        struct str now = vault_phone(vault, arena, digits);
        struct str now_mark = vault_mark(vault, arena, layers);
        struct str now_content =
            vault_phone_hash(vault, arena, "content", STR("Jan\nx"));
        assert_int_equal(vault_layers(vault), layers);
        assert_int_equal(now.len, VAULT_PHONE_CHARS);
        assert_int_equal(now.ptr[0], firsts[layers - 1]);
        for (unsigned other = 1; other <= COUNT(texts); other++)
            CHECK("knows its layers",
                  vault_has_layers(now, other) == (other == layers));
        if (layers == 1) {
            first = now;
            CHECK("as ever", str_is(now, "7MTyK9WdGEIWkv4-Dht9"));
            CHECK("the mark as ever",
                  str_eq(now_mark,
                         vault_hash(vault, arena, "keys", STR("keys"))));
            CHECK("content as ever",
                  str_eq(now_content,
                         vault_hash(vault, arena, "content", STR("Jan\nx"))));
        } else {
            CHECK("without the phone",
                  str_eq(now, vault_add_layer(vault, arena, layers, "phone",
                                              phone)));
            CHECK("nor the content",
                  str_eq(now_content, vault_add_layer(vault, arena, layers,
                                                      "content", content)));
            CHECK("another mark", !str_eq(now_mark, mark));
            CHECK("of fewer layers",
                  str_eq(vault_mark(vault, arena, layers - 1), mark));
            CHECK("what is nobody's phone stays",
                  str_starts(vault_hash(vault, arena, "phone", digits), first));
        }
        phone = now, mark = now_mark, content = now_content;
        vault_destroy(&vault);
    }
    assert_false(vault_has_layers(STR_NONE, 1));
}

static void knows_a_key_file_again(void **state)
{
    static const char *const texts[] = {
        LOOKUP SEAL_1 MAC,        LOOKUP SEAL_1 NEXT_2 MAC,
        LOOKUP SEAL_1 SEAL_2 MAC, LOOKUP SEAL_2 SEAL_1 MAC,
        LOOKUP SEAL_2 MAC,        LOOKUP LOOKUP_2 SEAL_1 MAC};
    struct str prints[COUNT(texts)];
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct vault *vault = open_vault(texts[i]);
        struct vault *again = open_vault(texts[i]);
        prints[i] = vault_fingerprint(vault, arena);
        CHECK("the same", str_eq(prints[i], vault_fingerprint(again, arena)));
        for (size_t k = 0; k < i; k++)
            CHECK("one of its own", !str_eq(prints[i], prints[k]));
        vault_destroy(&again);
        again = open_vault(LOOKUP SEAL_1 MAC);
        CHECK("look-ups and MAC",
              vault_finds_the_same(vault, again) == (vault_layers(vault) == 1));
        vault_destroy(&again);
        vault_destroy(&vault);
    }
}

/* By the kernel's own count: what was locked, and let go of. */
static long locked_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "VmLck:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    (void)fclose(file);
    return kib;
}

static void locks_its_memory(void **state)
{
    struct rlimit limit, none = {0, 0};
    long before = locked_kib();
    (void)state;
    struct vault *vault = open_vault(LOOKUP SEAL_1 MAC);
    assert_true(vault_is_locked(vault));
    assert_true(locked_kib() >= before + 8);
    vault_destroy(&vault);

    /* Root may lock all the same. */
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    none.rlim_max = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    vault = open_vault(LOOKUP SEAL_1 MAC);
    CHECK("it says so", vault_is_locked(vault) == (locked_kib() > before));
    vault_destroy(&vault);
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

static void holds_macs(void **state)
{
    struct vault *vault = open_vault(LOOKUP SEAL_1 MAC);
    struct str mac = vault_mac(vault, arena, "report", STR("17-4"));
    (void)state;
    CHECK("holds", vault_mac_holds(vault, "report", STR("17-4"), mac));
    CHECK("other bytes", !vault_mac_holds(vault, "report", STR("17-5"), mac));
    CHECK("other purpose", !vault_mac_holds(vault, "form", STR("17-4"), mac));
    CHECK("none", !vault_mac_holds(vault, "report", STR("17-4"), STR_NONE));
    for (size_t i = 0; i < mac.len; i++) {
        char *bytes = arena_cstr(arena, mac);
        bytes[i] = bytes[i] == 'A' ? 'B' : 'A';
        CHECK("a changed character",
              !vault_mac_holds(vault, "report", STR("17-4"),
                               (struct str){bytes, mac.len}));
        CHECK("cut short", !vault_mac_holds(vault, "report", STR("17-4"),
                                            (struct str){mac.ptr, i}));
    }
    vault_destroy(&vault);
}

static void draws_at_random(void **state)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct str one = vault_random(arena, 16), two = vault_random(arena, 16);
    (void)state;
    assert_int_equal(one.len, 22);
    assert_int_equal(vault_random(arena, 32).len, 43);
    assert_int_equal(vault_random(arena, 1).len, 2);
    CHECK("never the same", !str_eq(one, two));
    for (size_t i = 0; i < one.len; i++)
        CHECK("base64url", memchr(letters, one.ptr[i], 64) != NULL);
}

static void ends_nothing(void **state)
{
    struct vault *vault = NULL;
    (void)state;
    vault_destroy(&vault);
    assert_null(vault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_key_files),
        cmocka_unit_test(refuses_key_files),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(hashes_as_ever),
        cmocka_unit_test(keeps_hashes_apart),
        cmocka_unit_test(seals_and_opens),
        cmocka_unit_test(opens_nothing_else),
        cmocka_unit_test(rotates),
        cmocka_unit_test(has_a_key_to_come),
        cmocka_unit_test(seals_anew),
        cmocka_unit_test(lays_keys_over_one_another),
        cmocka_unit_test(knows_a_key_file_again),
        cmocka_unit_test(locks_its_memory),
        cmocka_unit_test(holds_macs),
        cmocka_unit_test(draws_at_random),
        cmocka_unit_test(ends_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
