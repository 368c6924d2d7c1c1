"""Several copies of each service: killed, stopped, joined and restarted while
requests are under way, and nobody notices."""
import pytest

from fake_service import FakeService
from invariants import Store, check_invariants
from poll import wait_for
from scene import HOUR, Scene
from world import World

CREATES = 200


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


def settle(scene):
    scene.redis.move(seconds=15)
    wait_for(lambda: not scene.redis.client.keys("duties:*"),
             what="duties done")
    check_invariants(scene.redis)


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
