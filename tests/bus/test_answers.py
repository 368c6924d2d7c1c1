"""Who is told what became of a text: its sender where it did not arrive, and who
writes to a ride that is over. From the text that comes in to the answer that
leaves, ride-svc and the notifier together."""
import msgpack
import pytest

from notifiers import wait_texts
from poll import wait_for

SERVICES = ["ride-svc", "pool-svc"]
UNDELIVERED = "Your last message could not be delivered."
CLOSED = "This ride is over, so your message was not delivered."
MOST_WAITING = 100_000


@pytest.fixture
def ride(scene, provider, start):
    """One whose notices have left."""
    scene.notifier = start()
    scene.number()
    scene.ann, scene.dan = scene.customer(), scene.driver()
    ride = scene.ride(scene.ann, scene.dan)
    wait_texts(provider, 2)
    return ride


def tag(ride):
    return f"{{{int(ride['id'][:2])}}}"


def reference_of(provider, text):
    return next(p.reference for p in provider.taken if p.text == text)


def report(scene, reference, status):
    return scene.notifier.bus.ask(
        "REPORT", {"reference": reference, "status": status})[0]


def story(scene, ride, what):
    events = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    return [e["role"] for e in events if e["what"] == what]


def all_told(scene):
    """Nothing is owed to anybody, and nothing waits."""
    def done():
        return not any(scene.redis.client.keys(f"{what}:*")
                       for what in ("undelivered", "sending", "parked")) \
            and not any(scene.redis.client.xlen(key)
                        for key in scene.redis.client.keys("outbox:*"))
    wait_for(done, what="nothing owed")


@pytest.mark.parametrize("status", ["delivery_failed", "expired"])
def test_a_report_that_it_did_not_arrive(scene, provider, ride, status):
    """Told once, whatever is reported before, after, or again."""
    scene.text(scene.ann.phone, ride["proxy"], text="Where are you?")
    wait_texts(provider, 2, to=scene.dan.phone)
    reference = reference_of(provider, "Where are you?")
    for reported in ("sent", status, status, "delivered", "sent", "expired"):
        assert report(scene, reference, reported) == "OK"
    wait_texts(provider, 2, to=scene.ann.phone)
    all_told(scene)
    assert provider.texts(scene.ann.phone)[1:] == [UNDELIVERED]
    answer = provider.tries(scene.ann.phone)[-1]
    assert answer.fields["originator"] == ride["proxy"]
    assert story(scene, ride, "text.answered") == ["customer"]


def test_its_notices_stand_without_its_id(scene, ride):
    key = f"timeline:{tag(ride)}:{ride['id']}"
    wait_for(lambda: scene.redis.client.llen(key) == 3, what="both sent")
    raw = [msgpack.unpackb(e) for e in scene.redis.client.lrange(key, 0, -1)]
    assert sorted(e[3] for e in raw[1:]) == ["c", "d"] and len(raw[0]) == 2
    events = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    assert sorted(e["reference"] for e in events[1:]) == [
        ride["id"] + "c", ride["id"] + "d"]


def test_who_came_is_not_told_of_what_who_left_wrote(scene, provider, ride):
    """Only of what they wrote themselves."""
    def write(person, text):
        scene.text(person.phone, ride["proxy"], text=text)
        wait_for(lambda: text in provider.texts(scene.ann.phone), what=text)
        return reference_of(provider, text)
    early = write(scene.dan, "From Dan")
    new = scene.driver()
    scene.done("ride-svc", "RIDE_PARTY", id=ride["id"], driver=new.id)
    late = write(new, "From the new one")
    for reference in (early, late):
        assert report(scene, reference, "delivery_failed") == "OK"
    wait_texts(provider, 2, to=new.phone)
    all_told(scene)
    assert provider.texts(new.phone)[1:] == [UNDELIVERED]
    assert UNDELIVERED not in provider.texts(scene.dan.phone)
    assert scene.notifier.metric("senders_told_total") == 1


def test_a_text_that_the_provider_refuses(scene, provider, ride):
    provider.rule(scene.ann.phone, status=422, times=1)
    scene.text(scene.dan.phone, ride["proxy"], text="I am here")
    wait_texts(provider, 2, to=scene.dan.phone)
    all_told(scene)
    assert provider.texts(scene.dan.phone)[1:] == [UNDELIVERED]
    assert story(scene, ride, "text.answered") == ["driver"]


def test_a_text_that_dies_twice_is_told_once(scene, provider, ride):
    provider.rule(scene.ann.phone, status=422, times=2)
    scene.text(scene.dan.phone, ride["proxy"])
    wait_texts(provider, 2, to=scene.dan.phone)
    letters = scene.notifier.bus.ask("LETTER_LIST", {"limit": 10})[1]
    again = {"reference": letters["letters"][0]["reference"]}
    assert scene.notifier.bus.ask("LETTER_RESEND", again)[0] != "PROBLEM"
    wait_for(lambda: len(provider.tries(scene.ann.phone)) == 3,
             what="the second try")
    all_told(scene)
    assert provider.texts(scene.dan.phone)[1:] == [UNDELIVERED]


def test_a_text_that_dies_twice_at_once_is_told_once(
        scene, redis, provider, ride):
    """Refused, sent again by hand and refused again, or reported on beside:
    before anybody looked what is owed."""
    scene.text(scene.ann.phone, ride["proxy"], text="Lost")
    wait_texts(provider, 2, to=scene.dan.phone)
    owed = f"{reference_of(provider, 'Lost')} {ride['id']} driver"
    redis.client.rpush(f"undelivered:{tag(ride)}", owed, owed)
    wait_texts(provider, 2, to=scene.ann.phone)
    all_told(scene)
    assert provider.texts(scene.ann.phone)[1:] == [UNDELIVERED]
    assert scene.notifier.metric("senders_told_total") == 1


def test_an_early_report(scene, provider, ride):
    """It overtakes the answer to the POST."""
    provider.rule(scene.dan.phone, hold=1)
    scene.text(scene.ann.phone, ride["proxy"], text="Lost")
    wait_texts(provider, 2, to=scene.dan.phone)
    assert report(scene, reference_of(provider, "Lost"), "expired") == "OK"
    wait_texts(provider, 2, to=scene.ann.phone)
    all_told(scene)
    assert provider.texts(scene.ann.phone)[1:] == [UNDELIVERED]


def test_a_text_that_waited_longer_than_its_ride(
        world, scene, redis, provider, ride):
    """Who wrote it is told, though the ride connects no more; the answer has
    an end of its own."""
    short = world.start("ride-svc", "short", GRACE_HOURS="0")
    provider.rule(scene.dan.phone, status=429)
    scene.text(scene.ann.phone, ride["proxy"], text="Too late")
    wait_for(lambda: redis.client.keys(f"parked:{tag(ride)}:*"),
             what="a parked text")
    assert short.bus.ask("RIDE_END", {"id": ride["id"]})[0] == "RIDE"
    provider.heal()
    redis.move(seconds=5)
    wait_texts(provider, 2, to=scene.ann.phone)
    all_told(scene)
    assert provider.texts(scene.ann.phone)[1:] == [UNDELIVERED]
    assert provider.texts(scene.dan.phone)[1:] == []
    short.stop(at_once=True)


def test_no_room_for_the_answer(scene, redis, provider, ride):
    scene.text(scene.ann.phone, ride["proxy"], text="Lost")
    wait_texts(provider, 2, to=scene.dan.phone)
    all_told(scene)
    redis.client.set(f"waiting:{tag(ride)}", MOST_WAITING)
    report(scene, reference_of(provider, "Lost"), "expired")
    all_told(scene)
    assert len(provider.texts(scene.ann.phone)) == 1
    assert int(redis.client.get(f"waiting:{tag(ride)}")) == MOST_WAITING
    assert story(scene, ride, "text.answered") == []


def test_delivered_texts_notices_and_answers_are_silent(scene, provider, ride):
    scene.text(scene.ann.phone, ride["proxy"], text="All is well")
    wait_texts(provider, 2, to=scene.dan.phone)
    report(scene, reference_of(provider, "All is well"), "delivered")
    for notice in list(provider.taken)[:2]:
        report(scene, notice.reference, "delivery_failed")
    # An answer that does not arrive is answered with nothing.
    scene.text(scene.ann.phone, ride["proxy"], text="Lost")
    wait_texts(provider, 3, to=scene.dan.phone)
    report(scene, reference_of(provider, "Lost"), "expired")
    wait_texts(provider, 2, to=scene.ann.phone)
    report(scene, reference_of(provider, UNDELIVERED), "delivery_failed")
    all_told(scene)
    assert provider.texts(scene.ann.phone)[1:] == [UNDELIVERED]
    assert len(provider.texts(scene.dan.phone)) == 3


def test_switched_off(scene, provider, start, ride):
    scene.notifier.terminate()
    scene.notifier = start("silent", UNDELIVERED_ANSWER="none")
    scene.text(scene.ann.phone, ride["proxy"], text="Lost")
    wait_texts(provider, 2, to=scene.dan.phone)
    report(scene, reference_of(provider, "Lost"), "expired")
    all_told(scene)
    assert len(provider.texts(scene.ann.phone)) == 1


def test_at_any_notifier(scene, provider, start, ride):
    """Two look for what is owed; it is paid once."""
    start("second")
    for n in range(10):
        scene.text(scene.ann.phone, ride["proxy"], text=f"Lost {n}")
    wait_texts(provider, 11, to=scene.dan.phone, seconds=20)
    for n in range(10):
        report(scene, reference_of(provider, f"Lost {n}"), "expired")
    wait_texts(provider, 11, to=scene.ann.phone, seconds=20)
    all_told(scene)
    assert provider.texts(scene.ann.phone)[1:] == [UNDELIVERED] * 10


def test_the_answer_of_a_closed_ride_leaves(scene, redis, provider, ride):
    scene.end(ride)
    redis.move(hours=24, seconds=1)
    assert scene.text(scene.ann.phone, ride["proxy"]) == "closed"
    wait_texts(provider, 2, to=scene.ann.phone)
    assert provider.texts(scene.ann.phone)[1:] == [CLOSED]
    assert len(provider.texts(scene.dan.phone)) == 1


def test_an_auto_responder_is_not_talked_to_for_ever(
        scene, redis, provider, ride):
    """It answers all that it gets, and is told once that nobody reads it."""
    scene.end(ride)
    redis.move(hours=24, seconds=1)
    answered, fates = 1, [scene.text(scene.ann.phone, ride["proxy"])]
    wait_texts(provider, 2, to=scene.ann.phone)
    for _ in range(5):
        all_told(scene)
        while answered < len(provider.texts(scene.ann.phone)):
            answered += 1
            fates.append(scene.text(scene.ann.phone, ride["proxy"],
                                    text="I am on holiday."))
    assert fates == ["closed"] * 2
    assert provider.texts(scene.ann.phone)[1:] == [CLOSED]


# ---- texts that wait their turn ----

def test_texts_wait_their_turn_in_order(scene, redis, provider, ride):
    """Thirty leave at once; the rest as time goes on, none overtakes another,
    and nobody else waits for them."""
    words = [f"text {n}" for n in range(70)]
    for text in words:
        assert scene.text(scene.ann.phone, ride["proxy"], text=text) == \
            "forwarded"
    scene.text(scene.dan.phone, ride["proxy"], text="Stop it")
    wait_texts(provider, 31, to=scene.dan.phone)
    wait_texts(provider, 2, to=scene.ann.phone)
    for count in (60, 70):
        assert len(provider.texts(scene.dan.phone)) == count - \
            (30 if count == 60 else 10) + 1
        redis.move(minutes=1)
        wait_texts(provider, count + 1, to=scene.dan.phone)
    assert provider.texts(scene.dan.phone)[1:] == words
    all_told(scene)


def waiting_conversation(scene, redis, ride, count):
    """Texts of which all past thirty are parked; their words."""
    words = [f"text {n}" for n in range(count)]
    for text in words:
        scene.text(scene.ann.phone, ride["proxy"], text=text)
    parked = f"parked:{tag(ride)}:{ride['id']}:driver"
    wait_for(lambda: redis.client.llen(parked) == count - 30
             and not redis.client.exists(f"sending:{tag(ride)}"),
             what="parked texts")
    return words


def calls_of(redis, command):
    stats = redis.client.info("commandstats")
    return stats.get(f"cmdstat_{command}", {"calls": 0})["calls"]


def test_who_waits_costs_no_look(scene, redis, provider, ride):
    """Each poll asks what is due (ZRANGE); nobody asks whether the text may be
    sent (LINDEX) before it is its turn."""
    waiting_conversation(scene, redis, ride, 100)
    polls, looks = calls_of(redis, "zrange"), calls_of(redis, "lindex")
    wait_for(lambda: calls_of(redis, "zrange") >= polls + 5 * 64,
             what="five polls")
    assert calls_of(redis, "lindex") <= looks + 1
    assert len(provider.texts(scene.dan.phone)) == 31


def test_their_turn_comes_at_another_notifier(scene, redis, provider, start,
                                              ride):
    words = waiting_conversation(scene, redis, ride, 50)
    scene.notifier.kill()
    start("second", share=64)
    assert provider.texts(scene.dan.phone)[1:] == words[:30]
    redis.move(minutes=1)
    wait_texts(provider, 51, to=scene.dan.phone)
    assert provider.texts(scene.dan.phone)[1:] == words
    all_told(scene)


def test_an_outage_holds_nobody_back(scene, redis, provider, ride):
    """What waits for the provider, however much, does not count: it was due
    when it came."""
    provider.rule(scene.dan.phone, status=429)
    words = []
    for minute in range(11):
        for n in range(30):
            words.append(f"text {minute} {n}")
            assert scene.text(scene.ann.phone, ride["proxy"],
                              text=words[-1]) == "forwarded"
        redis.move(minutes=1, seconds=1)
    provider.heal()
    redis.move(minutes=6)
    wait_texts(provider, 331, to=scene.dan.phone, seconds=30)
    assert provider.texts(scene.dan.phone)[1:] == words
    all_told(scene)


def test_a_machine_that_answers_our_answers_comes_to_an_end(scene, redis,
                                                            provider, ride):
    """Ten an hour are told; the texts themselves are on record, each."""
    def lose(texts):
        for text in texts:
            scene.text(scene.ann.phone, ride["proxy"], text=text)
        wait_for(lambda: set(texts) <= set(provider.texts(scene.dan.phone)),
                 what="the texts")
        for text in texts:
            report(scene, reference_of(provider, text), "expired")
        all_told(scene)

    lose([f"Lost {n}" for n in range(12)])
    assert provider.texts(scene.ann.phone)[1:] == [UNDELIVERED] * 10
    assert len(story(scene, ride, "text.undelivered")) == 12
    redis.move(hours=1, seconds=1)
    lose(["Lost later"])
    assert provider.texts(scene.ann.phone)[1:] == [UNDELIVERED] * 11


def test_a_sender_who_was_erased_is_not_told(scene, provider, ride):
    """Nor does anything wait for ever that nobody can be sent."""
    scene.text(scene.ann.phone, ride["proxy"], text="Where are you?")
    wait_texts(provider, 2, to=scene.dan.phone)
    scene.done("ride-svc", "PERSON_ERASE", key="e", role="customer",
               id=scene.ann.id, end_rides=True)
    assert report(scene, reference_of(provider, "Where are you?"),
                  "delivery_failed") == "OK"
    all_told(scene)
    assert len(provider.texts(to=scene.ann.phone)) == 1
    assert story(scene, ride, "text.answered") == []
