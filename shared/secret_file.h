/* Files that hold secrets: read where nobody but their owner can get at them.
 * Keeps nothing. */
#ifndef BIRDCAR_SECRET_FILE_H
#define BIRDCAR_SECRET_FILE_H

#include <stddef.h>

/* Reads the whole file into `bytes`. NULL, and `*len`; or what is wrong with it
 * (static text, without the path): not there, open to others, `room` bytes or
 * more. By read(2): stdio would leave a copy in its buffer. The caller wipes
 * `bytes`. */
const char *secret_file_read(const char *path, char *bytes, size_t room,
                             size_t *len);

#endif
