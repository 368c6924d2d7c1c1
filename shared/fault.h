/* Named crash points and lost frames for the fault tests; nothing at all in a
 * release.
 * FAULT("create.committed") kills the process there, once, where the file that
 * FAULT_FILE names holds that name (and is then removed); where it holds
 * "create.committed stop", the process is frozen instead.
 * FAULT_LOSS() is true for so many of a hundred messages on the bus as the file
 * that FAULT_LOSS_FILE names says: they are lost. */
#ifndef BIRDCAR_FAULT_H
#define BIRDCAR_FAULT_H

#include <stdbool.h>

#ifdef BIRDCAR_FAULTS
void fault_reached(const char *name);
bool fault_loses_frame(void);
#define FAULT(name) fault_reached(name)
#define FAULT_LOSS() fault_loses_frame()
#else
#define FAULT(name) ((void)0)
#define FAULT_LOSS() false
#endif

#endif
