"""All that Redis holds of one ride, found from the ride itself: to weigh it, and to see that a ride that the loader
wrote has the shape of one that the daemons made."""

import msgpack

PROXY, CUSTOMER_KEY, DRIVER_KEY, POOL = 12, 6, 7, 11  # places in the ride's record


def keys_of(store, ride):
    """Yields (kind, key) of each key that is the ride's, or that an entry of the ride's stands in."""
    partition, claim = int(ride[:2]), ride[3:]
    tag = "{%d}" % partition
    record = msgpack.unpackb(store.get(f"ride:{tag}:{ride}"), raw=True)
    proxy, customer, driver, pool = (record[i].decode() for i in (PROXY, CUSTOMER_KEY, DRIVER_KEY, POOL))
    yield "ride", f"ride:{tag}:{ride}"
    yield "rides (index)", f"rides:{tag}"
    yield "timeline", f"timeline:{tag}:{ride}"
    for role, phone in (("customer", customer), ("driver", driver)):
        yield f"route of the {role}", f"route:{tag}:{proxy}:{phone}"
        yield f"held by the {role}", f"pool:{{{pool}}}:held:{phone}"
        yield f"rides of the {role}", f"person-rides:{phone}"
    yield "uses of the number", f"pool:{{{pool}}}:uses:{proxy}"
    yield "claim (48 h)", f"pool:{{{pool}}}:claim:{claim}"
    yield "request (48 h)", f"request:{claim}"


def packed_fields(value):
    """How many fields a record has, what kinds they are, and how long; None: it is no record."""
    try:
        fields = msgpack.unpackb(value, raw=True)
    except (ValueError, msgpack.exceptions.ExtraData, msgpack.exceptions.UnpackException):
        return None
    if not isinstance(fields, list):
        return None
    return [type(field).__name__ for field in fields]


def shape_of(store, ride):
    """kind → what can be said of the key, the same for each ride of the same age."""
    shape = {}
    for kind, key in keys_of(store, ride):
        type_ = store.type(key).decode()
        value, encoding = None, store.object("encoding", key)
        if type_ == "string":
            value, encoding = packed_fields(store.get(key)), None
        elif type_ == "list":
            value = packed_fields(store.lindex(key, 0))
        # An index grows past the small encoding with the number of rides.
        if kind in ("rides (index)", "uses of the number"):
            encoding = None
        shape[kind] = (type_, encoding, value, store.pttl(key) > 0)
    return shape


def bytes_of(store, rides):
    """kind → bytes a ride, the median of those given; of a shared key only the share of one entry."""
    found = {}
    for ride in rides:
        for kind, key in keys_of(store, ride):
            size = store.memory_usage(key, samples=0)
            if kind == "rides (index)" or kind == "uses of the number":
                size /= store.zcard(key)
            found.setdefault(kind, []).append(size)
    return {kind: sorted(sizes)[len(sizes) // 2] for kind, sizes in found.items()}
