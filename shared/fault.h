/* Named crash points for the crash tests; nothing at all in a release.
 * FAULT("create.committed") kills the process there, once, where the file that
 * FAULT_FILE names holds that name (and is then removed). */
#ifndef BIRDCAR_FAULT_H
#define BIRDCAR_FAULT_H

#ifdef BIRDCAR_FAULTS
void fault_reached(const char *name);
#define FAULT(name) fault_reached(name)
#else
#define FAULT(name) ((void)0)
#endif

#endif
