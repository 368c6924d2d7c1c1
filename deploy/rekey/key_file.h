/* The key file, changed: each change is a new file in place of the old one,
 * whole and on disk, or none. Knows nothing of what the keys are for. */
#ifndef BIRDCAR_REKEY_KEY_FILE_H
#define BIRDCAR_REKEY_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct key_file {
    char *path; /* where links lead to */
    int lock;
};

struct key_counts {
    unsigned lookups, seals, nexts;
};

/* Takes the file's lock, so that one command at a time changes it. False: `why`
 * (of `room` bytes) says what is wrong, here and below. */
bool key_file_open(struct key_file *file, const char *path, char *why,
                   size_t room);
void key_file_close(struct key_file *file);

bool key_file_count(const struct key_file *file, struct key_counts *counts,
                    char *why, size_t room);

/* A new key that opens, and seals nothing yet. */
bool key_file_add_next(const struct key_file *file, char *why, size_t room);
/* That one seals from now on. */
bool key_file_use_next(const struct key_file *file, char *why, size_t room);
/* Only the key that seals stays. */
bool key_file_drop_old(const struct key_file *file, char *why, size_t room);
/* One more look-up key, behind the others. */
bool key_file_add_lookup(const struct key_file *file, char *why, size_t room);

#endif
