"""Killed at every named crash point, and at random ones: what was answered
stands, what was not is done by the repeat, and nothing leaks."""
import os
import random

import pytest

from invariants import Store, check_invariants, settle
from paths import FAULTS
from poll import wait_for
from scene import HOUR

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
CREATE, END, EXTEND, PARTY = (
    [f for f in FAULTS if f.startswith(what)]
    for what in ("create.", "end.", "extend.", "party."))
STAYS = [f for f in PARTY if f != "party.replaced"]
RETRY = {"store_away", "service_away", "busy", "late"}


@pytest.fixture
def world(file_world):
    """As all bus tests have it, with the first copy of each alive again and
    no other."""
    for daemon in list(file_world.daemons):
        if not daemon.instance.endswith("-1"):
            daemon.stop(at_once=True)
        elif daemon.bus is None:
            file_world.start(daemon.service, daemon.instance)
    file_world.reset()
    return file_world


@pytest.fixture
def pair(scene):
    scene.numbers(1)
    return scene.customer(), scene.driver()


def crash(world, fault, name, body, **settings):
    """A ride-svc of its own runs into the fault; the name of the one that
    died."""
    victim = world.start("ride-svc", "victim", **settings)
    world.wait_sees(victim, "pool-svc")
    victim.arm(fault)
    victim.bus.begin(name, body)
    assert victim.wait_dead() == -9, "it did not come by that point"
    return victim


def repeat(world, who, name, body, **settings):
    """As a client does, at another copy or at the one that is back."""
    daemon = world.living("ride-svc")[0] if who == "another copy" \
        else world.start("ride-svc", "victim", **settings)
    world.wait_sees(daemon, "pool-svc")
    reply, message = daemon.bus.ask(name, body)
    assert reply != "PROBLEM", message
    if who != "another copy":
        daemon.kill()
    return message


WHO = pytest.mark.parametrize("who", ["another copy", "itself"])


def test_every_crash_point_is_walked():
    """Those of the notifier stand in test_notifiers.py, those of deploy/keys
    in test_keys_seal.py and test_keys_lookup.py."""
    walked = {*CREATE, *END, *EXTEND, *PARTY, "receive.stored"}
    assert walked == {f for f in FAULTS
                      if not f.startswith(("send.", "report.", "erase.",
                                           "seal.", "lookup."))}


@pytest.mark.parametrize("late, who", [(False, "itself"),
                                       (True, "another copy")])
@pytest.mark.parametrize("fault", CREATE)
def test_a_create_is_repeated(world, scene, redis, pair, fault, late, who):
    request = scene.request(*pair)
    crash(world, fault, "RIDE_CREATE", request)
    check_invariants(redis, settled=False)
    if late:
        redis.move(minutes=2, seconds=1)
    ride = repeat(world, who, "RIDE_CREATE", request)
    store = settle(scene)
    assert list(store.rides) == [ride["id"]]
    assert scene.uses() == {ride["proxy"]: 1}
    assert len(scene.outbox()) == 2
    assert scene.call(pair[0].phone, ride["proxy"]) == pair[1].phone


@pytest.mark.parametrize("fault", CREATE)
def test_a_create_is_not_repeated(world, scene, redis, pair, fault):
    """Either nothing is left after two minutes, or the ride stands."""
    crash(world, fault, "RIDE_CREATE", scene.request(*pair))
    redis.move(minutes=2, seconds=1)
    store = settle(scene)
    made = fault in ("create.committed", "create.confirmed")
    assert len(store.rides) == len(scene.outbox()) / 2 == made
    assert list(scene.uses().values()) == [int(made)]
    if made:
        assert scene.refused("ride-svc", "RIDE_CREATE",
                             **scene.request(*pair))[0] == "no_number"
    else:
        scene.ride(*pair)


@WHO
@pytest.mark.parametrize("fault", END)
def test_an_end_is_repeated(world, scene, redis, pair, fault, who):
    short = {"GRACE_HOURS": "0", "COOLDOWN_HOURS": "0"}
    ride = scene.ride(*pair)
    body = {"id": ride["id"]}
    crash(world, fault, "RIDE_END", body, **short)
    ended = repeat(world, who, "RIDE_END", body, **short)
    assert ended["state"] == "closed"
    assert scene.uses() == {ride["proxy"]: 0}, "free as soon as answered"
    settle(scene)


@pytest.mark.parametrize("fault", END)
def test_an_end_is_not_repeated(world, scene, redis, pair, fault):
    ride = scene.ride(*pair)
    crash(world, fault, "RIDE_END", {"id": ride["id"]},
          GRACE_HOURS="0", COOLDOWN_HOURS="0")
    settle(scene)
    assert scene.get(ride)["state"] == "closed"
    assert scene.uses() == {ride["proxy"]: 0}


@WHO
@pytest.mark.parametrize("fault", EXTEND)
def test_an_extension_is_repeated(world, scene, redis, pair, fault, who):
    ride = scene.ride(*pair)
    body = {"id": ride["id"], "ends": ride["ends"] + 9 * HOUR}
    crash(world, fault, "RIDE_EXTEND", body)
    check_invariants(redis, settled=False)
    assert repeat(world, who, "RIDE_EXTEND", body)["ends"] == body["ends"]
    settle(scene)


@pytest.mark.parametrize("fault", EXTEND)
def test_an_extension_is_not_repeated(world, scene, redis, pair, fault):
    """The hold comes to what the ride says."""
    ride = scene.ride(*pair)
    settle(scene)
    crash(world, fault, "RIDE_EXTEND",
          {"id": ride["id"], "ends": ride["ends"] + 9 * HOUR})
    assert min(Store(redis).hold(ride["id"])) > ride["closed"] + 9 * HOUR
    store = settle(scene)
    longer = 9 * HOUR if fault == "extend.written" else 0
    assert scene.get(ride)["ends"] == ride["ends"] + longer
    assert store.hold(ride["id"]) == [ride["closed"] + longer + 60_000] * 3


@WHO
@pytest.mark.parametrize("fault", END)
def test_a_cancel_is_repeated(world, scene, redis, pair, fault, who):
    ride = scene.ride(*pair)
    body = {"id": ride["id"]}
    crash(world, fault, "RIDE_CANCEL", body)
    cancelled = repeat(world, who, "RIDE_CANCEL", body)
    assert cancelled["state"] == "closed"
    assert scene.get(ride) == cancelled
    settle(scene)


@WHO
@pytest.mark.parametrize("fault", EXTEND)
def test_a_reopening_is_repeated(world, scene, redis, pair, fault, who):
    ride = scene.ride(*pair)
    scene.end(ride)
    body = {"id": ride["id"], "ends": redis.now_ms() + 40 * HOUR}
    crash(world, fault, "RIDE_REOPEN", body)
    check_invariants(redis, settled=False)
    reopened = repeat(world, who, "RIDE_REOPEN", body)
    assert (reopened["state"], reopened["ends"]) == ("live", body["ends"])
    settle(scene)


@pytest.mark.parametrize("fault", EXTEND)
def test_a_reopening_is_not_repeated(world, scene, redis, pair, fault):
    """The hold comes to what the ride says."""
    ride = scene.ride(*pair)
    ended = scene.end(ride)
    ends = redis.now_ms() + 40 * HOUR
    crash(world, fault, "RIDE_REOPEN", {"id": ride["id"], "ends": ends})
    store = settle(scene)
    now = scene.get(ride)
    assert now["ends"] == (ends if fault == "extend.written"
                           else ended["ends"])
    assert store.hold(ride["id"]) == [now["closed"] + 60_000] * 3


def long_holds(redis, ride):
    """Whose hold on its number outlasts a cool-down that began now."""
    return {key.decode().rsplit(":", 1)[1]
            for key in redis.client.keys("pool:*:held:*")
            if (redis.client.zscore(key, ride["proxy"]) or 0)
            > redis.now_ms() + 25 * HOUR}


@WHO
@pytest.mark.parametrize("fault", STAYS)
def test_a_change_of_driver_is_repeated(world, scene, redis, pair, fault, who):
    ride = scene.ride(*pair)
    settle(scene)
    new = scene.driver()
    body = {"id": ride["id"], "driver": new.id}
    crash(world, fault, "RIDE_PARTY", body)
    check_invariants(redis, settled=False)
    changed = repeat(world, who, "RIDE_PARTY", body)
    assert (changed["id"], changed["driver"]) == (ride["id"], new.id)
    store = settle(scene)
    redis.move(minutes=2)
    assert scene.uses() == {ride["proxy"]: 1}
    assert store.hold(ride["id"]) == [ride["closed"] + 60_000] * 3
    assert scene.call(pair[0].phone, ride["proxy"]) == new.phone
    assert len(scene.outbox()) == 5, "a notice each, once"


@pytest.mark.parametrize("fault", STAYS)
def test_a_change_of_driver_is_not_repeated(world, scene, redis, pair, fault):
    """It is done, or nothing is left of it after two minutes."""
    ride = scene.ride(*pair)
    settle(scene)
    new = scene.driver()
    crash(world, fault, "RIDE_PARTY", {"id": ride["id"], "driver": new.id})
    redis.move(minutes=2, seconds=1)
    store = settle(scene)
    done = fault != "party.claimed"
    assert scene.get(ride)["driver"] == (new if done else pair[1]).id
    assert store.hold(ride["id"]) == [ride["closed"] + 60_000] * 3
    assert scene.uses() == {ride["proxy"]: 1}
    record = store.rides[ride["id"]]
    assert long_holds(redis, ride) == {record["customer_key"],
                                       record["driver_key"]}


def test_a_change_that_something_came_between(world, scene, redis, pair):
    """The claim that it had holds the number for who comes, and is not in their
    way."""
    ride, new = scene.ride(*pair), scene.driver()
    settle(scene)
    body = {"id": ride["id"], "driver": new.id}
    crash(world, "party.claimed", "RIDE_PARTY", body)
    longer = scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"],
                        ends=ride["ends"] + HOUR)
    changed = scene.done("ride-svc", "RIDE_PARTY", **body)
    assert (changed["id"], changed["driver"]) == (ride["id"], new.id)
    assert settle(scene).hold(ride["id"]) == [longer["closed"] + 60_000] * 3


@WHO
def test_a_ride_in_place_of_another_is_made_once(world, scene, redis, pair,
                                                 who):
    ride, new = scene.ride(*pair), scene.driver()
    scene.ride(scene.customer(), new)
    other = scene.number()
    settle(scene)
    body = {"id": ride["id"], "driver": new.id}
    crash(world, "party.replaced", "RIDE_PARTY", body)
    check_invariants(redis, settled=False)
    going = repeat(world, who, "RIDE_PARTY", body)
    assert (going["proxy"], going["driver"]) == (other, new.id)
    store = settle(scene)
    assert len(store.rides) == 3
    assert scene.get(ride)["next"] == going["id"]
    assert scene.get(ride)["state"] == "closed"


def test_what_a_change_owes_is_settled_before_the_next(world, scene, redis,
                                                       pair):
    """Else who left first would hold the number as long as the ride does."""
    ride = scene.ride(*pair)
    settle(scene)
    second, third = scene.driver(), scene.driver()
    crash(world, "party.written", "RIDE_PARTY", {"id": ride["id"],
                                                 "driver": second.id})
    changed = scene.done("ride-svc", "RIDE_PARTY", id=ride["id"],
                         driver=third.id)
    assert (changed["id"], changed["driver"]) == (ride["id"], third.id)
    record = settle(scene).rides[ride["id"]]
    assert long_holds(redis, ride) == {record["customer_key"],
                                       record["driver_key"]}


def test_a_ride_in_place_of_another_that_was_not_over_yet(world, scene, redis,
                                                          pair):
    """Nobody repeats it: the duty of the one that goes on ends the other."""
    ride, new = scene.ride(*pair), scene.driver()
    scene.ride(scene.customer(), new)
    other = scene.number()
    settle(scene)
    crash(world, "party.replaced", "RIDE_PARTY", {"id": ride["id"],
                                                  "driver": new.id})
    settle(scene)
    settle(scene)
    old = scene.get(ride)
    assert old["state"] == "closed"
    going = scene.get({"id": old["next"]})
    assert (going["proxy"], going["state"]) == (other, "live")
    assert scene.call(pair[0].phone, other) == new.phone
    scene.done("ride-svc", "RIDE_EXTEND", id=going["id"],
               ends=going["ends"] + HOUR)
    settle(scene)


@pytest.mark.parametrize("order", ["end", "cancel", "another", "longer"])
def test_a_change_that_was_begun_and_then_ordered_otherwise(
        world, scene, redis, pair, order):
    """What the operator ordered since stands; the ride that was to go on in
    place of the other is over, too."""
    ann, dan = pair
    ride, new, third = scene.ride(ann, dan), scene.driver(), scene.driver()
    scene.ride(scene.customer(), new)
    other = scene.number()
    settle(scene)
    crash(world, "party.replaced", "RIDE_PARTY", {"id": ride["id"],
                                                  "driver": new.id})
    if order == "another":
        scene.done("ride-svc", "RIDE_PARTY", id=ride["id"], driver=third.id)
    elif order == "longer":
        scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"],
                   ends=ride["ends"] + HOUR)
    else:
        scene.done("ride-svc", f"RIDE_{order.upper()}", id=ride["id"])
    for _ in range(3):
        settle(scene)
    begun, = (r for r in scene.done("ride-svc", "RIDE_LIST",
                                    limit=9)["rides"] if r["proxy"] == other)
    assert begun["state"] == "closed"
    assert scene.call(ann.phone, other) not in (new.phone, dan.phone)
    assert not scene.get(ride)["next"]
    if order in ("another", "longer"):
        assert scene.get(ride)["state"] == "live"
        assert scene.call(ann.phone, ride["proxy"]) == (
            third if order == "another" else dan).phone


@WHO
def test_a_text_is_repeated(world, scene, pair, who):
    ride = scene.ride(*pair)
    text = scene.text_from(pair[0].phone, ride["proxy"], jti="j1")
    crash(world, "receive.stored", "SMS_RECEIVED", text)
    assert len(scene.texts()) == 1, "on disk before any answer"
    assert repeat(world, who, "SMS_RECEIVED", text)["fate"] == "repeat"
    assert len(scene.texts()) == 1


def test_the_store_is_restarted(world, scene, redis, pair):
    """Everything is still there, and the daemons come back by themselves."""
    ride = scene.ride(*pair)
    settle(scene)
    redis.kill()
    name, problem = scene.ask("ride-svc", "RIDE_GET", id=ride["id"])
    assert (name, problem["code"]) == ("PROBLEM", "store_away")
    redis.start()
    wait_for(lambda: scene.ask("ride-svc", "RIDE_GET",
                               id=ride["id"])[0] == "RIDE",
             what="ride-svc back")
    assert scene.get(ride) == ride
    assert scene.text(pair[0].phone, ride["proxy"]) == "forwarded"
    wait_for(lambda: scene.ask("voice-svc", "CALL_RECEIVED", **{
        "from": pair[0].phone, "to": ride["proxy"]})[0] == "CALL_FLOW",
        what="voice-svc back")
    assert scene.end(ride)["state"] == "grace"
    settle(scene)


def test_an_emptied_store_heals(world, scene, redis):
    """Somebody's FLUSHALL and SCRIPT FLUSH: what follows works."""
    scene.number()
    scene.ride(scene.customer(), scene.driver())
    settle(scene)  # or its confirmation would come into the emptied store
    redis.client.flushall()
    redis.client.script_flush()
    scene.number()
    scene.ride(scene.customer(), scene.driver())
    check_invariants(redis, settled=False)


# ---- at random ----

def ask_until_answered(world, random_, requests):
    """As clients do: again, with the same key, at another copy, until there
    is an answer that stands."""
    answers = {}
    for _ in range(60):
        left = [r for r in range(len(requests)) if r not in answers]
        if not left:
            return answers
        bus = random_.choice(world.living("ride-svc")).connect()
        take(bus, [(r, requests[r]) for r in left], answers, len(left))
        bus.close()
    raise AssertionError("60 repeats without an answer")


def take(bus, requests, answers, most):
    """Sends all, and takes `most` answers, if as many come."""
    ids = {bus.begin(*request, ms=1500): r for r, request in requests}
    for i, (reply, body) in bus.collect(ids, 1600, most).items():
        if reply != "PROBLEM" or body["code"] not in RETRY:
            answers[ids[i]] = (reply, body)


def kill_one(world, random_):
    victim = random_.choice([world.redis, *world.living("ride-svc"),
                             *world.living("pool-svc")])
    victim.kill()
    if victim is world.redis:
        victim.start()
    else:
        world.start(victim.service, victim.instance)


SEEDS = range(25 if os.environ.get("BIRDCAR_LONG") else 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_kills_at_random(world, scene, redis, seed):
    """kill -9 of any process, the store too, while rides are made, extended
    and ended: every answer that was given holds."""
    random_ = random.Random(seed)
    for service in ("ride-svc", "pool-svc"):
        world.start(service, f"{service}-2")
    scene.numbers(4)
    customers = [scene.customer() for _ in range(9)]
    drivers = [scene.driver() for _ in range(5)]
    live, made = [], {}
    for _ in range(6):
        requests = [("RIDE_CREATE", scene.request(random_.choice(customers),
                                                  random_.choice(drivers)))
                    for _ in range(12)]
        ending = [live.pop() for _ in range(len(live) // 2)]
        requests += [("RIDE_END", {"id": ride["id"]}) for ride in ending]
        requests += [("RIDE_EXTEND", {
            "id": ride["id"], "ends": made[ride["id"]]["ends"] + HOUR})
            for ride in live]
        random_.shuffle(requests)
        answers = {}
        bus = random_.choice(world.living("ride-svc")).connect()
        take(bus, list(enumerate(requests)), answers, random_.randrange(12))
        kill_one(world, random_)
        bus.close()
        first = dict(answers)
        answers = ask_until_answered(world, random_, requests)
        for r, (name, body) in answers.items():
            what, request = requests[r]
            if r in first and first[r][0] == "RIDE":
                assert name == "RIDE" and body["id"] == first[r][1]["id"], \
                    "an answer that was given was taken back"
            if what != "RIDE_CREATE":
                assert name == "RIDE", f"{what}: {body}"
                made[body["id"]] = body
            elif name == "RIDE":
                made[body["id"]] = body
                live.append(body)
            else:
                assert body["code"] == "no_number"
        check_invariants(redis, settled=False)
    store = settle(scene)
    assert set(store.rides) == set(made)
    assert len(scene.outbox()) == 2 * len(made), "a notice each, once"
