"""Texts that wait their turn: so many a minute from one sender on one ride; and
who writes to a ride that is over."""
import msgpack
import pytest

from scene import HOUR

SERVICES = ["ride-svc", "pool-svc"]
MINUTE_MS = 60_000
MOST_HELD_BACK = 300
MOST_WAITING = 100_000
ANSWER = "This ride is over, so your message was not delivered."


@pytest.fixture
def ride(scene):
    scene.number()
    scene.ann, scene.dan = scene.customer(), scene.driver()
    return scene.ride(scene.ann, scene.dan)


def tag(ride):
    return f"{{{int(ride['id'][:2])}}}"


def write(scene, sender, ride, count, by=None):
    """So many at once; their fates, in order."""
    daemons = by or [scene.daemon("ride-svc")]
    requests = [("SMS_RECEIVED", scene.text_from(sender, ride["proxy"],
                                                 text=f"{n}"))
                for n in range(count)]
    fates = []
    for n, request in enumerate(requests):
        name, body = daemons[n % len(daemons)].bus.ask(*request)
        assert name == "SMS_TAKEN", body
        fates.append(body["fate"])
    return fates


def lines(scene, role):
    phone = scene.dan.phone if role == "driver" else scene.ann.phone
    return [e for e in scene.outbox()
            if e["kind"] == "t" and e["to"] == phone]


def turns(scene, role="driver"):
    """How long each text for that party waits (ms), in order."""
    return [max(0, e["after"] - e["queued"]) for e in lines(scene, role)]


def at_most(scene, count, role="driver"):
    """So many a minute, in order; an entry's id is from a clock that the store
    reads once for several commands."""
    leave = [max(e["after"], e["queued"]) for e in lines(scene, role)]
    return leave == sorted(leave) and all(
        later - early >= MINUTE_MS - 100
        for early, later in zip(leave, leave[count:]))


def test_past_thirty_a_minute_they_wait_their_turn(scene, ride):
    assert set(write(scene, scene.ann.phone, ride, 100)) == {"forwarded"}
    dues = turns(scene)
    assert len(dues) == 100 and dues[:30] == [0] * 30
    assert dues[30] > MINUTE_MS - 10_000
    assert at_most(scene, 30) and dues[99] < 4 * MINUTE_MS


def test_nobody_else_is_held_up(scene, ride):
    """The other party, another ride of the same sender, another minute."""
    write(scene, scene.ann.phone, ride, 40)
    write(scene, scene.dan.phone, ride, 30)
    assert turns(scene, "customer") == [0] * 30
    scene.number()
    eve = scene.driver()
    other = scene.ride(scene.ann, eve)
    write(scene, scene.ann.phone, other, 30)
    assert [e["after"] for e in scene.outbox()
            if e["to"] == eve.phone and e["kind"] == "t"] == [0] * 30
    scene.redis.move(minutes=3)
    write(scene, scene.ann.phone, ride, 30)
    assert turns(scene)[-30:] == [0] * 30


def test_past_300_held_back_they_are_put_on_record(scene, ride):
    fates = write(scene, scene.ann.phone, ride, 335)
    assert fates == ["forwarded"] * 330 + ["limited"] * 5
    assert len(turns(scene)) == 330
    story = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    assert [e["detail"] for e in story if e["what"] == "text.refused"] == \
        ["limited"] * 5
    # One more for each that has had its turn.
    scene.redis.move(minutes=1, seconds=2)
    fates = write(scene, scene.ann.phone, ride, 31)
    assert fates == ["forwarded"] * 30 + ["limited"]
    assert at_most(scene, 30)


def test_what_is_limited_stands_on_record(world, scene, redis, ride):
    """As it was written, and answered as any other."""
    copy = world.start("ride-svc", "strict", TEXTS_PER_MINUTE="1")
    write(scene, scene.ann.phone, ride, MOST_HELD_BACK + 1, [copy])
    text = scene.text_from(scene.ann.phone, ride["proxy"], text="One too many")
    fates = [copy.bus.ask("SMS_RECEIVED", text)[1]["fate"] for _ in range(2)]
    assert fates == ["limited", "repeat"]
    record, = redis.client.lrange(f"unrouted:{tag(ride)}", 0, -1)
    _, fate, reference, sealed, _ = msgpack.unpackb(record, raw=True)
    assert fate == b"limited"
    assert world.vault.unseal(sealed, f"text:{reference.decode()}") == \
        "One too many"
    assert "One too many" not in [text for _, text in scene.texts()]
    assert copy.metric("texts_limited_total") == 1
    copy.stop(at_once=True)


def test_a_full_outbox_takes_nobodys_turn(scene, redis, ride):
    """What is refused comes again, and is not held back for having come."""
    waiting = f"waiting:{tag(ride)}"
    there = redis.client.get(waiting)
    redis.client.set(waiting, MOST_WAITING)
    for _ in range(40):
        text = scene.text_from(scene.ann.phone, ride["proxy"])
        assert scene.refused("ride-svc", "SMS_RECEIVED", **text)[0] == "busy"
    redis.client.set(waiting, there)
    write(scene, scene.ann.phone, ride, 30)
    assert turns(scene) == [0] * 30


def test_what_is_kept_of_them(scene, redis, ride):
    """No more than it takes, and a minute longer than it is asked for."""
    write(scene, scene.ann.phone, ride, 335)
    key = f"pace:{tag(ride)}:{ride['id']}:customer"
    dues = [int(due) for due in redis.client.lrange(key, 0, -1)]
    assert len(dues) == MOST_HELD_BACK and dues == sorted(dues)
    assert redis.client.pexpiretime(key) == dues[-1] + MINUTE_MS


def test_a_repeat_takes_nobodys_turn(scene, ride):
    for _ in range(50):
        scene.text(scene.ann.phone, ride["proxy"], id="the same")
    assert turns(scene) == [0]
    write(scene, scene.ann.phone, ride, 29)
    assert turns(scene) == [0] * 30


def test_at_two_copies(world, scene, ride):
    second = world.start("ride-svc", "ride-svc-2")
    both = [world.living("ride-svc")[0], second]
    assert set(write(scene, scene.ann.phone, ride, 61, both)) == {"forwarded"}
    dues = turns(scene)
    assert dues[:30] == [0] * 30 and 0 not in dues[30:] and at_most(scene, 30)
    second.stop(at_once=True)


@pytest.mark.parametrize("most", [1, 7])
def test_another_limit(world, scene, ride, most):
    copy = world.start("ride-svc", "strict", TEXTS_PER_MINUTE=str(most))
    write(scene, scene.ann.phone, ride, 3 * most + 1, [copy])
    dues = turns(scene)
    assert dues.count(0) == most and at_most(scene, most)
    assert 2 * MINUTE_MS < dues[-1] <= 3 * MINUTE_MS
    copy.stop(at_once=True)


def test_no_limit(world, scene, ride):
    copy = world.start("ride-svc", "free", TEXTS_PER_MINUTE="0")
    assert set(write(scene, scene.ann.phone, ride, 700, [copy])) == \
        {"forwarded"}
    assert turns(scene) == [0] * 700
    copy.stop(at_once=True)


# ---- who writes to a ride that is over ----

def test_who_writes_to_a_closed_ride_is_told_once_a_day(scene, redis, ride):
    scene.end(ride)
    redis.move(hours=24, seconds=1)
    for person in (scene.ann, scene.dan):
        for _ in range(3):
            assert scene.text(person.phone, ride["proxy"]) == "closed"
    assert scene.texts("a") == [(scene.ann.phone, ANSWER),
                                (scene.dan.phone, ANSWER)]
    assert scene.texts() == []
    assert scene.text("447700900499", ride["proxy"]) == "stranger"
    assert len(scene.texts("a")) == 2


def test_told_again_after_a_day(world, scene, redis, ride):
    """Its number is kept for good, so who writes is told each day."""
    never = world.start("ride-svc", "never", COOLDOWN_HOURS="never",
                        GRACE_HOURS="0")
    never.bus.ask("RIDE_END", {"id": ride["id"]})
    redis.move(seconds=1)
    for day in range(3):
        for _ in range(2):
            assert scene.text(scene.ann.phone, ride["proxy"]) == "closed"
        assert len(scene.texts("a")) == day + 1
        redis.move(hours=24, seconds=1)
    never.stop(at_once=True)


def test_a_repeat_is_not_answered_twice(scene, redis, ride):
    scene.end(ride)
    redis.move(hours=24, seconds=1)
    for _ in range(2):
        scene.text(scene.ann.phone, ride["proxy"], id="the same")
    redis.move(hours=23)
    assert len(scene.texts("a")) == 1


def test_nobody_is_told(world, scene, redis, ride):
    copy = world.start("ride-svc", "silent", CLOSED_ANSWER="none")
    scene.end(ride)
    redis.move(ms=24 * HOUR + 1000)
    assert copy.bus.ask("SMS_RECEIVED", scene.text_from(
        scene.ann.phone, ride["proxy"]))[1]["fate"] == "closed"
    assert scene.texts("a") == []
    copy.stop(at_once=True)


def test_no_room_for_the_answer(scene, redis, ride):
    """The text is on record even so; who writes again is told then."""
    scene.end(ride)
    redis.move(hours=24, seconds=1)
    waiting = f"waiting:{tag(ride)}"
    there = int(redis.client.get(waiting))
    redis.client.set(waiting, MOST_WAITING)
    assert scene.text(scene.ann.phone, ride["proxy"]) == "closed"
    assert scene.texts("a") == []
    assert redis.client.llen(f"unrouted:{tag(ride)}") == 1
    assert int(redis.client.get(waiting)) == MOST_WAITING
    redis.client.set(waiting, there)
    assert scene.text(scene.ann.phone, ride["proxy"]) == "closed"
    assert len(scene.texts("a")) == 1
    assert int(redis.client.get(waiting)) == there + 1


def test_no_answer_where_the_ride_is_gone(scene, redis, ride):
    scene.end(ride)
    redis.move(hours=24, seconds=1)
    redis.client.delete(f"ride:{tag(ride)}:{ride['id']}")
    assert scene.text(scene.ann.phone, ride["proxy"]) == "closed"
    assert scene.texts("a") == []


# ---- counted by what became of them ----

def test_counted_by_fate(world, scene, redis, ride):
    copy = world.start("ride-svc", "counts", TEXTS_PER_MINUTE="1")

    def text(phone, **more):
        text = scene.text_from(phone, ride["proxy"], **more)
        return copy.bus.ask("SMS_RECEIVED", text)[1]["fate"]

    for phone, more in (("447700900499", {}), ("447700900498", {}),
                        (scene.ann.phone, {"created": 1}),
                        (scene.ann.phone, {"id": "x"}),
                        (scene.ann.phone, {"id": "x"})):
        text(phone, **more)
    write(scene, scene.dan.phone, ride, MOST_HELD_BACK + 3, [copy])
    scene.end(ride)
    redis.move(hours=24, seconds=1)
    for _ in range(3):
        text(scene.ann.phone)
    counted = {name: copy.metric(f"texts_{name}_total") for name in (
        "strangers", "old", "closed", "limited", "unrouted", "repeated",
        "forwarded")}
    assert counted == {"strangers": 2, "old": 1, "closed": 3, "limited": 2,
                       "unrouted": 8, "repeated": 1,
                       "forwarded": MOST_HELD_BACK + 2}
    copy.stop(at_once=True)
