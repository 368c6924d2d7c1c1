"""From a text that comes in to one that leaves: ride-svc and the notifier
together, with a provider that fails as it is told. What a ride's life means for
texts that wait, and how many may."""
import pytest

from invariants import Store, check_invariants, settle
from outbox import dead_letters
from poll import wait_for
from scene import HOUR

SERVICES = ["ride-svc", "pool-svc"]
MOST_WAITING = 100_000


@pytest.fixture
def short(file_world):
    """A ride-svc without grace and cool-down."""
    daemon = file_world.start("ride-svc", "short", GRACE_HOURS="0",
                              COOLDOWN_HOURS="0")
    file_world.wait_sees(daemon, "pool-svc")
    yield daemon
    daemon.terminate()


@pytest.fixture
def people(scene):
    return scene.customer(), scene.driver()


class WayOut:
    """What one partition has to send."""

    def __init__(self, redis, ride):
        self.redis = redis
        self.client = redis.client
        self.tag = f"{{{int(ride['id'][:2])}}}"

    @property
    def counter(self):
        """As ride-svc and the notifier count what waits."""
        return int(self.client.get(f"waiting:{self.tag}") or 0)

    def set_counter(self, count):
        self.client.set(f"waiting:{self.tag}", count)

    def parked(self):
        return sum(self.client.llen(key) for key in
                   self.client.keys(f"parked:{self.tag}:*"))

    def waiting(self):
        """As they stand there."""
        return self.client.xlen(f"outbox:{self.tag}") + self.parked()

    def dead(self):
        """(role, reason) of the dead letters."""
        return [(letter["role"], letter["reason"]) for letter
                in dead_letters(self.client, self.tag[1:-1])]

    def wait_put_off(self, count):
        """So many wait, after one at least was tried, and none is under way.
        The rest is parked behind it, or held back with the whole account."""
        wait_for(lambda: self.parked() > 0 and self.waiting() == count
                 and not self.client.exists(f"sending:{self.tag}"),
                 what=f"{count} texts put off")

    def wait_empty(self):
        """Whatever is put off is due at once."""
        wait_for(self._empty, 20, "an empty outbox")

    def _empty(self):
        now = self.redis.now_ms()
        dues = [due for _, due in self.client.zrange(
            f"parked:{self.tag}", 0, -1, withscores=True)]
        if dues and min(dues) > now:
            self.redis.move(ms=min(dues) - now)
        return self.waiting() == 0


# ---- a ride's life, and texts that wait ----

@pytest.mark.parametrize("fault", [{"status": 429}, {"cut": True,
                                                     "take": False}],
                         ids=["put off", "in doubt"])
def test_what_waits_is_never_sent_after_its_ride(
        scene, redis, people, short, provider, notifier, fault):
    """Not to whom it was meant for either: he is in another ride by then, on
    the same number."""
    number, (ann, dan) = scene.number(), people
    first = scene.ride(ann, dan, by=short)
    way = WayOut(redis, first)
    way.wait_empty()
    provider.rule(dan.phone, **fault)
    for text in ("Where are you?", "Hello?"):
        assert scene.text(ann.phone, number, text=text) == "forwarded"
    way.wait_put_off(2)
    assert short.bus.ask("RIDE_END", {"id": first["id"]})[0] == "RIDE"
    second = scene.ride(scene.customer(), dan, by=short)
    assert second["proxy"] == number, "the number was free at once"
    provider.heal()
    way.wait_empty()
    assert way.dead() == [("driver", "ride_over")] * 2
    texts = provider.texts(dan.phone)
    assert len(texts) == 2 and not {"Where are you?", "Hello?"} & set(texts)
    assert way.counter == 0


def test_what_waits_is_sent_when_its_ride_was_extended(
        scene, redis, people, short, provider, notifier):
    """The end that the ride had when the text came in is not the last word."""
    number, (ann, dan) = scene.number(), people
    ride = scene.ride(ann, dan, by=short, ends=redis.now_ms() + HOUR)
    way = WayOut(redis, ride)
    way.wait_empty()
    provider.rule(dan.phone, status=429)
    assert scene.text(ann.phone, number, text="Wait!") == "forwarded"
    way.wait_put_off(1)
    extend = {"id": ride["id"], "ends": ride["ends"] + 5 * HOUR}
    assert short.bus.ask("RIDE_EXTEND", extend)[0] == "RIDE"
    redis.move(hours=1, minutes=10)
    provider.heal()
    way.wait_empty()
    assert provider.texts(dan.phone)[1:] == ["Wait!"]
    assert way.dead() == [] and way.counter == 0


def test_what_waits_for_who_left_reaches_nobody(
        scene, redis, people, provider, notifier):
    """It was written to the one, and is not for the other; its sender hears
    so."""
    number, (ann, dan) = scene.number(), people
    ride = scene.ride(ann, dan)
    way = WayOut(redis, ride)
    way.wait_empty()
    provider.rule(dan.phone, status=429)
    assert scene.text(ann.phone, number, text="Only for Dan") == "forwarded"
    way.wait_put_off(1)
    new = scene.driver()
    changed = scene.done("ride-svc", "RIDE_PARTY", id=ride["id"],
                         driver=new.id)
    assert changed["proxy"] == number
    provider.heal()
    way.wait_empty()
    assert way.dead() == [("driver", "ride_over")]
    letter, = notifier.bus.ask("LETTER_LIST", {"limit": 9})[1]["letters"]
    assert not letter["sendable"]
    again = notifier.bus.ask("LETTER_RESEND",
                             {"reference": letter["reference"]})
    assert again[1].get("done") in (None, 0)
    wait_for(lambda: "Your last message could not be delivered."
             in provider.texts(ann.phone), what="the sender told")
    way.wait_empty()
    assert "Only for Dan" not in provider.texts(new.phone)
    assert provider.texts(dan.phone)[1:] == [
        "The ride at next Friday at ten is no longer yours."]
    assert provider.texts(new.phone) == [
        f"{ann.name} will wait for you at next Friday at ten. "
        "Reply to this message to contact the customer."]
    assert way.counter == 0


# ---- how much may wait ----

def snapshot(redis):
    """All that stands in the store; what daemons say of themselves aside."""
    return {key: redis.client.dump(key) for key in redis.client.keys("*")
            if not key.startswith((b"service:", b"lease:", b"epoch:"))}


@pytest.mark.parametrize("waiting, taken", [
    (MOST_WAITING - 1, True), (MOST_WAITING, False),
    (MOST_WAITING + 5, False)])
def test_a_text_that_finds_the_outbox_full(scene, redis, people, waiting,
                                           taken):
    """It is refused, and is no repeat when it comes again."""
    number, (ann, dan) = scene.number(), people
    way = WayOut(redis, scene.ride(ann, dan))
    text = scene.text_from(ann.phone, number, jti="j1")
    settle(scene)
    way.set_counter(waiting)
    before = snapshot(redis)
    if not taken:
        assert scene.refused("ride-svc", "SMS_RECEIVED", **text) == ("busy",
                                                                     "")
        assert snapshot(redis) == before
        way.set_counter(MOST_WAITING - 1)
    assert scene.done("ride-svc", "SMS_RECEIVED", **text)["fate"] == \
        "forwarded"
    assert way.counter == MOST_WAITING
    assert scene.texts() == [(dan.phone, "Where are you?")]


@pytest.mark.parametrize("sender", ["447700900499", None],
                         ids=["stranger", "repeat"])
def test_what_is_not_forwarded_needs_no_room(scene, redis, people, sender):
    number, (ann, dan) = scene.number(), people
    way = WayOut(redis, scene.ride(ann, dan))
    text = scene.text_from(sender or ann.phone, number)
    if sender is None:
        scene.done("ride-svc", "SMS_RECEIVED", **text)
    way.set_counter(MOST_WAITING)
    assert scene.done("ride-svc", "SMS_RECEIVED", **text)["fate"] in (
        "stranger", "repeat")
    assert way.counter == MOST_WAITING


@pytest.mark.parametrize("waiting, made", [
    (MOST_WAITING - 2, True), (MOST_WAITING - 1, False),
    (MOST_WAITING, False)])
def test_a_create_that_finds_the_outbox_full(scene, redis, people, waiting,
                                             made):
    """Both notices have room, or there is no ride; and the same request makes
    it when there is."""
    number = scene.number()
    way = WayOut(redis, scene.ride(*people))
    request = scene.request(scene.customer(), scene.driver())
    way.set_counter(waiting)
    notices = len(scene.outbox())
    if not made:
        before = Store(redis)
        assert scene.refused("ride-svc", "RIDE_CREATE", **request) == ("busy",
                                                                       "")
        after = Store(redis)
        assert (after.rides, after.routes) == (before.rides, before.routes)
        assert len(scene.outbox()) == notices and way.counter == waiting
        assert scene.uses() == {number: 1}, "its claim was given back"
        way.set_counter(MOST_WAITING - 2)
    assert scene.done("ride-svc", "RIDE_CREATE", **request)["proxy"] == number
    assert way.counter == MOST_WAITING
    assert len(scene.outbox()) == notices + 2


def test_the_counter_follows_what_waits(scene, redis, people, provider,
                                        notifier):
    """Through sending, back-off, doubt, retries and dead letters; a repeat and
    a stranger count for nothing."""
    number, (ann, dan) = scene.number(), people
    provider.rule(status=429)
    way = WayOut(redis, scene.ride(ann, dan))
    way.wait_put_off(2)
    assert way.counter == 2
    repeated = scene.text_from(ann.phone, number)
    for _ in range(2):
        scene.done("ride-svc", "SMS_RECEIVED", **repeated)
    scene.text("447700900499", number)
    for sender in (ann, dan, dan):
        scene.text(sender.phone, number)
    way.wait_put_off(6)
    assert way.counter == 6
    tries = len(provider.posts)
    redis.move(seconds=10)
    wait_for(lambda: len(provider.posts) > tries, what="a retry")
    way.wait_put_off(6)
    assert way.counter == 6, "a retry is no other text"
    provider.rule(dan.phone, status=422, times=1)
    provider.rule(ann.phone, cut=True, take=True, times=1)
    provider.rule()
    way.wait_empty()
    assert way.counter == 0
    assert way.dead() == [("driver", "refused")]
    assert len(provider.texts()) == 5
    scene.text(ann.phone, number)
    way.wait_empty()
    assert way.counter == 0
    check_invariants(redis, settled=False)


def test_the_counter_ends_at_nothing_when_texts_grow_too_old(
        scene, redis, people, provider, notifier):
    number, (ann, dan) = scene.number(), people
    provider.rule(status=429)
    way = WayOut(redis, scene.ride(ann, dan))
    scene.text(ann.phone, number)
    way.wait_put_off(3)
    redis.move(hours=4, seconds=1)
    way.wait_empty()
    assert [reason for _, reason in way.dead()] == ["too_old"] * 3
    assert way.counter == 0


# ---- a proxy number that the provider does not take as a sender ----

NOT_OURS = {"status": 422, "errors": [
    {"code": 9, "description": "originator is invalid",
     "parameter": "originator"}]}


def state_of(scene, phone):
    return scene.done("pool-svc", "NUMBER_GET", phone=phone)["state"]


def test_refused_three_times_in_a_row_it_is_set_aside(
        scene, people, notifier, provider):
    ann, dan = people
    phone = scene.number()
    provider.rule(**NOT_OURS)
    ride = scene.ride(ann, dan)  # with two notices
    wait_for(lambda: notifier.metric("send_failures_total") == 2,
             what="two refused")
    assert state_of(scene, phone) == "active"
    provider.heal()
    assert scene.text(ann.phone, ride["proxy"], text="0") == "forwarded"
    wait_for(lambda: provider.texts() == ["0"], what="one taken")
    provider.rule(**NOT_OURS)
    for n in (1, 2):
        scene.text(ann.phone, ride["proxy"], text=f"{n}")
    wait_for(lambda: notifier.metric("send_failures_total") == 4,
             what="two more, not in a row with the others")
    assert state_of(scene, phone) == "active"
    scene.text(ann.phone, ride["proxy"], text="3")
    wait_for(lambda: state_of(scene, phone) == "set_aside", what="set aside")
    pool = scene.daemon("pool-svc")
    assert pool.metric("numbers_set_aside_total") == 1
    assert "number.set_aside" in pool.log() and phone not in pool.log()
    other = scene.number()
    assert scene.ride(scene.customer(), scene.driver())["proxy"] == other
    scene.text(ann.phone, ride["proxy"], text="4")
    provider.heal()
    scene.done("pool-svc", "NUMBER_EDIT", phone=phone, state="active")
    assert scene.text(dan.phone, ride["proxy"], text="5") == "forwarded"
    wait_for(lambda: "5" in provider.texts(), what="texts again")
    assert state_of(scene, phone) == "active"


def test_one_that_drains_is_not_set_aside(scene):
    phone = scene.number()
    scene.done("pool-svc", "NUMBER_EDIT", phone=phone, state="draining")
    scene.done("pool-svc", "NUMBER_SET_ASIDE", phone=phone)
    assert state_of(scene, phone) == "draining"
