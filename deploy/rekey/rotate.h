/* The two changes of keys, each of which goes on where it was cut short. */
#ifndef BIRDCAR_REKEY_ROTATE_H
#define BIRDCAR_REKEY_ROTATE_H

#include "deploy/rekey/app.h"
#include "deploy/rekey/key_file.h"

/* Under running daemons. */
enum end rotate_seal(struct app *a, const struct key_file *file);
/* With all daemons down. */
enum end rotate_lookup(struct app *a, const struct key_file *file);

/* What is to be said of a change of the look-up key, or that there is none. */
enum end tell_lookup(struct app *a);

#endif
