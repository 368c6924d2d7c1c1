"""A ride's life: live, grace, closed, free; ended and extended by hand; and
what stays of it, with time moved."""
import re

import pytest

from invariants import Store, check_invariants, settle
from model import NO_END
from poll import wait_for
from scene import HOUR, MINUTE

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
CLOSED = "This ride is over, so we can no longer connect you."
UNKNOWN = "Sorry, we cannot identify"
DAY = 24 * HOUR
MOST = 200  # live rides of a phone


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


def events(scene, ride):
    listed = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    return [e["what"] for e in listed if e["what"].startswith("ride.")]


# ---- reopened in its grace ----

@pytest.mark.parametrize("by_hand", [True, False])
def test_reopen(scene, redis, pair, by_hand):
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan)
    if by_hand:
        scene.end(ride)
        redis.move(hours=23)
    else:
        redis.move(ms=ride["grace"] - redis.now_ms() - HOUR)
    ends = redis.now_ms() + 5 * HOUR
    body = {"id": ride["id"], "ends": ends}
    reopened = scene.done("ride-svc", "RIDE_REOPEN", **body)
    assert (reopened["state"], reopened["ends"], reopened["grace"],
            reopened["closed"]) == ("live", ends, ends + DAY, ends + 2 * DAY)
    assert scene.done("ride-svc", "RIDE_REOPEN", **body) == reopened
    settle(scene)
    assert events(scene, ride) == ["ride.created"] + ["ride.ended"] * by_hand \
        + ["ride.reopened"]
    redis.move(hours=4)
    assert scene.get(ride) == reopened
    assert scene.text(ann.phone, number) == "forwarded"
    assert scene.call(dan.phone, number) == ann.phone
    redis.move(hours=30)
    assert scene.call(dan.phone, number) == CLOSED
    assert scene.uses() == {number: 1}
    check_invariants(redis)
    # It is a ride like any other: extended, ended and reopened once more.
    assert scene.refused("ride-svc", "RIDE_REOPEN", **body) == (
        "ride_over", "id")


def test_what_was_reopened_ends_and_is_reopened_again(scene, redis, pair):
    scene.number()
    ride = scene.ride(*pair)
    for turn in range(1, 4):
        assert scene.end(ride)["state"] == "grace"
        again = scene.done("ride-svc", "RIDE_REOPEN", id=ride["id"],
                           ends=redis.now_ms() + turn * HOUR)
        longer = scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"],
                            ends=again["ends"] + 30 * HOUR)
        assert longer["state"] == "live"
        settle(scene)
    assert events(scene, ride)[1:] == [
        "ride.ended", "ride.reopened", "ride.extended"] * 3


@pytest.mark.parametrize("state, ends, code, field", [
    ("live", HOUR, "ride_live", "id"), ("closed", HOUR, "ride_over", "id"),
    ("gone", HOUR, "not_found", "id"), ("grace", 0, "in_the_past", "ends_at"),
    ("grace", -HOUR, "in_the_past", "ends_at"),
    ("grace", 11 * 366 * DAY, "invalid", "ends_at")])
def test_what_cannot_be_reopened(scene, redis, pair, state, ends, code, field):
    scene.number()
    ride = scene.ride(*pair)
    redis.move(hours={"live": 1, "grace": 30, "closed": 50, "gone": 1000}[
        state])
    before = None if state == "gone" else scene.get(ride)
    assert scene.refused("ride-svc", "RIDE_REOPEN", id=ride["id"],
                         ends=redis.now_ms() + ends) == (code, field)
    if before:
        assert scene.get(ride) == before
        settle(scene)


def test_reopened_until_the_end_that_it_had(scene, redis, pair):
    """Which has passed: no repeat of an earlier request."""
    scene.number()
    ride = scene.ride(*pair)
    redis.move(hours=25)
    assert scene.refused("ride-svc", "RIDE_REOPEN", id=ride["id"],
                         ends=ride["ends"]) == ("in_the_past", "ends_at")


def test_without_its_routes_nothing_is_reopened(scene, redis, pair):
    """Whatever lost them: what would speak again is not what spoke before."""
    scene.number()
    ride = scene.ride(*pair)
    scene.end(ride)
    redis.client.delete(redis.client.keys("route:*")[0])
    assert scene.refused("ride-svc", "RIDE_REOPEN", id=ride["id"],
                         ends=redis.now_ms() + HOUR) == ("ride_over", "id")


def test_reopenings_ends_and_cancels_at_the_same_moment(scene, redis):
    scene.numbers(2)
    for turn in range(15):
        ride = scene.ride(scene.customer(), scene.driver())
        scene.end(ride)
        ends = redis.now_ms() + 9 * HOUR
        reopen = ("RIDE_REOPEN", {"id": ride["id"], "ends": ends})
        last = ("RIDE_CANCEL" if turn % 2 else "RIDE_END", {"id": ride["id"]})
        replies = scene.daemon("ride-svc").bus.ask_all(
            [reopen, last, reopen, last, reopen])
        assert {b["code"] for n, b in replies if n == "PROBLEM"} <= {
            "ride_over", "busy"}
        assert [n for n, _ in replies[1::2]] == ["RIDE", "RIDE"]
        if turn % 2:
            assert scene.get(ride)["state"] == "closed"
    settle(scene)


# ---- cancelled ----

@pytest.mark.parametrize("state", ["live", "grace"])
def test_cancel(scene, redis, pair, state):
    """It connects no more at once, and the number comes free that much
    sooner."""
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan)
    if state == "grace":
        ride = scene.end(ride)
        redis.move(hours=3)
    cancelled = scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])
    now = cancelled["grace"]
    assert redis.now_ms() - 2000 < now <= redis.now_ms()
    assert (cancelled["state"], cancelled["closed"]) == ("closed", now + DAY)
    assert cancelled["ends"] == (now if state == "live" else ride["ends"])
    redis.move(hours=1)
    assert scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"]) == cancelled
    assert scene.end(ride) == cancelled
    for phone in (ann.phone, dan.phone):
        assert scene.call(phone, number) == CLOSED
        assert scene.text(phone, number) == "closed"
    assert not scene.texts()
    settle(scene)
    assert events(scene, ride) == ["ride.created"] + [
        "ride.ended"] * (state == "grace") + ["ride.cancelled"]
    assert scene.refused("ride-svc", "RIDE_REOPEN", id=ride["id"],
                         ends=redis.now_ms() + HOUR) == ("ride_over", "id")
    redis.move(hours=23, minutes=1)
    assert UNKNOWN in scene.call(ann.phone, number)
    assert scene.uses() == {number: 0}
    scene.ride(ann, dan)


def test_both_are_told_of_it(scene, redis, pair, file_world):
    """Once, where that is wanted; and though the ride connects no more."""
    daemon = file_world.start("ride-svc", "telling",
                              CANCEL_NOTICE="{driver} cannot come, {customer}")
    scene.number()
    ann, dan = pair
    ride = scene.ride(ann, dan)
    for _ in range(2):
        assert daemon.bus.ask("RIDE_CANCEL", {"id": ride["id"]})[0] == "RIDE"
    words = f"{dan.name} cannot come, {ann.name}"
    assert sorted(scene.texts("a")) == [(ann.phone, words),
                                        (dan.phone, words)]
    daemon.terminate()


def test_a_cancelled_ride_keeps_no_phone_marked(scene, redis, pair):
    """The phone may be a proxy number as soon as it is nobody's."""
    scene.number()
    ride = scene.ride(*pair)
    closed = scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])["closed"]
    for key in redis.client.keys("person-rides:*"):
        assert redis.client.zrange(key, 0, -1, withscores=True) == [
            (ride["id"].encode(), closed)]


# ---- without an end ----

def test_without_an_end(scene, redis, pair):
    """It lives until it is ended, and is then a ride like any other."""
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan, ends=NO_END)
    assert (ride["state"], ride["ends"]) == ("live", NO_END)
    settle(scene)
    for days in (1, 30, 400, 4000):
        redis.move(days=days)
        assert scene.get(ride) == ride
        assert scene.call(ann.phone, number) == dan.phone
        assert scene.text(dan.phone, number) == "forwarded"
        assert scene.uses() == {number: 1}
        name, problem = scene.ask("ride-svc", "RIDE_CREATE",
                                  **scene.request(ann, scene.driver()))
        assert (name, problem["code"], problem["detail"]) == (
            "PROBLEM", "no_number", 0), "nobody knows when"
        assert scene.refused("ride-svc", "PERSON_REMOVE", id=ann.id,
                             role="customer")[0] == "has_live_rides"
        check_invariants(redis)
    ended = scene.end(ride)
    now = ended["ends"]
    assert (ended["grace"], ended["closed"]) == (now + DAY, now + 2 * DAY)
    settle(scene)
    redis.move(hours=50)
    assert scene.uses() == {number: 0}
    scene.end(scene.ride(ann, dan))
    settle(scene)
    redis.move(days=40)
    left = [key.decode() for key in redis.client.keys("*")]
    assert [key for key in left if not KEPT.fullmatch(key)
            and not key.startswith(("service:", "rides:"))] == []


def test_an_end_is_taken_away_and_given_back(scene, redis, pair):
    number = scene.number()
    ride = scene.ride(*pair)
    extend = {"id": ride["id"], "ends": NO_END}
    for _ in range(2):
        assert scene.done("ride-svc", "RIDE_EXTEND", **extend)[
            "ends"] == NO_END
        settle(scene)
    redis.move(days=90)
    assert scene.get(ride)["state"] == "live"
    assert scene.refused("ride-svc", "RIDE_EXTEND", id=ride["id"],
                         ends=redis.now_ms() - 1) == ("invalid", "ends_at")
    ends = redis.now_ms() + 3 * HOUR
    for _ in range(2):
        back = scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"], ends=ends)
        assert (back["ends"], back["closed"]) == (ends, ends + 2 * DAY)
        store = settle(scene)
    assert store.hold(ride["id"]) == [back["closed"] + MINUTE] * 3
    for key in redis.client.keys("person-rides:*"):
        assert redis.client.zrange(key, 0, -1, withscores=True) == [
            (ride["id"].encode(), back["closed"])]
    redis.move(hours=3)
    assert scene.get(ride)["state"] == "grace"
    again = scene.done("ride-svc", "RIDE_REOPEN", id=ride["id"], ends=NO_END)
    assert (again["state"], again["ends"]) == ("live", NO_END)
    redis.move(days=9)
    assert scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])[
        "state"] == "closed"
    settle(scene)
    redis.move(hours=25)
    assert scene.uses() == {number: 0}


# ---- one channel only ----

def test_for_calls_only(scene, redis, pair):
    """Who writes is told once a day; and again, that it is over."""
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan, channels=["voice"])
    assert ride["channels"] == "voice" and len(scene.outbox()) == 2
    told = [(ann.phone, "This number takes calls only, so your message was "
             "not delivered.")]
    for hours in (0, 20):
        redis.move(hours=hours)
        text = scene.text_from(ann.phone, number)
        assert scene.done("ride-svc", "SMS_RECEIVED", **text)[
            "fate"] == "no_texts"
        assert scene.done("ride-svc", "SMS_RECEIVED", **text)[
            "fate"] == "repeat"
        assert scene.texts() == [] and scene.texts("a") == told
    assert scene.call(ann.phone, number) == dan.phone
    assert scene.call(dan.phone, number) == ann.phone
    redis.move(hours=4, minutes=1)
    assert scene.text(ann.phone, number) == "no_texts"
    assert scene.texts("a") == told * 2
    scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])
    assert scene.text(ann.phone, number) == "closed"
    assert scene.texts("a")[2:] == [
        (ann.phone, "This ride is over, so your message was not delivered.")]
    assert scene.call(ann.phone, number) == CLOSED
    settle(scene)
    listed = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    assert [(e["what"], e["detail"]) for e in listed
            if e["what"] == "text.refused"] == [
        ("text.refused", "no_texts")] * 3 + [("text.refused", "closed")]


def test_for_texts_only(scene, redis, pair):
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan, channels=["sms", "sms"])
    assert ride["channels"] == "sms"
    assert scene.text(dan.phone, number) == "forwarded"
    words = "This number takes text messages only, so we cannot connect you."
    assert scene.call(ann.phone, number) == words
    scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"],
               ends=ride["ends"] + HOUR)
    assert scene.call(dan.phone, number) == words, "whatever comes of it"
    scene.end(ride)
    assert scene.call(dan.phone, number) == words
    scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])
    assert scene.call(dan.phone, number) == CLOSED
    wait_for(lambda: [e["detail"] for e in scene.done(
        "ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
        if e["what"] == "call"] == ["texts_only"] * 3 + ["closed"],
        what="the calls on record")
    settle(scene)


def test_both_channels_are_said_in_three_ways(scene, pair):
    scene.numbers(3)
    for channels in ([], ["sms", "voice"], ["voice", "sms", "voice"]):
        ride = scene.ride(*pair, channels=channels)
        assert ride["channels"] == ""
        assert scene.text(pair[0].phone, ride["proxy"]) == "forwarded"
        assert scene.call(pair[0].phone, ride["proxy"]) == pair[1].phone


def test_another_channel_is_another_request(scene, pair):
    scene.number()
    request = scene.request(*pair, channels=["sms"])
    first = scene.done("ride-svc", "RIDE_CREATE", **request)
    assert scene.done("ride-svc", "RIDE_CREATE", **request)["id"] == \
        first["id"]
    for channels in (["voice"], [], ["sms", "voice"]):
        assert scene.refused("ride-svc", "RIDE_CREATE", **{
            **request, "channels": channels}) == (
                "key_reused", "Idempotency-Key")
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        *pair, channels=["fax"])) == ("invalid", "channels")


# ---- many rides of one person ----

def live_rides(scene, customers, drivers):
    return [scene.request(c, d) for c, d in zip(customers, drivers)]


def make(scene, requests):
    replies = scene.daemon("ride-svc").bus.ask_all(
        [("RIDE_CREATE", r) for r in requests], ms=60_000)
    assert {name for name, _ in replies} == {"RIDE"}, replies
    return [ride for _, ride in replies]


def test_as_many_live_rides_as_one_may_have(scene, redis):
    """The next is refused, and changes nothing; those that are over do not
    count. The phone counts, in whichever role."""
    scene.numbers(MOST + 1)
    both = scene.customer()
    as_driver = scene.driver(phone=both.phone)
    others = [scene.customer() for _ in range(MOST // 2)]
    drivers = [scene.driver() for _ in range(MOST // 2)]
    rides = make(scene, [scene.request(both, d) for d in drivers]
                 + [scene.request(c, as_driver) for c in others])
    assert len({r["proxy"] for r in rides}) == MOST, "a number a ride"
    settle(scene)
    before = {key: redis.client.dump(key) for key in redis.client.keys("*")
              if not key.startswith(b"service:")}
    for pair, field in (((both, scene.driver()), "customer"),
                        ((others[0], as_driver), "driver")):
        request = scene.request(*pair)
        assert scene.refused("ride-svc", "RIDE_CREATE", **request) == (
            "too_many_rides", field)
        before.update((key, redis.client.dump(key))
                      for key in redis.client.keys("*")
                      if re.match(rb"phone:|driver|{driver", key))
    assert before == {key: redis.client.dump(key)
                      for key in redis.client.keys("*")
                      if not key.startswith(b"service:")}
    scene.end(rides[0])
    again = scene.ride(both, scene.driver())
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        both, scene.driver()))[0] == "too_many_rides"
    redis.move(ms=again["ends"] - redis.now_ms())
    assert scene.get(again)["state"] == "grace"
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        both, scene.driver()))[0] == "no_number", "over: they do not count"


def test_one_phone_as_customer_and_driver_in_many_rides(scene, redis):
    """Each text and call goes by its number, whatever the role."""
    scene.numbers(25)
    both = scene.customer()
    as_driver = scene.driver(phone=both.phone)
    others = [scene.driver() if n % 2 else scene.customer()
              for n in range(24)]
    rides = make(scene, [
        scene.request(both, other) if other.role == "driver"
        else scene.request(other, as_driver) for other in others])
    for ride, other in zip(rides, others):
        number = ride["proxy"]
        assert scene.call(both.phone, number) == other.phone
        assert scene.call(other.phone, number) == both.phone
        assert scene.text(both.phone, number, text=number) == "forwarded"
        assert (other.phone, number) in scene.texts()
    scene.end(rides[0])
    assert scene.call(both.phone, rides[1]["proxy"]) == others[1].phone
    settle(scene)


def test_what_was_refused_does_not_count(scene, redis, pair):
    scene.number()
    ann, dan = pair
    full = [f"waiting:{{{p}}}" for p in range(64)]
    for key in full:
        redis.client.set(key, 10**6)
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        ann, dan, ends=NO_END))[0] == "busy"
    assert not redis.client.keys("person-rides:*")
    for key in full:
        redis.client.delete(key)
    ride = scene.ride(ann, dan, ends=NO_END)
    settle(scene)
    for key in redis.client.keys("person-rides:*"):
        assert redis.client.zrange(key, -1, -1, withscores=True)[0] == (
            ride["id"].encode(), ride["closed"])


# Keys that may stay for good; all others expire.
KEPT = re.compile(
    r"pools|pool:{\w+}:(numbers|index|about|settings|busy|need|low)"
    r"|number:{\d+}:\d+|customers|drivers"
    r"|(customer|driver):\d+|{(customers|drivers)}:last|phone:[\w-]{20}"
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
