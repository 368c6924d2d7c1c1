/* What is sealed, MACed, or a form's token, made up. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/access/form.h"
#include "shared/vault.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static struct vault *open_vault(void)
{
    char path[] = "/tmp/birdcar-fuzz-XXXXXX", why[256];
    static const char keys[] =
        "lookup " ZEROS "\nseal 1 " ZEROS "\nmac " ZEROS "\n";
    int fd = mkstemp(path);
    HOLDS(fd >= 0 && write(fd, keys, sizeof(keys) - 1) == sizeof(keys) - 1);
    HOLDS(close(fd) == 0);
    struct vault *vault = vault_new(path, why, sizeof(why));
    HOLDS(vault != NULL && unlink(path) == 0);
    return vault;
}

FUZZ(arena, input)
{
    static struct vault *vault;
    struct str plain = STR_NONE, nonce = STR_NONE;
    if (vault == NULL)
        vault = open_vault();
    HOLDS(!vault_unseal(vault, arena, input, STR("phone"), &plain));
    HOLDS(!vault_mac_holds(vault, "report", STR("17-x"), input));
    HOLDS(!form_token_holds(vault, arena, input, STR("s"), 1625479230, &nonce));
    struct str sealed = vault_seal(vault, arena, input, STR("phone"));
    HOLDS(vault_unseal(vault, arena, sealed, STR("phone"), &plain) &&
          str_eq(plain, input));
    HOLDS(!vault_unseal(vault, arena, sealed, STR("text"), &plain));
}
