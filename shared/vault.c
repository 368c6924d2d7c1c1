#include "shared/vault.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/secret_file.h"

enum {
    KEY_BYTES = 32,
    KEY_IDS = 256,
    MOST_LAYERS = 32,
    HASH_BYTES = 16,
    FILE_MOST = 1 << 16,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    SEAL_HEAD = 1 + NONCE_BYTES,
    SEAL_BYTES = SEAL_HEAD + TAG_BYTES
};

struct key {
    bool known;
    unsigned char bytes[KEY_BYTES];
};

/* Stands in guarded memory, locked where the system allows, read-only once
 * loaded. */
struct vault {
    struct key lookup[MOST_LAYERS], mac;
    struct key seal[KEY_IDS];
    unsigned char layers;
    unsigned char seal_id; /* seals; 0: none yet */
    unsigned char next_id; /* is to seal next; 0: none */
    unsigned char fingerprint[HASH_BYTES];
    bool locked;
};

static void need_sodium(void)
{
    if (sodium_init() < 0)
        abort();
}

static bool key_set(struct key *key, struct str hex, const char **fault)
{
    size_t len = 0;
    if (key->known) {
        *fault = "is a key that was given before";
        return false;
    }
    if (hex.len != (size_t)KEY_BYTES * 2 ||
        sodium_hex2bin(key->bytes, sizeof(key->bytes), hex.ptr, hex.len, NULL,
                       &len, NULL) != 0 ||
        len != KEY_BYTES) {
        *fault = "does not end in a key of 64 hexadecimal digits";
        return false;
    }
    key->known = true;
    return true;
}

static bool add_lookup(struct vault *vault, struct str hex, const char **fault)
{
    if (vault->layers == MOST_LAYERS) {
        *fault = "is a look-up key too many";
        return false;
    }
    struct key *key = &vault->lookup[vault->layers];
    if (!key_set(key, hex, fault))
        return false;
    for (unsigned i = 0; i < vault->layers; i++) {
        if (sodium_memcmp(key->bytes, vault->lookup[i].bytes, KEY_BYTES) != 0)
            continue;
        *fault = "is a key that was given before";
        return false;
    }
    vault->layers++;
    return true;
}

static bool add_seal(struct vault *vault, unsigned char *is, struct str line,
                     const char **fault)
{
    int64_t id = 0;
    if (!str_to_num(str_cut(&line, ' '), &id) || id < 1 || id >= KEY_IDS) {
        *fault = "has no key id from 1 to 255 behind its first word";
        return false;
    }
    *is = (unsigned char)id;
    return key_set(&vault->seal[id], str_trim(line), fault);
}

static bool load_line(struct vault *vault, struct str line, const char **fault)
{
    struct str word = str_cut(&line, ' ');
    line = str_trim(line);
    if (str_is(word, "lookup"))
        return add_lookup(vault, line, fault);
    if (str_is(word, "mac"))
        return key_set(&vault->mac, line, fault);
    if (str_is(word, "seal"))
        return add_seal(vault, &vault->seal_id, line, fault);
    if (str_is(word, "next"))
        return add_seal(vault, &vault->next_id, line, fault);
    *fault = "begins with neither lookup, seal, next nor mac";
    return false;
}

static bool load_text(struct vault *vault, struct str text, const char *path,
                      char *why, size_t room)
{
    const char *fault = NULL;
    for (unsigned number = 1; text.len > 0; number++) {
        struct str line = str_trim(str_cut(&text, '\n'));
        if (line.len > 0 && !load_line(vault, line, &fault)) {
            snprintf(why, room, "%s: line %u %s", path, number, fault);
            return false;
        }
    }
    if (vault->layers == 0 || !vault->mac.known || vault->seal_id == 0) {
        snprintf(why, room, "%s: it has no %s key", path,
                 vault->layers == 0  ? "lookup"
                 : !vault->mac.known ? "mac"
                                     : "seal");
        return false;
    }
    return true;
}

static bool load_file(struct vault *vault, const char *path, char *why,
                      size_t room)
{
    size_t len = 0;
    bool loaded = false;
    char *text = sodium_malloc(FILE_MOST);
    if (text == NULL)
        abort();
    const char *fault = secret_file_read(path, text, FILE_MOST, &len);
    if (fault == NULL)
        loaded = load_text(vault, (struct str){text, len}, path, why, room);
    else
        snprintf(why, room, "%s: %s", path, fault);
    sodium_free(text);
    return loaded;
}

struct vault *vault_new(const char *path, char *why, size_t room)
{
    need_sodium();
    struct vault *vault = sodium_malloc(sizeof(*vault));
    if (vault == NULL)
        abort();
    memset(vault, 0, sizeof(*vault));
    if (!load_file(vault, path, why, room)) {
        vault_destroy(&vault);
        return NULL;
    }
    /* Before the rest is set: of the keys alone. */
    crypto_generichash(vault->fingerprint, sizeof(vault->fingerprint),
                       (const unsigned char *)vault, sizeof(*vault), NULL, 0);
    /* libsodium locks it, and says nothing where it could not. By its number,
     * since the sanitizers' mlock() locks nothing. */
    vault->locked = syscall(SYS_mlock, vault, sizeof(*vault)) == 0;
    sodium_mprotect_readonly(vault);
    return vault;
}

void vault_destroy(struct vault **vault)
{
    sodium_free(*vault);
    *vault = NULL;
}

bool vault_is_locked(const struct vault *vault)
{
    return vault->locked;
}

struct str vault_fingerprint(const struct vault *vault, struct arena *arena)
{
    char text[VAULT_HASH_CHARS + 1];
    sodium_bin2base64(text, sizeof(text), vault->fingerprint,
                      sizeof(vault->fingerprint),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return arena_copy(arena, (struct str){text, VAULT_HASH_CHARS});
}

bool vault_finds_the_same(const struct vault *a, const struct vault *b)
{
    return sodium_memcmp(a->lookup, b->lookup, sizeof(a->lookup)) == 0 &&
           sodium_memcmp(&a->mac, &b->mac, sizeof(a->mac)) == 0;
}

/* ---- look-ups ---- */

static void keyed_hash(const struct key *key, const char *purpose,
                       struct str bytes, char out[VAULT_HASH_CHARS + 1])
{
    unsigned char hash[HASH_BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, key->bytes, KEY_BYTES, sizeof(hash));
    /* The purpose's NUL parts it from the bytes. */
    crypto_generichash_update(&state, (const unsigned char *)purpose,
                              strlen(purpose) + 1);
    crypto_generichash_update(&state, (const unsigned char *)bytes.ptr,
                              bytes.len);
    crypto_generichash_final(&state, hash, sizeof(hash));
    sodium_memzero(&state, sizeof(state)); /* it still holds the key */
    sodium_bin2base64(out, VAULT_HASH_CHARS + 1, hash, sizeof(hash),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

struct str vault_hash(const struct vault *vault, struct arena *arena,
                      const char *purpose, struct str bytes)
{
    char text[VAULT_HASH_CHARS + 1];
    keyed_hash(&vault->lookup[0], purpose, bytes, text);
    return arena_copy(arena, (struct str){text, VAULT_HASH_CHARS});
}

static char layer_mark(unsigned layer)
{
    return layer % 2 == 0 ? '.' : '~';
}

bool vault_has_layers(struct str hash, unsigned layers)
{
    if (hash.len == 0)
        return false;
    if (layers == 1)
        return hash.ptr[0] != layer_mark(0) && hash.ptr[0] != layer_mark(1);
    return hash.ptr[0] == layer_mark(layers);
}

struct str vault_add_layer(const struct vault *vault, struct arena *arena,
                           unsigned layer, const char *purpose, struct str hash)
{
    char text[VAULT_HASH_CHARS + 1];
    assert(layer >= 2 && layer <= vault->layers);
    assert(hash.len <= VAULT_HASH_CHARS);
    keyed_hash(&vault->lookup[layer - 1], purpose, hash, text);
    text[0] = layer_mark(layer);
    return arena_copy(arena, (struct str){text, hash.len});
}

static struct str add_layers(const struct vault *vault, struct arena *arena,
                             unsigned layers, const char *purpose,
                             struct str hash)
{
    for (unsigned layer = 2; layer <= layers; layer++)
        hash = vault_add_layer(vault, arena, layer, purpose, hash);
    return hash;
}

struct str vault_phone_hash(const struct vault *vault, struct arena *arena,
                            const char *purpose, struct str bytes)
{
    return add_layers(vault, arena, vault->layers, purpose,
                      vault_hash(vault, arena, purpose, bytes));
}

struct str vault_phone(const struct vault *vault, struct arena *arena,
                       struct str digits)
{
    struct str hash = vault_hash(vault, arena, "phone", digits);
    hash.len = VAULT_PHONE_CHARS;
    return add_layers(vault, arena, vault->layers, "phone", hash);
}

unsigned vault_layers(const struct vault *vault)
{
    return vault->layers;
}

struct str vault_mark(const struct vault *vault, struct arena *arena,
                      unsigned layers)
{
    return add_layers(vault, arena, layers, "keys",
                      vault_hash(vault, arena, "keys", STR("keys")));
}

struct str vault_mac(const struct vault *vault, struct arena *arena,
                     const char *purpose, struct str bytes)
{
    char text[VAULT_HASH_CHARS + 1];
    keyed_hash(&vault->mac, purpose, bytes, text);
    return arena_copy(arena, (struct str){text, VAULT_HASH_CHARS});
}

bool vault_mac_holds(const struct vault *vault, const char *purpose,
                     struct str bytes, struct str mac)
{
    char text[VAULT_HASH_CHARS + 1];
    keyed_hash(&vault->mac, purpose, bytes, text);
    return mac.len == VAULT_HASH_CHARS &&
           sodium_memcmp(mac.ptr, text, VAULT_HASH_CHARS) == 0;
}

/* ---- seals ---- */

static void seal_into(const struct key *key, unsigned char *sealed,
                      struct str plain, struct str meaning)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        sealed + SEAL_HEAD, NULL, (const unsigned char *)plain.ptr, plain.len,
        (const unsigned char *)meaning.ptr, meaning.len, NULL, sealed + 1,
        key->bytes);
}

struct str vault_seal(const struct vault *vault, struct arena *arena,
                      struct str plain, struct str meaning)
{
    size_t len = plain.len + SEAL_BYTES;
    unsigned char *sealed = arena_alloc(arena, len);
    sealed[0] = vault->seal_id;
    randombytes_buf(sealed + 1, NONCE_BYTES);
    seal_into(&vault->seal[vault->seal_id], sealed, plain, meaning);
    return (struct str){(const char *)sealed, len};
}

bool vault_unseal(const struct vault *vault, struct arena *arena,
                  struct str sealed, struct str meaning, struct str *plain)
{
    if (sealed.len < SEAL_BYTES)
        return false;
    const unsigned char *bytes = (const unsigned char *)sealed.ptr;
    const struct key *key = &vault->seal[bytes[0]];
    if (!key->known)
        return false;
    size_t len = sealed.len - SEAL_BYTES;
    /* One byte more: arena_copy's promise of a NUL holds here, too. */
    unsigned char *opened = arena_alloc(arena, len + 1);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            opened, NULL, NULL, bytes + SEAL_HEAD, sealed.len - SEAL_HEAD,
            (const unsigned char *)meaning.ptr, meaning.len, bytes + 1,
            key->bytes) != 0)
        return false;
    *plain = (struct str){(const char *)opened, len};
    return true;
}

unsigned vault_sealed_by(struct str sealed)
{
    return sealed.len > 0 ? (unsigned char)sealed.ptr[0] : 0;
}

unsigned vault_seals_with(const struct vault *vault)
{
    return vault->seal_id;
}

/* The nonce is a new one for the new key: each sealing drew its own. */
bool vault_reseal(const struct vault *vault, struct arena *arena,
                  struct str sealed, struct str meaning, struct str *out)
{
    struct str plain = STR_NONE;
    if (!vault_unseal(vault, arena, sealed, meaning, &plain))
        return false;
    unsigned char *again = arena_alloc(arena, sealed.len);
    again[0] = vault->seal_id;
    memcpy(again + 1, sealed.ptr + 1, NONCE_BYTES);
    seal_into(&vault->seal[vault->seal_id], again, plain, meaning);
    *out = (struct str){(const char *)again, sealed.len};
    return true;
}

struct str vault_random(struct arena *arena, size_t bytes)
{
    need_sodium();
    size_t room = sodium_base64_encoded_len(
        bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    unsigned char *raw = arena_alloc(arena, bytes);
    char *text = arena_alloc(arena, room);
    randombytes_buf(raw, bytes);
    sodium_bin2base64(text, room, raw, bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return (struct str){text, room - 1};
}
