"""A call comes in: put through to the other party, or told why not."""
import time

import pytest

from poll import wait_for

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
UNKNOWN = "Sorry, we cannot identify your transaction. Make sure you call " \
    "in from the number you registered."
CLOSED = "This ride is over, so we can no longer connect you."


@pytest.fixture
def ride(scene):
    scene.numbers(2)
    scene.ann, scene.dan = scene.customer(), scene.driver()
    return scene.ride(scene.ann, scene.dan)


def calls(scene, ride):
    events = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    return [(e["role"], e["detail"]) for e in events if e["what"] == "call"]


def test_both_directions(scene, ride):
    ann, dan, proxy = scene.ann.phone, scene.dan.phone, ride["proxy"]
    assert scene.call(ann, proxy) == dan
    assert scene.call(dan, proxy) == ann
    wait_for(lambda: calls(scene, ride) == [("customer", "connected"),
                                            ("driver", "connected")],
             what="both calls on the timeline")


@pytest.mark.parametrize("caller, proxy", [
    ("447700900499", None), ("", None), ("Restricted", None), (None, ""),
    (None, "447700900499"), (None, "other"), ("", "")],
    ids=["stranger", "hidden", "odd", "no number", "no proxy number",
         "another proxy number", "nothing"])
def test_unknown_callers(scene, ride, caller, proxy):
    if proxy == "other":
        proxy = next(n for n in scene.uses() if n != ride["proxy"])
    assert scene.call(scene.ann.phone if caller is None else caller,
                      ride["proxy"] if proxy is None else proxy) == UNKNOWN
    assert calls(scene, ride) == []


def test_live_grace_closed_and_over(scene, redis, ride):
    ann, proxy = scene.ann.phone, ride["proxy"]
    scene.end(ride)
    assert scene.call(ann, proxy) == scene.dan.phone
    redis.move(hours=24, seconds=1)
    assert scene.call(ann, proxy) == CLOSED
    assert scene.call(ann, proxy) == CLOSED, "told each time"
    wait_for(lambda: calls(scene, ride)[-1:] == [("customer", "closed")],
             what="the call on the timeline")
    redis.move(hours=24)
    assert scene.call(ann, proxy) == UNKNOWN


def test_a_silent_store_is_not_waited_for(world, scene, redis, ride):
    voice = scene.daemon("voice-svc")
    redis.pause()
    try:
        for _ in range(3):
            began = time.monotonic()
            name, problem = voice.bus.ask("CALL_RECEIVED", {
                "from": scene.ann.phone, "to": ride["proxy"]})
            took = time.monotonic() - began
            assert (name, problem["code"]) == ("PROBLEM", "store_away")
            assert took < 0.4, f"{took:.3f} s"
    finally:
        redis.resume()
    wait_for(lambda: voice.bus.ask("CALL_RECEIVED", {
        "from": scene.ann.phone, "to": ride["proxy"]})[0] == "CALL_FLOW",
        what="calls put through again")


def test_no_log_shows_a_phone(world, scene, ride):
    scene.call(scene.ann.phone, ride["proxy"])
    scene.call("447700900499", ride["proxy"])
    log = scene.daemon("voice-svc").log()
    for phone in (scene.ann.phone, scene.dan.phone, "447700900499",
                  ride["proxy"]):
        assert phone not in log
