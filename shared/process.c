#include "shared/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Keys and numbers stand in our memory: it is never written out. */
static void forbid_dumps(void)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* whose leak check has to trace us */
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

static void raise_limit(__rlimit_resource_t what)
{
    struct rlimit limit;
    if (getrlimit(what, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(what, &limit);
}

void process_harden(void)
{
    forbid_dumps();
    raise_limit(RLIMIT_MEMLOCK); /* for keys */
    raise_limit(RLIMIT_NOFILE);  /* each connection is a descriptor */
    (void)umask(077);
}
