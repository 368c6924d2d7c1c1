/* What befalls the connections of one socket. Inside the bus only. */
#ifndef BIRDCAR_BUS_MONITOR_H
#define BIRDCAR_BUS_MONITOR_H

#include <stdint.h>

struct bus_monitor;
struct loop;

/* `told` is called from the loop with each of the libzmq events in the mask,
 * and with its value; once from within for what came already. */
struct bus_monitor *bus_monitor_new(struct loop *loop, void *raw, int events,
                                    void (*told)(void *arg, unsigned event,
                                                 uint32_t value),
                                    void *arg);
/* Before the socket. */
void bus_monitor_destroy(struct bus_monitor **monitor);

#endif
