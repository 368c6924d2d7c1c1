"""What a pool has of its own: words, a language, and what its numbers can."""
import pytest

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
CLOSED = "This ride is over, so we can no longer connect you."
ANSWER = "This ride is over, so your message was not delivered."
DUTCH = {"closed_answer": "Deze rit is voorbij.", "reanswer": True,
         "closed_caller": "Deze rit is voorbij, tot ziens.", "recaller": True,
         "language": "nl-NL", "relanguage": True}


@pytest.fixture
def pair(scene):
    return scene.customer(), scene.driver()


def edit(scene, **more):
    return scene.done("pool-svc", "POOL_EDIT", name="default", **more)


def closed_ride(scene, redis, pair):
    ride = scene.ride(*pair)
    scene.end(ride)
    redis.move(hours=24, seconds=1)
    return ride


def heard(scene, person, ride):
    flow = scene.done("voice-svc", "CALL_RECEIVED",
                      **{"from": person.phone, "to": ride["proxy"]})
    return flow["words"], flow["language"]


def answered(scene, person, ride):
    assert scene.text(person.phone, ride["proxy"]) == "closed"
    return [text for _, text in scene.texts("a")]


def test_a_closed_ride_in_its_words(scene, redis, pair):
    scene.number()
    told = edit(scene, **DUTCH)
    assert {k: told[k] for k in ("closed_answer", "closed_caller",
                                 "language")} == {
        k: DUTCH[k] for k in ("closed_answer", "closed_caller", "language")}
    ride = closed_ride(scene, redis, pair)
    # A ride says what its pool said when it was made.
    edit(scene, closed_answer="", reanswer=True, closed_caller="Over.",
         recaller=True, language="", relanguage=True)
    for person in pair:
        assert heard(scene, person, ride) == (DUTCH["closed_caller"], "nl-NL")
    assert answered(scene, pair[0], ride) == [DUTCH["closed_answer"]]


def test_a_closed_ride_without_any(scene, redis, pair):
    """The language is of the pool's own words: these are not."""
    scene.number()
    edit(scene, language="nl-NL", relanguage=True)
    ride = closed_ride(scene, redis, pair)
    assert heard(scene, pair[1], ride) == (CLOSED, "en-GB")
    assert answered(scene, pair[1], ride) == [ANSWER]


def test_an_answer_switched_off(scene, redis, pair):
    scene.number()
    edit(scene, closed_answer="none", reanswer=True)
    ride = closed_ride(scene, redis, pair)
    assert answered(scene, pair[0], ride) == []


def test_an_answer_that_a_pool_has_where_none_is_set(world, scene, redis,
                                                     pair):
    scene.number()
    edit(scene, **DUTCH)
    ride = closed_ride(scene, redis, pair)
    silent = world.start("ride-svc", "silent", CLOSED_ANSWER="none")
    text = scene.text_from(pair[0].phone, ride["proxy"])
    assert silent.bus.ask("SMS_RECEIVED", text)[1]["fate"] == "closed"
    assert [text for _, text in scene.texts("a")] == [DUTCH["closed_answer"]]
    silent.stop(at_once=True)


@pytest.mark.parametrize("field, flag, value, code", [
    ("closed_answer", "reanswer", "x" * 501, "too_long"),
    ("closed_answer", "reanswer", "a\nb", "invalid"),
    ("closed_answer", "reanswer", "\U0001f44b" * 400, "sms_too_long"),
    ("closed_caller", "recaller", "none", "invalid"),
    ("closed_caller", "recaller", "x" * 501, "too_long"),
    ("language", "relanguage", "none", "invalid"),
    *[("language", "relanguage", tag, "invalid")
      for tag in ("n", "n1", "nl_NL", "nl-", "-NL", "nl-N", "nlnl",
                  "nl-NL-aaaaaaaaa", "nl-NL\" x=\"", "aa-bbbbbbbb-cccccc")]])
def test_what_cannot_be_set(scene, field, flag, value, code):
    scene.number()
    before = edit(scene)
    assert scene.refused("pool-svc", "POOL_EDIT", name="default",
                         **{field: value, flag: True}) == (code, field)
    assert edit(scene) == before


# ---- what its numbers can ----

def pool_for(scene, *capabilities):
    scene.done("pool-svc", "POOL_ADD", name="one", prefixes=[],
               capabilities=list(capabilities))
    scene.done("pool-svc", "NUMBER_ADD", phone=next(scene.proxies),
               pool="one", capabilities=list(capabilities))


@pytest.mark.parametrize("channel, other", [("sms", "voice"),
                                            ("voice", "sms")])
def test_rides_do_what_their_pool_can(scene, pair, channel, other):
    pool_for(scene, channel)
    held = scene.uses()
    name, problem = scene.ask("ride-svc", "RIDE_CREATE", **scene.request(
        *pair, pool="one", channels=[other]))
    assert (name, problem["code"], problem["field"]) == (
        "PROBLEM", "lacks_channel", "channels")
    assert scene.uses() == held, "the number was given back"
    ride = scene.ride(*pair, pool="one", key="again")
    assert ride["channels"] == channel
    # A repeat that finds the ride is no other content.
    assert scene.ride(*pair, pool="one", key="again") == ride
    if channel == "voice":
        assert scene.outbox() == [], "its numbers cannot write"
        assert scene.text(pair[0].phone, ride["proxy"]) == "no_texts"
        assert scene.outbox() == []
        assert scene.call(pair[0].phone, ride["proxy"]) == pair[1].phone
    else:
        assert len(scene.outbox()) == 2
        assert scene.text(pair[0].phone, ride["proxy"]) == "forwarded"
        assert "text messages only" in scene.call(pair[0].phone,
                                                  ride["proxy"])


def test_both_is_more_than_a_pool_for_one_can(scene, pair):
    pool_for(scene, "sms")
    name, problem = scene.ask("ride-svc", "RIDE_CREATE", **scene.request(
        *pair, pool="one", channels=["sms", "voice"]))
    assert (name, problem["code"]) == ("PROBLEM", "lacks_channel")


def test_nothing_is_sent_from_a_number_for_calls(world, scene, pair):
    """Not when the driver changes, nor when the ride is cancelled."""
    loud = world.start("ride-svc", "loud", CANCEL_NOTICE="cancelled")
    pool_for(scene, "voice")
    ride, new = scene.ride(*pair, by=loud, pool="one"), scene.driver()
    changed = loud.bus.ask("RIDE_PARTY", {"id": ride["id"],
                                          "driver": new.id})[1]
    assert (changed["id"], changed["driver"]) == (ride["id"], new.id)
    assert loud.bus.ask("RIDE_CANCEL", {"id": ride["id"]})[0] == "RIDE"
    assert scene.outbox() == []
    loud.stop(at_once=True)


@pytest.mark.parametrize("asked", ["", "voice"])
def test_another_pool_decides_anew(scene, pair, asked):
    """The next ride of a change of customer is for what its own pool can,
    unless a channel was asked for."""
    pool_for(scene, "voice")
    scene.done("pool-svc", "POOL_EDIT", name="one", reprefix=True,
               prefixes=["4477009000"])
    scene.number(pool=scene.pool("both", "1")["name"])
    ride = scene.ride(*pair, channels=[asked] if asked else [])
    other = scene.customer(phone="12015550123")
    assert ride["channels"] == "voice"
    busy = scene.ride(other, scene.driver(), pool="one")
    assert busy["proxy"] == ride["proxy"]
    going = scene.done("ride-svc", "RIDE_PARTY", id=ride["id"],
                       customer=other.id)
    assert (going["pool"], going["channels"]) == ("both", asked)


def test_a_pool_for_both_takes_any(scene, pair):
    scene.number()
    assert scene.ride(*pair, channels=["voice"])["channels"] == "voice"
