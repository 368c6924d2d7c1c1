"""Where a text goes: to the ride that its sender has on that number, or to
nobody; once; and only the right key opens what is stored."""
import msgpack
import pytest

from scene import HOUR, MINUTE

SERVICES = ["ride-svc", "pool-svc"]


@pytest.fixture
def ride(scene):
    scene.numbers(2)
    scene.ann, scene.dan = scene.customer(), scene.driver()
    return scene.ride(scene.ann, scene.dan)


def test_both_directions(scene, ride):
    ann, dan, proxy = scene.ann.phone, scene.dan.phone, ride["proxy"]
    assert scene.text(ann, proxy, text="Where are you?") == "forwarded"
    assert scene.text(dan, proxy, text="Here! 🚗") == "forwarded"
    assert scene.texts() == [(dan, "Where are you?"), (ann, "Here! 🚗")]
    entry = scene.outbox()[-1]
    assert (entry["ride"], entry["proxy"], entry["until"]) == (
        ride["id"], proxy, ride["grace"])
    events = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    assert [(e["what"], e["role"]) for e in events[1:]] == [
        ("text.taken", "customer"), ("text.taken", "driver")]


def strangers(scene, ride):
    other = next(n for n in scene.uses() if n != ride["proxy"])
    return {
        "another phone": ("447700900499", ride["proxy"]),
        "another proxy number": (scene.ann.phone, other),
        "no proxy number at all": (scene.ann.phone, "447700900498"),
        "no sender": ("", ride["proxy"]),
        "no recipient": (scene.ann.phone, ""),
        "odd sender": ("Restricted", ride["proxy"]),
        "odd recipient": (scene.ann.phone, "{1}:*"),
        "the proxy itself": (ride["proxy"], ride["proxy"]),
        "both turned round": (ride["proxy"], scene.ann.phone),
    }


@pytest.mark.parametrize("who", [
    "another phone", "another proxy number", "no proxy number at all",
    "no sender", "no recipient", "odd sender", "odd recipient",
    "the proxy itself", "both turned round"])
def test_strangers_reach_nobody_and_stand_on_record(scene, redis, ride, who):
    assert scene.text(*strangers(scene, ride)[who]) == "stranger"
    assert scene.texts() == []
    assert sum(redis.client.llen(k)
               for k in redis.client.keys("unrouted:*")) == 1


def test_what_reached_nobody_is_gone_after_a_day(scene, redis, ride):
    """Also where more of them come all the time."""
    def on_record():
        key, = redis.client.keys("unrouted:*")
        return [msgpack.unpackb(item, raw=True)[2]
                for item in redis.client.lrange(key, 0, -1)]

    known = []
    for hours in (0, 10, 10, 10, 10):
        redis.move(hours=hours, seconds=1)
        assert scene.text("447700900499", ride["proxy"]) == "stranger"
        known.insert(0, on_record()[0])
        assert on_record() == known[:3], "those of the last 24 hours"
    redis.move(hours=24, seconds=1)
    assert not redis.client.keys("unrouted:*")


def test_a_repeat_is_taken_once(scene, redis, ride):
    text = scene.text_from(scene.ann.phone, ride["proxy"], jti="j1")
    fates = [scene.done("ride-svc", "SMS_RECEIVED", **text)["fate"],
             scene.done("ride-svc", "SMS_RECEIVED", **text)["fate"],
             scene.done("ride-svc", "SMS_RECEIVED",
                        **{**text, "jti": "j2"})["fate"]]
    redis.move(hours=47)
    fates.append(scene.done("ride-svc", "SMS_RECEIVED",
                            **{**text, "jti": "j3"})["fate"])
    assert fates == ["forwarded"] + ["repeat"] * 3
    assert len(scene.texts()) == 1


def test_a_repeat_at_another_copy(world, scene, redis, ride):
    """Whenever it comes: taken once, and too old when nobody remembers it."""
    scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"],
               ends=ride["ends"] + 100 * HOUR)
    second = world.start("ride-svc", "ride-svc-2")
    text = scene.text_from(scene.ann.phone, ride["proxy"],
                           created=redis.now_ms())
    assert scene.done("ride-svc", "SMS_RECEIVED", **text)["fate"] == \
        "forwarded"
    for hours, fate in ((0, "repeat"), (47, "repeat"), (2, "old")):
        redis.move(hours=hours)
        for copy in (second, scene.daemon("ride-svc")):
            assert copy.bus.ask("SMS_RECEIVED", text)[1]["fate"] == fate
            fate = "repeat"
    assert len(scene.texts()) == 1
    second.stop(at_once=True)


def test_a_refused_text_is_no_other_later(scene, redis, ride):
    """A repeat of what reached nobody reaches nobody."""
    text = scene.text_from("447700900499", ride["proxy"])
    assert scene.done("ride-svc", "SMS_RECEIVED", **text)["fate"] == "stranger"
    scene.ride(scene.customer(phone="447700900499"), scene.driver())
    assert scene.done("ride-svc", "SMS_RECEIVED", **text)["fate"] == "repeat"
    assert scene.texts() == []


def test_a_signature_with_other_content_is_refused(scene, ride):
    text = scene.text_from(scene.ann.phone, ride["proxy"], jti="j1")
    scene.done("ride-svc", "SMS_RECEIVED", **text)
    assert scene.refused("ride-svc", "SMS_RECEIVED", **{
        **text, "id": "other", "content": "other"}) == ("bad_signature",
                                                        "jti")
    assert scene.done("ride-svc", "SMS_RECEIVED",
                      **text)["fate"] == "repeat"
    assert len(scene.texts()) == 1


def test_the_same_text_at_the_same_moment(scene, ride):
    text = scene.text_from(scene.ann.phone, ride["proxy"], jti="j1")
    replies = scene.daemon("ride-svc").bus.ask_all(
        [("SMS_RECEIVED", text)] * 30)
    assert sorted(body["fate"] for _, body in replies) == \
        ["forwarded"] + ["repeat"] * 29
    assert len(scene.texts()) == 1


@pytest.mark.parametrize("written, fate", [
    (lambda now, ride: 0, "forwarded"),
    (lambda now, ride: now, "forwarded"),
    (lambda now, ride: now + HOUR, "forwarded"),
    (lambda now, ride: ride["created"] - MINUTE + 999, "forwarded"),
    (lambda now, ride: ride["created"] - MINUTE - 1, "old"),
    (lambda now, ride: now - 48 * HOUR - 1000, "old"),
    (lambda now, ride: 1, "old"),
    (lambda now, ride: -5, "old")],
    ids=["unknown", "now", "in the future", "just before the ride",
         "long before the ride", "over 48 h ago", "1970", "before 1970"])
def test_when_it_was_written(scene, redis, ride, written, fate):
    created = written(redis.now_ms(), ride)
    assert scene.text(scene.ann.phone, ride["proxy"],
                      created=created) == fate
    assert len(scene.texts()) == (fate == "forwarded")


def test_over_48_hours_old_although_the_ride_stood(scene, redis, ride):
    scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"],
               ends=ride["ends"] + 100 * HOUR)
    redis.move(hours=60)
    now, ann = redis.now_ms(), scene.ann.phone
    assert scene.text(ann, ride["proxy"],
                      created=now - 48 * HOUR - 1000) == "old"
    assert scene.text(ann, ride["proxy"],
                      created=now - 47 * HOUR) == "forwarded"


def test_closed(scene, redis, ride):
    ann, proxy = scene.ann.phone, ride["proxy"]
    scene.end(ride)
    assert scene.text(ann, proxy) == "forwarded", "in grace"
    redis.move(hours=24, seconds=1)
    assert scene.text(ann, proxy) == "closed"
    redis.move(hours=24)
    assert scene.text(ann, proxy) == "stranger"
    assert len(scene.texts()) == 1


def test_a_late_text_on_a_recycled_number(world, scene, redis):
    """Written during the first ride, it does not reach the second's driver,
    though the number and the sender are the same."""
    proxy, ann = scene.number(), scene.customer()
    one, two = scene.driver(), scene.driver()
    short = world.start("ride-svc", "short", GRACE_HOURS="0",
                        COOLDOWN_HOURS="0")
    world.wait_sees(short, "pool-svc")
    first = scene.ride(ann, one, by=short)
    redis.move(minutes=10)
    written = redis.now_ms()
    redis.move(ms=5)
    assert short.bus.ask("RIDE_END", {"id": first["id"]})[0] == "RIDE"
    redis.move(ms=5)
    between = redis.now_ms()
    redis.move(ms=5)
    second = scene.ride(ann, two, by=short)
    assert first["proxy"] == second["proxy"] == proxy
    assert scene.text(ann.phone, proxy, created=written) == "old"
    assert scene.text(ann.phone, proxy, created=between) == "forwarded", \
        "to whom, if not to the ride that is about to be made"
    assert scene.text(one.phone, proxy) == "stranger"
    assert scene.text(ann.phone, proxy, created=redis.now_ms()) == "forwarded"
    assert {to for to, _ in scene.texts()} == {two.phone}
    short.terminate()


def test_what_is_stored_opens_only_as_what_it_is(scene, redis, ride):
    """The texts and phones of an outbox are sealed, and bound."""
    scene.text(scene.ann.phone, ride["proxy"], text="a secret")
    key = redis.client.keys("outbox:*")[0]
    *_, (_, entry) = redis.client.xrange(key)
    assert b"a secret" not in b"".join(entry.values())
    with pytest.raises(AssertionError):
        world = scene.world
        world.vault.unseal(entry[b"text"], "text:another")


def test_no_log_shows_a_text_or_a_phone(world, scene, ride):
    scene.text(scene.ann.phone, ride["proxy"], text="a secret")
    scene.text("447700900499", ride["proxy"], text="a secret")
    for daemon in world.daemons:
        log = daemon.log()
        assert "a secret" not in log
        for phone in (scene.ann.phone, scene.dan.phone, "447700900499",
                      ride["proxy"]):
            assert phone not in log
