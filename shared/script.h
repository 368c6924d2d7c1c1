/* Names a Lua script that CMake embedded: SCRIPT(ride_commit) is the content
 * of ride_commit.lua, for redis_script(). */
#ifndef BIRDCAR_SCRIPT_H
#define BIRDCAR_SCRIPT_H

#include "shared/redis.h"

#define SCRIPT(symbol)                                                         \
    extern const char symbol##_lua[];                                          \
    static struct script symbol = {#symbol, symbol##_lua, ""}

#endif
