"""Several copies of each service: killed, stopped, joined and restarted while
requests are under way, and nobody notices."""
import time

import pytest

from fake_service import FakeService
from invariants import HOLD_SLACK_MS, Store, settle
from poll import wait_for
from scene import HOUR, Scene
from world import World

CREATES = 200
EXTENSIONS = 60


@pytest.fixture
def world(request):
    """Two copies of each, of one test alone."""
    failed_before = request.session.testsfailed
    world = World()
    try:
        world.start_all("ride-svc", "ride-svc", "pool-svc", "pool-svc",
                        "voice-svc")
        yield world
    finally:
        world.close(request.session.testsfailed > failed_before)


@pytest.fixture
def requests(scene):
    """Creates of as many pairs, for three numbers."""
    scene.numbers(3)
    customers = [scene.customer() for _ in range(20)]
    drivers = [scene.driver() for _ in range(10)]
    return [scene.request(c, d) for c in customers for d in drivers][:CREATES]


def begin_all(bus, requests):
    return [bus.begin("RIDE_CREATE", request, ms=15000)
            for request in requests]


def check_made(scene, requests, got):
    """Every request has its one answer, and it is a good one: three numbers
    serve three rides of a person, no more."""
    assert len(got) == len(requests)
    rides = {body["id"] for name, body in got.values() if name == "RIDE"}
    refused = [body["code"] for name, body in got.values()
               if name == "PROBLEM"]
    assert set(refused) <= {"no_number"}
    assert len(rides) + len(refused) == len(requests)
    assert len(rides) == 3 * 10, "each driver on each number"
    assert len(scene.outbox()) == 2 * len(rides)
    return rides


def test_both_copies_of_pool_svc_are_asked(world, scene, requests):
    bus = world.daemons[0].bus
    bus.answers(begin_all(bus, requests), ms=15000)
    for pool in world.living("pool-svc"):
        assert pool.metric("bus_requests_total") > CREATES / 4


@pytest.mark.parametrize("how", ["killed", "silent"])
def test_one_pool_svc_is_lost_in_mid_flight(world, scene, requests, how):
    """It has its share of the requests, and answers none of them."""
    ride = world.living("ride-svc")[0]
    other, victim = world.living("pool-svc")
    victim.pause()
    ids = begin_all(ride.bus, requests)
    wait_for(lambda: other.metric("bus_requests_total") > CREATES / 4,
             what="requests under way")
    if how == "killed":
        victim.kill()
    got = ride.bus.answers(ids, ms=15000)
    check_made(scene, requests, got)
    assert ride.metric("bus_repeats_total") > 0
    victim.resume()
    settle(scene)


def test_one_ride_svc_is_killed_and_its_requests_repeated(world, scene,
                                                          requests):
    """As the gateway does: what was not answered goes to the other copy."""
    victim, other = world.living("ride-svc")
    ids = begin_all(victim.bus, requests)
    some = victim.bus.collect(ids, 15000, most=CREATES // 10)
    victim.kill()
    assert len(some) < CREATES
    again = other.bus.ask_all([("RIDE_CREATE", r) for r in requests])
    rides = check_made(scene, requests, dict(enumerate(again)))
    for name, body in some.values():
        assert name != "RIDE" or body["id"] in rides, \
            "an answer that was given is not taken back"
    settle(scene)


def test_the_same_text_at_two_copies_at_once(world, scene):
    scene.number()
    ann, dan = scene.customer(), scene.driver()
    ride = scene.ride(ann, dan)
    one, two = (d.bus for d in world.living("ride-svc"))
    for n in range(50):
        text = scene.text_from(ann.phone, ride["proxy"], text=f"text {n}")
        ids = [one.begin("SMS_RECEIVED", {**text, "jti": "a"}),
               two.begin("SMS_RECEIVED", {**text, "jti": "b"})] \
            if n == 0 else [one.begin("SMS_RECEIVED", text),
                            two.begin("SMS_RECEIVED", text)]
        fates = [one.answers(ids[:1])[ids[0]][1]["fate"],
                 two.answers(ids[1:])[ids[1]][1]["fate"]]
        assert sorted(fates) == ["forwarded", "repeat"]
    assert sorted(scene.texts()) == sorted((dan.phone, f"text {n}")
                                           for n in range(50))


def test_the_same_create_at_two_copies_at_once(world, scene, requests):
    one, two = (d.bus for d in world.living("ride-svc"))
    for request in requests[::41]:
        a, b = one.begin("RIDE_CREATE", request), two.begin("RIDE_CREATE",
                                                            request)
        assert one.answers([a])[a][1]["id"] == two.answers([b])[b][1]["id"]
    assert len(scene.outbox()) == 2 * len(requests[::41])


# How long the hold outlasts the routes, in one step: {least hold, routes}.
LOOK = """
local found = {'inf', 0}
for i = 1, 3 do
  local held = redis.call('ZSCORE', ARGV[i * 2 - 1], ARGV[i * 2])
  if tonumber(held) < tonumber(found[1]) then found[1] = held end
end
for i = 7, 8 do
  local route = cmsgpack.unpack(redis.call('GET', ARGV[i]))
  found[2] = math.max(found[2], route[6])
end
return {found[1], string.format('%.0f', found[2])}"""


def hold_watch(redis, ride_id):
    """A quick look that the hold outlasts the routes."""
    store = Store(redis)
    look = redis.client.register_script(LOOK)
    places = [part for place in store.hold_places(ride_id) for part in place]

    def check():
        held, routes = look(args=[*places, *store.routes])
        assert int(held) >= int(routes) + HOLD_SLACK_MS
    return check


def test_two_extensions_of_one_ride_at_two_copies_at_once(world, scene,
                                                          redis):
    """Each takes the hold first, then the routes: one must not undo the hold
    that the other's routes stand on."""
    scene.number()
    ride = scene.ride(scene.customer(), scene.driver())
    settle(scene)
    copies = [d.bus for d in world.living("ride-svc")]
    check_hold = hold_watch(redis, ride["id"])
    ends = ride["ends"]
    for turn in range(EXTENSIONS):
        wanted = [ends + HOUR, ends + 2 * HOUR][::1 - 2 * (turn % 2)]
        ids = [bus.begin("RIDE_EXTEND", {"id": ride["id"], "ends": end})
               for bus, end in zip(copies, wanted)]
        replies, deadline = [], time.monotonic() + 5
        for bus, request in zip(copies, ids):
            while not (got := bus.collect([request], ms=0)):
                check_hold()
                assert time.monotonic() < deadline, "no answer"
            replies.append(got[request])
        check_hold()
        assert {body["code"] for name, body in replies
                if name == "PROBLEM"} <= {"invalid"}
        ends = max(body["ends"] for name, body in replies if name == "RIDE")
        assert scene.get(ride)["ends"] == ends == max(wanted)
        wait_for(world.idle, what="idle daemons")
        check_hold()
    settle(scene)


def test_what_a_frozen_copy_was_asked_is_not_done_when_it_wakes(world, scene):
    """Its time was up long ago; another copy has answered since."""
    person = scene.customer()
    frozen, other = world.living("ride-svc")
    edit = {"id": person.id, "role": "customer"}
    frozen.pause()
    frozen.bus.begin("PERSON_EDIT", {**edit, "name": "Old"}, ms=1500)
    ends = time.monotonic() + 2
    assert other.bus.ask("PERSON_EDIT", {**edit, "name": "New"})[0] == "PERSON"
    wait_for(lambda: time.monotonic() > ends, what="the end of its time")
    frozen.resume()
    # ZeroMQ may have dropped it with the connection, as silent for too long.
    wait_for(lambda: "bus.paused" in frozen.log(), what="the pause noticed")
    wait_for(lambda: frozen.metric("bus_late_total") == 1
             or frozen.bus.ask("PERSON_GET", edit)[0] == "PERSON",
             what="what was asked before is over")
    assert scene.done("ride-svc", "PERSON_GET", **edit)["name"] == "New"
    assert frozen.bus.ask("PERSON_EDIT", {**edit, "name": "Newer"})[0] == \
        "PERSON", "what is asked now is done"


def test_who_misses_another_service_announces_itself_once_a_second(world):
    """Each heartbeat is an fsync, and there is no notifier."""
    def beats():
        stats = world.redis.client.info("commandstats")
        return stats["cmdstat_hset"]["calls"]

    before, ends = beats(), time.monotonic() + 3
    wait_for(lambda: time.monotonic() > ends, what="three seconds")
    assert beats() - before <= 4 * len(world.living())


def test_a_rolling_restart_refuses_nothing(world, scene, requests):
    """Every pool-svc leaves in turn, a new one in its place, while creates
    go on."""
    ride, got, rounds = world.living("ride-svc")[0], {}, 4
    each = len(requests) // rounds
    for at in range(rounds):
        old = world.living("pool-svc")[0]
        ids = begin_all(ride.bus, requests[at * each:(at + 1) * each])
        connection, old.bus = old.bus, None
        connection.close()
        old.process.terminate()
        world.start("pool-svc", f"new-{at}")
        got.update(ride.bus.answers(ids, ms=15000))
        assert old.wait_dead() == 0
    check_made(scene, requests, got)
    settle(scene)


def test_a_new_copy_is_used_and_a_dead_one_avoided(world, scene):
    ride = world.living("ride-svc")[0]
    for pool in world.living("pool-svc"):
        pool.kill()
    scene.world.start("pool-svc", "fresh")
    wait_for(lambda: ride.metric("bus_copies") == 1, seconds=3,
             what="the new copy in use")
    scene.number()
    scene.ride(scene.customer(), scene.driver())


def test_without_any_pool_svc_creates_are_refused_in_time(world, scene):
    scene.number()
    request = scene.request(scene.customer(), scene.driver())
    ride = world.living("ride-svc")[0]
    for pool in world.living("pool-svc"):
        pool.kill()
    name, problem = ride.bus.ask("RIDE_CREATE", request, ms=1500)
    assert (name, problem["code"]) == ("PROBLEM", "service_away")
    world.start("pool-svc", "fresh")
    world.wait_sees(ride, "pool-svc")
    assert ride.bus.ask("RIDE_CREATE", request)[0] == "RIDE"


# ---- a pool-svc that this file plays ----

@pytest.fixture
def played(request):
    """One ride-svc alone, and the questions that it asks."""
    failed_before = request.session.testsfailed
    world = World()
    try:
        world.redis.start()
        world.start("ride-svc")
        yield PlayedPool(world)
    finally:
        world.close(request.session.testsfailed > failed_before)


class PlayedPool:
    """Gives its one number to everybody, for `claims_ms[n]` the nth time."""

    number = "447700900900"

    def __init__(self, world):
        self.world = world
        self.scene = Scene(world)
        self.ride_svc = world.living("ride-svc")[0]
        self.claims_ms = [120_000]
        self.asked = []
        self.hold = lambda body: ("OK", {})

    def answer(self, name, body):
        if name == "POOL_CHOOSE":
            return "POOL_CHOSEN", {"pool": "default"}
        if name == "HOLD_SET":
            return self.hold(body)
        now, n = self.world.redis.now_ms(), len(self.asked)
        self.asked.append(body["renew"])
        return "NUMBER_ASSIGNED", {
            "number": self.number, "lapsed": False, "ends": now + HOUR,
            "until": now + self.claims_ms[min(n, len(self.claims_ms) - 1)]}

    def ride(self):
        wait_for(lambda: self.ride_svc.metric("bus_copies") == 1,
                 what="the played pool-svc in use")
        return self.scene.ride(self.scene.customer(), self.scene.driver())


def test_a_commit_refuses_once_its_claim_has_lapsed(played):
    """It asks for another, and says which one lapsed."""
    played.claims_ms = [1, 120_000]
    with FakeService(played.world, "pool-svc", played.answer):
        assert played.ride()["proxy"] == played.number
        wait_for(played.world.idle, what="the confirm")
    assert played.asked == ["", played.number]


def test_a_confirm_does_not_settle_what_came_after_it(played):
    """The ride ends before its confirm is answered, and then nobody answers:
    the end is still owed to pool-svc."""
    held, ends = [], played.scene.world.living("ride-svc")[0].connect()

    def hold(body):
        held.append(body["revision"])
        if body["revision"] == 1:
            ride, = Store(played.world.redis).rides
            ends.begin("RIDE_END", {"id": ride}, ms=1200)
            wait_for(lambda: Store(played.world.redis).rides[ride]["revision"]
                     == 2, what="the end written")
            return "OK", {}
        return None

    played.hold = hold
    with FakeService(played.world, "pool-svc", played.answer):
        ride = played.ride()
        wait_for(lambda: 2 in held and played.world.idle(),
                 what="the end given up")
        assert Store(played.world.redis).duties == {ride["id"]}
        played.hold = lambda body: ("OK", {})
        played.world.redis.move(seconds=15)
        wait_for(lambda: not Store(played.world.redis).duties,
                 what="duties done")
    ends.close()


def test_an_extension_whose_hold_was_undone_takes_it_anew(played):
    """The longer one has its hold; then the shorter one, marked later, takes
    it. The longer one's routes must not stand on what it no longer has."""
    other, begun, undone = played.ride_svc.connect(), [], []
    held = {"revision": 0}

    def store():
        return Store(played.world.redis)

    def revised(ride, revision):
        wait_for(lambda: store().rides[ride]["revision"] >= revision,
                 what=f"revision {revision}")

    def hold(body):
        ride, = store().rides
        if body["revision"] == 2:  # the longer one's first
            begun.append(other.begin("RIDE_EXTEND", shorter))
            revised(ride, 3)
        if body["revision"] == 3:  # the shorter one's
            revised(ride, 4)
        if body["revision"] >= held["revision"]:
            held.update(body)
        ends = max(route["closed"] for route in store().routes.values())
        undone.append(held["until"] < ends + HOLD_SLACK_MS)
        return "OK", {}

    with FakeService(played.world, "pool-svc", played.answer):
        ride = played.ride()
        wait_for(played.world.idle, what="the confirm")
        shorter, longer = ({"id": ride["id"], "ends": ride["ends"] + n * HOUR}
                           for n in (1, 2))
        played.hold = hold
        name, extended = played.ride_svc.bus.ask("RIDE_EXTEND", longer)
        assert (name, extended["ends"]) == ("RIDE", longer["ends"])
        other.answers(begun)
        wait_for(played.world.idle, what="an idle ride-svc")
        assert store().rides[ride["id"]]["ends"] == longer["ends"]
    assert undone and not any(undone)
    other.close()
