#include "notifier/leases.h"

unsigned lease_share(unsigned brothers, unsigned place)
{
    return PARTITIONS / brothers + (place < PARTITIONS % brothers ? 1 : 0);
}

static enum lease_act act_for(const struct lease_view *view, unsigned *wanted)
{
    if (view->seen == SEEN_MINE)
        return LEASE_KEEP;
    if (view->seen != SEEN_OTHER && *wanted > 0) {
        --*wanted;
        return LEASE_TAKE;
    }
    return view->seen == SEEN_FREE && view->orphan ? LEASE_RESCUE : LEASE_LOOK;
}

void lease_plan(const struct lease_view views[PARTITIONS], unsigned brothers,
                unsigned place, bool may_offer, enum lease_act acts[PARTITIONS])
{
    unsigned share = lease_share(brothers, place), owned = 0;
    unsigned first = place * PARTITIONS / brothers;
    for (unsigned p = 0; p < PARTITIONS; p++)
        owned += views[p].seen == SEEN_MINE ? 1 : 0;
    unsigned wanted = owned < share ? share - owned : 0;
    unsigned above = may_offer && owned > share ? owned - share : 0;
    for (unsigned i = 0; i < PARTITIONS; i++) {
        unsigned p = (first + i) % PARTITIONS;
        acts[p] = act_for(&views[p], &wanted);
    }
    /* From the far end, where the others begin their search. */
    for (unsigned i = PARTITIONS; i > 0 && above > 0; i--) {
        unsigned p = (first + i - 1) % PARTITIONS;
        if (acts[p] != LEASE_KEEP)
            continue;
        acts[p] = LEASE_OFFER;
        above--;
    }
}
