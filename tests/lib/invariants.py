"""What must hold in the store between any two steps, whatever crashed."""
import msgpack

from poll import wait_for

HOLD_SLACK_MS = 60_000

ROUTE = ("ride", "role", "other", "since", "until", "closed", "replaced",
         "channels", "left")
RIDE = ("customer", "driver", "customer_name", "driver_name",
        "customer_phone", "driver_phone", "customer_key", "driver_key",
        "start", "destination", "datetime", "pool", "proxy", "created",
        "ends", "grace", "closed", "revision", "channels",
        "customer_since", "driver_since", "left", "left_until", "next",
        "replaces")


def record(fields, packed):
    values = msgpack.unpackb(packed, raw=True)
    return dict(zip(fields, (v if isinstance(v, int) else v.decode("latin-1")
                             for v in values)))


class Store:
    """All of Redis at one moment that the invariants are about."""

    def __init__(self, redis):
        self.client = redis.client
        self.now = redis.now_ms()
        self.rides = {key.split(":")[-1]: record(RIDE, value)
                      for key, value in self._all("ride:*")}
        self.routes = {key: record(ROUTE, value)
                       for key, value in self._all("route:*")}
        self.duties = {ride.decode() for key in self.client.keys("duties:*")
                       for ride in self.client.zrange(key, 0, -1)}

    def _all(self, pattern):
        for key in self.client.keys(pattern):
            value = self.client.get(key)
            if value is not None:
                yield key.decode(), value

    def hold_places(self, ride_id):
        """Where it stands until when the ride's number is held: for the ride,
        the customer, the driver; (key, member) each."""
        ride, claim = self.rides[ride_id], ride_id[3:]
        pool, number = ride["pool"], ride["proxy"]
        return [(f"pool:{{{pool}}}:uses:{number}", claim),
                (f"pool:{{{pool}}}:held:{ride['customer_key']}", number),
                (f"pool:{{{pool}}}:held:{ride['driver_key']}", number)]

    def hold(self, ride_id):
        """Until when in each of these places; 0 for none."""
        return [self.client.zscore(key, member) or 0
                for key, member in self.hold_places(ride_id)]

    def check_routes(self):
        for key, route in self.routes.items():
            if route["until"] <= self.now:
                continue
            ride = self.rides.get(route["ride"])
            assert ride, "a route connects for a ride that is not there"
            role = "driver" if route["role"] == "customer" else "customer"
            prefix = key.rsplit(":", 1)[0]
            other = self.routes.get(f"{prefix}:{ride[role + '_key']}")
            assert other and other["ride"] == route["ride"], \
                "a route without the one back"
            assert other["role"] == role
            assert route["until"] == ride["grace"]
            assert route["closed"] == ride["closed"]

    def check_holds(self):
        for ride_id, ride in self.rides.items():
            if ride["closed"] != -1 and ride["closed"] <= self.now:
                continue
            least = float("inf") if ride["closed"] == -1 \
                else ride["closed"] + HOLD_SLACK_MS
            if ride_id in self.duties:
                least = self.now  # a claim, perhaps: still to be confirmed
            used, *held = self.hold(ride_id)
            # What is kept for good counts as used while the ride connects.
            connects = ride["grace"] if ride["grace"] > self.now else 0
            assert used >= (least if ride["closed"] != -1 else connects), \
                "a number looks unused before its ride's routes end"
            assert min(held) >= least, \
                "a number is free before its ride's routes end"

    def check_uses(self):
        """Nothing holds a number but a ride, or a claim in its two
        minutes."""
        for key in self.client.keys("pool:*:uses:*"):
            pool, number = key.decode().split(":")[1], \
                key.decode().split(":")[-1]
            for claim, until in self.client.zrange(key, 0, -1,
                                                   withscores=True):
                if until <= self.now:
                    continue
                claim = claim.decode()
                rides = [r for i, r in self.rides.items() if i[3:] == claim
                         and r["proxy"] == number]
                packed = self.client.get(f"pool:{pool}:claim:{claim}")
                claimed = msgpack.unpackb(packed)[1] if packed else 0
                assert rides or until <= claimed, "a hold without a ride"


def check_invariants(redis, settled=True):
    """`settled`: the duties have had their time, too."""
    store = Store(redis)
    store.check_routes()
    store.check_holds()
    store.check_uses()
    assert not (settled and store.duties), "duties left undone"
    return store


def settle(scene):
    """The duties are due, and done."""
    scene.redis.move(seconds=15)
    wait_for(lambda: not Store(scene.redis).duties, what="duties done")
    return check_invariants(scene.redis)
