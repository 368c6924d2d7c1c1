"""A ride's life: live, grace, closed, free; ended and extended by hand; and
what stays of it, with time moved."""
import re

import pytest

from invariants import Store, check_invariants, settle
from poll import wait_for
from scene import HOUR, MINUTE

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
CLOSED = "This ride is over, so we can no longer connect you."
UNKNOWN = "Sorry, we cannot identify"
DAY = 24 * HOUR


@pytest.fixture
def pair(scene):
    return scene.customer(), scene.driver()


@pytest.fixture
def short(file_world):
    """A ride-svc without grace and cool-down."""
    daemon = file_world.start("ride-svc", "short", GRACE_HOURS="0",
                              COOLDOWN_HOURS="0")
    file_world.wait_sees(daemon, "pool-svc")
    yield daemon
    daemon.terminate()


@pytest.fixture
def forever(file_world):
    daemon = file_world.start("ride-svc", "forever", COOLDOWN_HOURS="never")
    file_world.wait_sees(daemon, "pool-svc")
    yield daemon
    daemon.terminate()


def end(daemon, ride):
    name, body = daemon.bus.ask("RIDE_END", {"id": ride["id"]})
    assert name == "RIDE", body
    return body


def test_from_live_to_free(scene, redis, pair):
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan)
    settle(scene)
    steps = [(23 * HOUR, "live", dan.phone, "forwarded", 1),
             (2 * HOUR, "grace", dan.phone, "forwarded", 1),
             (23 * HOUR, "closed", CLOSED, "closed", 1),
             (23 * HOUR, "closed", CLOSED, "closed", 1),
             (2 * HOUR, "closed", None, "stranger", 0)]
    for moved, state, call, fate, uses in steps:
        redis.move(ms=moved)
        assert scene.get(ride)["state"] == state
        heard = scene.call(ann.phone, number)
        assert heard == call or (call is None and UNKNOWN in heard)
        assert scene.text(ann.phone, number) == fate
        assert scene.uses() == {number: uses}
        if uses:
            assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
                ann, scene.driver()))[0] == "no_number"
        check_invariants(redis)
    scene.ride(ann, dan)


def test_the_minute_between_the_routes_end_and_the_holds(scene, redis, pair):
    """At no moment is the number free for somebody whose route stands."""
    scene.number()
    ride = scene.ride(*pair)
    settle(scene)
    redis.move(ms=ride["closed"] - redis.now_ms() + 1000)
    assert scene.text(pair[0].phone, ride["proxy"]) == "stranger"
    assert scene.refused("ride-svc", "RIDE_CREATE",
                         **scene.request(*pair))[0] == "no_number"
    redis.move(seconds=60)
    scene.ride(*pair)


def test_never(scene, redis, pair, forever):
    numbers, (ann, dan) = scene.numbers(2), pair
    first = scene.ride(ann, dan, by=forever)
    assert first["closed"] == -1
    end(forever, first)
    settle(scene)
    redis.move(days=29)
    assert scene.call(ann.phone, first["proxy"]) == CLOSED
    assert scene.text(ann.phone, first["proxy"]) == "closed"
    second = scene.ride(ann, dan, by=forever)
    assert {first["proxy"], second["proxy"]} == set(numbers)
    settle(scene)
    redis.move(days=400)
    request = scene.request(ann, dan)
    name, problem = forever.bus.ask("RIDE_CREATE", request)
    assert (name, problem["code"], problem["detail"]) == ("PROBLEM",
                                                          "no_number", 0)
    # The rides are gone, a keyed hash and a number stay.
    assert not Store(redis).rides and not redis.client.keys("route:*")


@pytest.mark.parametrize("by_hand", [False, True])
def test_never_a_use_is_a_ride_that_connects(scene, redis, pair, forever,
                                             by_hand):
    """What is kept for good is no ride that holds its number."""
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan, by=forever)
    settle(scene)
    assert scene.uses() == {number: 1}
    if by_hand:
        ride = end(forever, ride)
        settle(scene)
    redis.move(ms=ride["grace"] - redis.now_ms() - MINUTE)
    assert scene.call(ann.phone, number) == dan.phone
    assert scene.uses() == {number: 1}
    redis.move(minutes=2)
    assert scene.call(ann.phone, number) == CLOSED
    assert scene.uses() == {number: 0}
    check_invariants(redis)
    for days in (1, 31, 400):
        redis.move(days=days)
        assert scene.uses() == {number: 0}
        for other in ((ann, scene.driver()), (scene.customer(), dan)):
            name, problem = forever.bus.ask("RIDE_CREATE",
                                            scene.request(*other))
            assert (name, problem["code"]) == ("PROBLEM", "no_number")
    scene.ride(scene.customer(), scene.driver(), by=forever)
    assert scene.uses() == {number: 1}


def test_ended_by_hand_the_number_is_free_at_once(scene, redis, pair, short):
    number, (ann, dan) = scene.number(), pair
    for _ in range(4):
        ride = scene.ride(ann, dan, by=short)
        assert ride["proxy"] == number
        assert scene.call(ann.phone, number) == dan.phone
        ended = end(short, ride)
        assert ended["state"] == "closed"
        assert UNKNOWN in scene.call(ann.phone, number)
        assert scene.uses() == {number: 0}
    settle(scene)


def test_ended_twice(scene, redis, pair):
    scene.number()
    ride = scene.ride(*pair)
    ended = scene.end(ride)
    assert ended["state"] == "grace" and ended["ends"] <= redis.now_ms()
    redis.move(minutes=5)
    assert scene.end(ride) == ended
    redis.move(hours=23)
    assert scene.end(ride) == ended
    redis.move(hours=10)
    assert scene.end(ride) == {**ended, "state": "closed"}
    settle(scene)
    events = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    assert [e["what"] for e in events] == ["ride.created", "ride.ended"]


def test_an_end_that_comes_late_takes_nothing_from_the_next_ride(
        scene, redis, pair, short):
    number = scene.number()
    first = scene.ride(*pair, by=short)
    end(short, first)
    second = scene.ride(*pair, by=short)
    end(short, first)
    settle(scene)
    assert scene.uses() == {number: 1}
    assert scene.call(pair[0].phone, number) == pair[1].phone
    assert scene.get(second)["state"] == "live"


def test_a_late_confirm_never_revives_the_hold(scene, redis, pair, short):
    number = scene.number()
    ride = scene.ride(*pair, by=short)
    store = Store(redis)
    record = store.rides[ride["id"]]
    confirm = {"pool": "default", "claim": ride["id"][3:], "number": number,
               "customer": record["customer_key"],
               "driver": record["driver_key"],
               "until": ride["closed"] + MINUTE, "revision": 1}
    end(short, ride)
    scene.done("pool-svc", "HOLD_SET", **confirm)
    assert scene.uses() == {number: 0}
    scene.ride(*pair, by=short)


def test_a_number_is_not_given_again_within_cool_down(scene, redis, pair):
    """Neither party meets it in another ride, whoever the other one is."""
    numbers, (ann, dan) = scene.numbers(3), pair
    first = scene.ride(ann, dan)
    scene.end(first)
    redis.move(hours=47)
    with_ann = scene.ride(ann, scene.driver())
    with_dan = scene.ride(scene.customer(), dan)
    assert first["proxy"] not in (with_ann["proxy"], with_dan["proxy"])
    assert {first["proxy"], with_ann["proxy"], with_dan["proxy"]} <= \
        set(numbers)


def test_extend(scene, redis, pair):
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan)
    settle(scene)
    ends = ride["ends"] + 30 * HOUR
    body = {"id": ride["id"], "ends": ends}
    extended = scene.done("ride-svc", "RIDE_EXTEND", **body)
    assert (extended["ends"], extended["grace"], extended["closed"]) == (
        ends, ends + DAY, ends + 2 * DAY)
    assert scene.done("ride-svc", "RIDE_EXTEND", **body) == extended
    assert scene.get(ride) == extended
    settle(scene)
    redis.move(hours=53)
    assert scene.get(ride)["state"] == "live"
    assert scene.call(dan.phone, number) == ann.phone
    redis.move(hours=48)
    assert scene.call(dan.phone, number) == CLOSED
    assert scene.uses() == {number: 1}
    check_invariants(redis)
    events = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    assert [e["what"] for e in events if e["what"] != "call"] == [
        "ride.created", "ride.extended"]


def test_extensions_at_the_same_moment(scene, redis, pair):
    """The longest stands, for ride, routes and hold alike."""
    scene.number()
    ride = scene.ride(*pair)
    wanted = [ride["ends"] + n * HOUR for n in range(1, 13)]
    replies = scene.daemon("ride-svc").bus.ask_all(
        [("RIDE_EXTEND", {"id": ride["id"], "ends": ends})
         for ends in wanted])
    assert any(name == "RIDE" for name, _ in replies)
    assert {body["code"] for name, body in replies
            if name == "PROBLEM"} <= {"invalid"}
    settle(scene)
    assert scene.get(ride)["ends"] == max(wanted)


def test_the_same_extension_many_times_at_once(scene, redis, pair):
    """As when it is repeated at another copy while the first is at work."""
    scene.number()
    ride = scene.ride(*pair)
    for hours in (1, 2, 3):
        body = {"id": ride["id"], "ends": ride["ends"] + hours * HOUR}
        replies = scene.daemon("ride-svc").bus.ask_all(
            [("RIDE_EXTEND", body)] * 12)
        assert {(name, ride_.get("ends")) for name, ride_ in replies} == {
            ("RIDE", body["ends"])}
    settle(scene)
    events = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    assert [e["what"] for e in events] == ["ride.created"] + [
        "ride.extended"] * 3


@pytest.mark.parametrize("extend, code, field", [
    (lambda ride: ride["ends"] - HOUR, "invalid", "ends_at"),
    (lambda ride: ride["created"], "invalid", "ends_at"),
    (lambda ride: 0, "invalid", "ends_at"),
    (lambda ride: -1, "invalid", "ends_at"),
    (lambda ride: ride["ends"] + 11 * 366 * DAY, "invalid", "ends_at"),
    (lambda ride: 2 ** 62, "invalid", "ends_at")],
    ids=["earlier", "past", "0", "-1", "far", "overflow"])
def test_extensions_that_make_no_sense(scene, redis, pair, extend, code,
                                       field):
    scene.number()
    ride = scene.ride(*pair)
    assert scene.refused("ride-svc", "RIDE_EXTEND", id=ride["id"],
                         ends=extend(ride)) == (code, field)
    assert scene.get(ride) == ride
    settle(scene)


@pytest.mark.parametrize("how", ["ended", "over by itself", "closed"])
def test_what_is_over_is_not_extended(scene, redis, pair, how):
    scene.number()
    ride = scene.ride(*pair)
    if how == "ended":
        ride = scene.end(ride)
    else:
        redis.move(hours=25 if how == "over by itself" else 80)
    assert scene.refused("ride-svc", "RIDE_EXTEND", id=ride["id"],
                         ends=redis.now_ms() + 9 * DAY)[0] == "ride_over"
    assert scene.get(ride)["ends"] == ride["ends"]


def test_ends_and_extensions_at_the_same_moment(scene, redis):
    scene.numbers(2)
    for _ in range(15):
        ride = scene.ride(scene.customer(), scene.driver())
        extend = ("RIDE_EXTEND", {"id": ride["id"],
                                  "ends": ride["ends"] + 9 * HOUR})
        end_ = ("RIDE_END", {"id": ride["id"]})
        replies = scene.daemon("ride-svc").bus.ask_all(
            [extend, end_, extend, end_])
        assert [n for n, _ in replies[1::2]] == ["RIDE", "RIDE"]
        assert {b["code"] for n, b in replies if n == "PROBLEM"} <= {
            "ride_over", "invalid"}
        assert scene.get(ride)["state"] == "grace"
    settle(scene)


# Keys that may stay for good; all others expire.
KEPT = re.compile(
    r"pools|pool:{\w+}:(numbers|index)|number:{\d+}:\d+|customers|drivers"
    r"|(customer|driver):\d+|{(customers|drivers)}:last|phone:[\w-]{22}"
    r"|(outbox|waiting):{\d+}")


def test_after_its_retention_nothing_is_left(scene, redis, pair):
    scene.numbers(2)
    ann, dan = pair
    ride = scene.ride(ann, dan)
    scene.text(ann.phone, ride["proxy"], jti="j1")
    scene.text("447700900499", ride["proxy"])
    scene.call(ann.phone, ride["proxy"])
    extended = scene.ride(ann, scene.driver())
    scene.done("ride-svc", "RIDE_EXTEND", id=extended["id"],
               ends=extended["ends"] + HOUR)
    scene.end(extended)
    settle(scene)
    forgotten = [key.decode() for key in redis.client.keys("*")
                 if redis.client.ttl(key) == -1
                 and not KEPT.fullmatch(key.decode())]
    assert forgotten == [], "these would stay for ever"
    redis.move(days=3 + 29)
    assert scene.get(ride)["state"] == "closed"
    redis.move(days=2)
    assert scene.refused("ride-svc", "RIDE_GET", id=ride["id"]) == (
        "not_found", "id")
    assert scene.refused("ride-svc", "RIDE_TIMELINE", id=ride["id"]) == (
        "not_found", "id")
    assert scene.refused("ride-svc", "RIDE_END", id=ride["id"]) == (
        "not_found", "id")
    redis.move(days=2)
    left = [key.decode() for key in redis.client.keys("*")]
    assert [key for key in left if not KEPT.fullmatch(key)
            and not key.startswith("service:")] == []


def test_the_list_of_rides_forgets_what_is_gone(scene, redis):
    """Also behind rides that stay for long."""
    scene.number()
    for _ in range(3):
        scene.ride(scene.customer(), scene.driver(),
                   ends=redis.now_ms() + 900 * DAY)
    for _ in range(40):
        scene.end(scene.ride(scene.customer(), scene.driver()))
    redis.move(days=60)
    for _ in range(20):
        scene.ride(scene.customer(), scene.driver())
    rides = len(Store(redis).rides)
    listed = sum(redis.client.zcard(k) for k in redis.client.keys("rides:*"))
    assert rides == 23 <= listed < 2 * rides
