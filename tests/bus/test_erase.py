"""What is kept of a person: shown, and erased everywhere, whatever dies
meanwhile."""
import json
from dataclasses import replace

import msgpack
import pytest

from paths import FAULTS
from poll import wait_for
from scene import HOUR, MINUTE, Person

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
STEPS = [f for f in FAULTS if f.startswith("erase.")]
WORDS = "the words of Ann"
OTHERS = "the words of Dan"
COUNTS = {"people": 0, "rides": 0, "rides_ended": 0, "routes": 0, "texts": 0,
          "letters": 0, "unrouted": 0, "holds": 0, "kept": 0, "kept_until": 0}


@pytest.fixture
def world(file_world):
    """As all bus tests have it, with the first copy alive again, and no
    other."""
    for daemon in list(file_world.daemons):
        if daemon.instance == "ride-svc-2":
            daemon.stop(at_once=True)
        elif daemon.instance == "ride-svc-1" and daemon.bus is None:
            file_world.start("ride-svc", daemon.instance)
            file_world.wait_sees(file_world.living("ride-svc")[0], "pool-svc")
    file_world.reset()
    return file_world


@pytest.fixture
def pair(scene):
    scene.numbers(4)
    return (scene.customer(name="Annabel Quux"),
            scene.driver(name="Danibert Plugh"))


def by_id(person):
    return {"role": person.role, "id": person.id}


def by_phone(person):
    return {"phone": "+" + person.phone}


def erase(scene, whom, key=None, **more):
    return scene.done("ride-svc", "PERSON_ERASE", key=key or next(scene.keys),
                      **whom, **more)


def swept(redis):
    """The last look at what was being made meanwhile is over."""
    redis.move(seconds=131)
    wait_for(lambda: redis.client.zcard("{erasures}:due") == 0,
             what="the last look")


def export(scene, whom, **more):
    kept = scene.done("ride-svc", "PERSON_EXPORT", **whom, **more)
    for ride in kept["rides"]:
        ride["events"] = [msgpack.unpackb(event)["what"]
                          for event in ride["events"]]
    return kept


def whole_store(redis):
    """{key: all of it, values too}"""
    def dump(key):
        kind = redis.client.type(key)
        if kind == b"string":
            return redis.client.get(key)
        if kind == b"hash":
            return repr(redis.client.hgetall(key)).encode()
        if kind == b"zset":
            return repr(redis.client.zrange(key, 0, -1)).encode()
        if kind == b"list":
            return repr(redis.client.lrange(key, 0, -1)).encode()
        return repr(redis.client.xrange(key)).encode()
    return {key.decode(): dump(key) or b"" for key in redis.client.keys("*")}


def traces(world, person):
    """Where the store knows the person: their name, the hash of their phone,
    or a seal that opens and says it."""
    needles = [person.name.encode(), person.phone.encode(),
               world.vault.phone(person.phone)[:20].encode()]
    found = []
    for key, value in whole_store(world.redis).items():
        if any(n in key.encode() or n in value for n in needles):
            found.append(key)
    for key in world.redis.client.keys("ride:*"):
        ride = msgpack.unpackb(world.redis.client.get(key), raw=True)
        name = key.decode().rsplit(":", 1)[1]
        for at, role in ((4, "customer"), (5, "driver")):
            if ride[at] and world.vault.unseal(
                    ride[at], f"phone:{name}:{role}") == person.phone:
                found.append(key.decode())
    for key in world.redis.client.keys("route:*"):
        route = msgpack.unpackb(world.redis.client.get(key), raw=True)
        name, role = route[0].decode(), route[1].decode()
        other = {"customer": "driver", "driver": "customer"}[role]
        if route[2] and world.vault.unseal(
                route[2], f"phone:{name}:{other}") == person.phone:
            found.append(key.decode())
        if len(route) > 8 and route[8] and world.vault.unseal(
                route[8], f"phone:{name}:{role}") == person.phone:
            found.append(key.decode())
    return sorted(set(found))


def settle(world, redis):
    """What follows an answer is done."""
    wait_for(lambda: world.idle() and not any(
        redis.client.zcard(k) for k in redis.client.keys("duties:*")),
        what="no duties")


def a_life(scene, ann, dan):
    """A ride of the two in its cool-down, texts both ways, and one to
    nobody."""
    ride = scene.ride(ann, dan, start="Elm Street 7", destination="Airport")
    scene.text(ann.phone, ride["proxy"], text=WORDS)
    scene.text(dan.phone, ride["proxy"], text=OTHERS)
    scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])
    assert scene.text(ann.phone, ride["proxy"], text=WORDS) == "closed"
    nowhere = scene.number()
    assert scene.text(ann.phone, nowhere, text=WORDS) == "stranger"
    return ride


@pytest.mark.parametrize("whom", [by_id, by_phone])
def test_nothing_of_them_is_left(world, scene, redis, pair, whom):
    ann, dan = pair
    ride = a_life(scene, ann, dan)
    redis.move(minutes=3)
    before = redis.now_ms()
    said = erase(scene, whom(ann))
    assert before <= said.pop("begun") <= said.pop("done") <= redis.now_ms()
    # Of texts: two notices, the text each way, and the answer to Ann.
    assert said == {**COUNTS, "people": 1, "rides": 1, "routes": 1, "texts": 5,
                    "unrouted": 2, "holds": 1, "also": []}
    assert scene.outbox() == []
    swept(redis)
    assert traces(world, ann) == []
    assert all(int(redis.client.get(key)) == 0
               for key in redis.client.keys("waiting:*"))
    assert scene.refused("ride-svc", "PERSON_GET", **by_id(ann)) == (
        "not_found", "id")
    assert scene.done("ride-svc", "PERSON_LIST", role="customer",
                      limit=9)["people"] == []
    left = scene.get(ride)
    assert {k: left[k] for k in ("customer", "customer_name", "start",
                                 "destination", "datetime")} == {
        "customer": 0, "customer_name": "", "start": "", "destination": "",
        "datetime": ""}
    assert left["driver_name"] == dan.name
    assert left["state"] == "closed"
    assert scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]


def test_what_the_other_one_has_stays(world, scene, redis, pair):
    ann, dan = pair
    ride = a_life(scene, ann, dan)
    erase(scene, by_id(dan))
    left = scene.get(ride)
    assert left["customer_name"] == ann.name
    assert left["start"] == "Elm Street 7"
    assert (left["driver"], left["driver_name"]) == (0, "")
    assert traces(world, ann)
    assert export(scene, by_id(ann))["rides"][0]["id"] == ride["id"]
    # The number is still kept from Ann.
    assert [h["number"] for h in export(scene, by_id(ann))["holds"]] == [
        ride["proxy"]]


def test_who_writes_or_calls_afterwards_reaches_nobody(world, scene, redis,
                                                       pair):
    ann, dan = pair
    ride = a_life(scene, ann, dan)
    redis.move(minutes=3)
    erase(scene, by_id(ann))
    assert scene.text(ann.phone, ride["proxy"]) == "stranger"
    assert scene.text(dan.phone, ride["proxy"]) == "closed"
    assert "over" in scene.call(dan.phone, ride["proxy"])
    assert "identify" in scene.call(ann.phone, ride["proxy"])
    assert [to for to, _ in scene.texts("a")] == [dan.phone]


def test_of_a_ride_just_over_a_route_stays_for_a_while(world, scene, redis):
    """What was written to it while it connected must not reach the ride that
    follows on its number, though who wrote was erased and came again."""
    scene.number()
    ann, dan = scene.customer(), scene.driver()
    ride = scene.ride(ann, dan)
    redis.move(ms=10)
    written = redis.now_ms()
    redis.move(ms=10)
    scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])
    said = erase(scene, by_id(ann))
    assert said["kept"] == 1
    assert written < said["kept_until"] - 2 * MINUTE <= redis.now_ms()
    kept, = [key for key in traces(world, ann)
             if not key.startswith("{erasures}")]
    assert kept.startswith("route:")
    # It tells of its end; but there is nobody who could be told.
    assert scene.text(ann.phone, ride["proxy"]) == "closed"
    assert scene.outbox() == []
    again, other = scene.customer(phone=ann.phone), scene.driver()
    request = scene.request(again, other)
    assert scene.refused("ride-svc", "RIDE_CREATE", **request)[0] == "no_number"
    redis.move(ms=said["kept_until"] - redis.now_ms() + 1)
    assert redis.client.get(kept) is None
    redis.move(minutes=2)  # the claim of the refused one
    follows = scene.ride(again, other)
    assert follows["proxy"] == ride["proxy"]
    assert scene.text(ann.phone, ride["proxy"], created=written) == "old"


def test_while_a_ride_connects_it_is_refused(world, scene, redis, pair):
    ann, dan = pair
    ride = scene.ride(ann, dan)
    settle(world, redis)
    store = whole_store(redis)
    for whom in (by_id(ann), by_phone(ann), by_id(dan)):
        assert scene.refused("ride-svc", "PERSON_ERASE", key="k", **whom) == (
            "has_live_rides", "end_rides")
    assert {k: v for k, v in whole_store(redis).items()
            if not k.startswith("service:")} == {
        k: v for k, v in store.items() if not k.startswith("service:")}
    said = erase(scene, by_id(ann), end_rides=True)
    assert (said["rides"], said["rides_ended"]) == (1, 1)
    assert scene.get(ride)["state"] == "closed"
    swept(redis)
    assert traces(world, ann) == []
    # The hold of who stays is as after a cancel.
    hold, = export(scene, by_id(dan))["holds"]
    assert hold["until"] == scene.get(ride)["closed"] + MINUTE


def test_in_its_grace_too(scene, redis, pair):
    ride = scene.ride(*pair)
    scene.end(ride)
    assert scene.refused("ride-svc", "PERSON_ERASE", key="k",
                         **by_id(pair[0])) == ("has_live_rides", "end_rides")


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_it_goes_on_after_a_crash(world, scene, redis, pair, step, late):
    """By the same request again; or by nobody's asking, in another copy."""
    ann, dan = pair
    rides = [a_life(scene, ann, dan) for _ in range(2)]
    redis.move(minutes=3)
    daemon = world.living("ride-svc")[0]
    daemon.arm(step)
    daemon.bus.tell("PERSON_ERASE", {"key": "k", **by_id(ann)})
    assert daemon.wait_dead() != 0
    world.start("ride-svc", daemon.instance)
    world.wait_sees(world.living("ride-svc")[0], "pool-svc")
    if late:
        redis.move(seconds=12)
        wait_for(lambda: any(redis.client.hexists(key, "done") for key
                             in redis.client.keys("{erasures}:*")
                             if redis.client.type(key) == b"hash"),
                 what="the end of it")
    said = erase(scene, by_id(ann), key="k")
    assert said["people"] == 1
    assert said["done"] > said["begun"]
    swept(redis)
    assert traces(world, ann) == []
    assert [scene.get(r)["customer_name"] for r in rides] == ["", ""]
    if step in ("erase.begun", "erase.hidden"):
        assert said["rides"] == 2


def test_the_file_is_rewritten(world, scene, redis, pair):
    ann, _ = pair

    def on_disk():
        return [path for path in world.folder.rglob("appendonlydir/*")
                if ann.name.encode() in path.read_bytes()]
    assert on_disk()
    redis.move(minutes=2)
    erase(scene, by_id(ann))
    wait_for(lambda: not on_disk(), 20, "the file without them")
    wait_for(lambda: not redis.client.exists("{erasures}:rewrite"),
             what="the end of it")


def test_asked_twice_it_is_one(world, scene, redis, pair):
    ann, dan = pair
    a_life(scene, ann, dan)
    said = erase(scene, by_id(ann), key="k")
    assert erase(scene, by_id(ann), key="k") == said
    assert scene.refused("ride-svc", "PERSON_ERASE", key="other",
                         **by_id(ann)) == ("not_found", "id")
    nothing = erase(scene, by_phone(ann), key="k")
    assert nothing["rides"] == nothing["people"] == 0
    # The record of it does not say whose it was, and goes itself.
    swept(redis)
    assert traces(world, ann) == []
    assert redis.client.keys("{erasures}:*")
    redis.move(days=2, minutes=1)
    assert not redis.client.keys("{erasures}:*")


def test_who_comes_again_is_somebody_new(world, scene, redis, pair):
    ann, dan = pair
    a_life(scene, ann, dan)
    redis.move(minutes=3)
    erase(scene, by_phone(ann))
    again = scene.customer(phone=ann.phone, name=ann.name)
    assert again.id != ann.id
    assert export(scene, by_id(again))["rides"] == []
    ride = scene.ride(again, dan)
    assert scene.text(again.phone, ride["proxy"]) == "forwarded"


@pytest.mark.parametrize("whom", [by_id, by_phone])
@pytest.mark.parametrize("again", [False, True])
def test_a_ride_that_was_just_being_made(world, scene, redis, pair, whom,
                                         again):
    """By a copy that froze before it wrote it. It is found, and nothing of
    who came again meanwhile is touched."""
    ann, dan = pair
    slow = world.start("ride-svc", "ride-svc-2")
    world.wait_sees(slow, "pool-svc")
    slow.arm("create.claimed stop")
    made = slow.bus.begin("RIDE_CREATE", scene.request(ann, dan))
    wait_for(slow.struck, what="it frozen")
    assert erase(scene, whom(ann))["rides"] == 0
    slow.resume()
    reply, ride = slow.bus.answers([made])[made]
    assert reply == "RIDE", ride
    assert traces(world, ann)
    if again:
        new = scene.customer(phone=ann.phone, name="Anew")
        other = scene.ride(new, scene.driver())
    swept(redis)
    assert scene.get(ride)["customer_name"] == ""
    assert scene.get(ride)["state"] == "closed"
    if again:
        assert scene.text(new.phone, other["proxy"]) == "forwarded"
    else:
        redis.move(minutes=3)
        assert traces(world, ann) == []
    slow.stop()


def test_a_late_repeat_makes_them_no_more(scene, redis, pair):
    body = {"key": "made", "role": "customer", "name": "Zoe",
            "phone": "+447700900490"}
    made = scene.done("ride-svc", "PERSON_ADD", **body)
    erase(scene, {"role": "customer", "id": made["id"]})
    assert scene.refused("ride-svc", "PERSON_ADD", **body)[0] in (
        "key_reused", "person_removed")


def test_a_phone_that_others_have(world, scene, redis, pair):
    """By id one record goes, and its rides; by phone all."""
    ann, dan = pair
    both = scene.driver(phone=ann.phone, name="Annabel as driver")
    ride = a_life(scene, ann, dan)
    other = scene.ride(scene.customer(), both)
    said = erase(scene, by_id(ann))
    assert said["also"] == [f"driver {both.id}"]
    assert (said["people"], said["rides"], said["holds"]) == (1, 1, 0)
    assert scene.get(ride)["customer_name"] == ""
    assert scene.get(other)["driver_name"] == both.name
    assert scene.text(both.phone, other["proxy"]) == "forwarded"
    said = erase(scene, by_phone(ann), end_rides=True)
    assert (said["people"], said["rides"]) == (1, 1)
    swept(redis)
    assert traces(world, replace(ann, name="Annabel")) == []


def test_a_phone_that_was_theirs(world, scene, redis, pair):
    ann, dan = pair
    old = a_life(scene, ann, dan)
    scene.done("ride-svc", "PERSON_EDIT", phone="+447700900480", **by_id(ann))
    moved = Person("customer", ann.id, ann.name, "447700900480")
    new = scene.ride(moved, dan)
    assert {r["id"] for r in export(scene, by_id(ann))["rides"]} == {
        old["id"], new["id"]}
    said = erase(scene, by_id(ann), end_rides=True)
    assert said["rides"] == 2
    swept(redis)
    assert traces(world, ann) == traces(world, moved) == []


def test_who_left_a_ride(world, scene, redis, pair):
    """It goes on with somebody else; what was said before goes."""
    ann, dan = pair
    ride = scene.ride(ann, dan)
    scene.text(dan.phone, ride["proxy"], text=OTHERS)
    redis.move(ms=5)
    comes = scene.driver(name="Cuthbert Xyzzy")
    scene.done("ride-svc", "RIDE_PARTY", id=ride["id"], driver=comes.id)
    redis.move(ms=5)
    scene.text(comes.phone, ride["proxy"], text="I am there")
    shown, = export(scene, by_id(dan))["rides"]
    assert (shown["id"], shown["left"]) == (ride["id"], True)
    redis.move(minutes=3)
    said = erase(scene, by_id(dan))
    assert (said["rides"], said["rides_ended"]) == (1, 0)
    swept(redis)
    assert traces(world, dan) == []
    after = scene.get(ride)
    assert (after["state"], after["driver_name"]) == ("live", comes.name)
    assert scene.texts() == [(ann.phone, "I am there")]
    assert {to for to, _ in scene.texts("n")} == {ann.phone, comes.phone}
    assert scene.text(ann.phone, ride["proxy"]) == "forwarded"


@pytest.fixture
def forever(world):
    world.start("ride-svc", "ride-svc-1", COOLDOWN_HOURS="never")
    world.wait_sees(world.living("ride-svc")[0], "pool-svc")
    yield
    world.start("ride-svc", "ride-svc-1")
    world.wait_sees(world.living("ride-svc")[0], "pool-svc")


def test_under_never_the_hash_goes_too(world, scene, redis, pair, forever):
    ann, dan = pair
    ride = scene.ride(ann, dan)
    scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])
    redis.move(minutes=3)
    assert erase(scene, by_id(ann))["holds"] == 1
    swept(redis)
    assert traces(world, ann) == []
    # Dan never gets that number again.
    assert export(scene, by_id(dan))["holds"] == [
        {"pool": "default", "number": ride["proxy"], "until": -1}]
    for _ in range(3):
        other = scene.ride(scene.customer(), dan)
        assert other["proxy"] != ride["proxy"]


def test_what_an_erased_ride_is_asked_afterwards(world, scene, redis, pair):
    ann, dan = pair
    ride = a_life(scene, ann, dan)
    redis.move(minutes=3)
    erase(scene, by_id(ann))
    assert scene.end(ride)["state"] == "closed"
    assert scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])
    for act, more in (("RIDE_EXTEND", {"ends": redis.now_ms() + HOUR}),
                      ("RIDE_REOPEN", {"ends": redis.now_ms() + HOUR}),
                      ("RIDE_PARTY", {"driver": scene.driver().id})):
        assert scene.refused("ride-svc", act, id=ride["id"],
                             **more)[0] == "ride_over"
    redis.move(seconds=5)
    assert not [k for k in redis.client.keys("*")
                if k.endswith((b"held:", b"rides:"))]
    said = erase(scene, by_id(dan))
    assert said["rides"] == 1
    swept(redis)
    assert traces(world, dan) == []


def test_many_rides(world, scene, redis, pair):
    ann, dan = pair
    rides = []
    for n in range(102):
        ride = scene.ride(ann, dan, start=f"Elm {n}")
        scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])
        rides.append(ride["id"])
        redis.move(hours=7)
    kept = export(scene, by_id(ann))
    assert len(kept["rides"]) == 100 and kept["next"]
    more = export(scene, by_id(ann), after=kept["next"])
    assert more["next"] == ""
    assert more["holds"] == []
    assert sorted(r["id"] for r in kept["rides"] + more["rides"]) == \
        sorted(rides)
    said = erase(scene, by_phone(ann))
    assert said["rides"] == 102
    swept(redis)
    assert traces(world, ann) == []


REFUSED = [
    ({"role": "pilot", "id": 1}, ("invalid", "role")),
    ({"role": "customer", "id": 99}, ("not_found", "id")),
    ({"phone": "0612345678"}, ("phone_national", "phone")),
    ({"phone": "call me"}, ("phone_invalid", "phone")),
    ({}, ("invalid", "role")),
]


@pytest.mark.parametrize("whom, problem", REFUSED)
def test_refused(scene, whom, problem):
    assert scene.refused("ride-svc", "PERSON_ERASE", key="k",
                         **whom) == problem
    assert scene.refused("ride-svc", "PERSON_EXPORT", **whom) == problem
    assert scene.refused("ride-svc", "PERSON_ERASE", key="",
                         **whom) == ("missing", "key")


def test_of_a_stranger(world, scene, redis, pair):
    """Who is in no record may have written."""
    number = next(iter(scene.uses()))
    phone = "447700900470"
    scene.text(phone, number, text=WORDS)
    stranger = {"phone": phone}
    kept = export(scene, stranger)
    assert kept["people"] == kept["rides"] == []
    assert [(t["state"], t["text"]) for t in kept["texts"]] == [
        ("unrouted", WORDS)]
    assert erase(scene, stranger)["unrouted"] == 1
    assert export(scene, stranger)["texts"] == []
    assert erase(scene, stranger)["unrouted"] == 0


def test_what_is_shown(world, scene, redis, pair):
    ann, dan = pair
    ride = a_life(scene, ann, dan)
    kept = export(scene, by_id(ann))
    assert kept["phone"] == ann.phone
    assert kept["people"] == [{"id": ann.id, "role": "customer",
                               "name": ann.name, "phone": ann.phone}]
    shown, = kept["rides"]
    assert {k: shown[k] for k in ("id", "role", "state", "start",
                                  "destination", "proxy")} == {
        "id": ride["id"], "role": "customer", "state": "closed",
        "start": "Elm Street 7", "destination": "Airport",
        "proxy": ride["proxy"]}
    assert shown["events"][:2] == ["ride.created", "text.taken"]
    texts = {(t["kind"], t["state"], t["direction"], t["text"] == "")
             for t in kept["texts"]}
    assert texts == {
        ("n", "waiting", "for_them", False),
        ("n", "waiting", "about_them", False),
        ("t", "waiting", "written", False),
        ("t", "waiting", "for_them", True),
        ("a", "waiting", "for_them", False),
        ("t", "unrouted", "written", False)}
    assert [h["number"] for h in kept["holds"]] == [ride["proxy"]]
    # Nothing of the other one, but what stands in the notice to Ann.
    said = json.dumps({**kept, "texts": []})
    assert dan.phone not in said and dan.name not in said
    assert OTHERS not in json.dumps(kept)
    assert export(scene, by_phone(ann))["rides"] == kept["rides"]
