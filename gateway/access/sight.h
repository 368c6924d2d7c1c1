/* Least sight: what is shown to who may not see phone numbers, be it masked
 * ones of people or proxy numbers. */
#ifndef BIRDCAR_GATEWAY_SIGHT_H
#define BIRDCAR_GATEWAY_SIGHT_H

#include <cjson/cJSON.h>

/* Puts "hidden" in place of every string in it that is a phone number, whole or
 * masked, whatever its name. */
void sight_hide_phones(cJSON *thing);

#endif
