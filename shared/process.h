/* What a process that holds secrets does first. */
#ifndef BIRDCAR_PROCESS_H
#define BIRDCAR_PROCESS_H

/* No core dumps, nobody traces it or reads its memory but root; as much memory
 * may be locked, and as many files opened, as the limits allow; what it writes
 * is its owner's alone. */
void process_harden(void);

#endif
