"""A ride goes on with another driver or customer: on the same number where it
is free for them, else as another ride; and nothing that was meant for who left
reaches who came."""
import pytest

from invariants import Store, check_invariants, settle
from model import NO_END
from paths import script_of
from poll import wait_for
from scene import HOUR, MINUTE

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
CLOSED = "This ride is over, so we can no longer connect you."
DAY = 24 * HOUR
ROLES = pytest.mark.parametrize("role", ["driver", "customer"])


@pytest.fixture
def pair(scene):
    return scene.customer(), scene.driver()


def change(scene, ride, **who):
    return scene.done("ride-svc", "RIDE_PARTY", id=ride["id"],
                      **{role: person.id for role, person in who.items()})


def events(scene, ride):
    listed = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    return [e["what"] for e in listed if e["what"].startswith("ride.")]


def sent(scene, kind, ride):
    """(to, text) that waits, but for the notices of the ride's making."""
    return [(e["to"], e["text"]) for e in scene.outbox()
            if e["kind"] == kind and e["ride"] == ride["id"]][
                2 if kind == "n" else 0:]


@ROLES
def test_the_number_stays(scene, redis, pair, role):
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan)
    settle(scene)
    new = scene.person(role)
    left, stays = (dan, ann) if role == "driver" else (ann, dan)
    redis.move(hours=1)
    changed = change(scene, ride, **{role: new})
    assert changed["id"] == ride["id"] and changed["proxy"] == number
    assert (changed[role], changed[f"{role}_name"]) == (new.id, new.name)
    assert {k: changed[k] for k in ("state", "ends", "grace", "closed")} == {
        k: ride[k] for k in ("state", "ends", "grace", "closed")}
    notices = {
        "driver": (f"{ann.name} will wait for you at next Friday at ten. "
                   "Reply to this message to contact the customer.",
                   f"Your driver is now {new.name}. Reply to this message to "
                   "contact the driver."),
        "customer": (f"{dan.name} will pick you up at next Friday at ten. "
                     "Reply to this message to contact the driver.",
                     f"Your customer is now {new.name}. Reply to this message "
                     "to contact the customer.")}[role]
    goodbye = (left.phone,
               "The ride at next Friday at ten is no longer yours.")
    for _ in range(3):  # repeated: the same, and nobody hears of it again
        assert change(scene, ride, **{role: new}) == changed
        assert scene.get(ride) == changed
        assert sorted(sent(scene, "n", ride)) == sorted(
            zip((new.phone, stays.phone), notices))
        assert sent(scene, "a", ride) == [goodbye]
    store = settle(scene)
    assert store.hold(ride["id"]) == [ride["closed"] + MINUTE] * 3
    assert scene.uses() == {number: 1}
    assert events(scene, ride) == ["ride.created", f"ride.{role}_changed"]
    # The two that ride are connected, and nobody else.
    assert scene.call(new.phone, number) == stays.phone
    assert scene.call(stays.phone, number) == new.phone
    assert scene.call(left.phone, number) == CLOSED
    assert scene.text(stays.phone, number, text="to the new") == "forwarded"
    assert scene.text(new.phone, number, text="to who stays") == "forwarded"
    assert scene.text(left.phone, number, text="too late") == "closed"
    assert scene.texts() == [(new.phone, "to the new"),
                             (stays.phone, "to who stays")]
    assert sent(scene, "a", ride)[1:] == [
        (left.phone, "This ride is over, so your message was not delivered.")]


@ROLES
def test_a_change_just_before_the_end(world, scene, redis, pair, role):
    """The hold of who comes, and of who stays, is the ride's: neither gone with
    the claim by which it was taken, nor as long as that one."""
    short = world.start("ride-svc", "short", GRACE_HOURS="0",
                        COOLDOWN_HOURS="0")
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan, by=short, ends=redis.now_ms() + 5000)
    new = scene.person(role)
    name, changed = short.bus.ask("RIDE_PARTY", {"id": ride["id"],
                                                 role: new.id})
    assert (name, changed["id"]) == ("RIDE", ride["id"])
    wait_for(lambda: not Store(redis).duties, what="the holds moved")
    store = check_invariants(redis)
    assert store.hold(ride["id"]) == [ride["closed"] + MINUTE] * 3
    assert scene.uses() == {number: 1}
    redis.move(seconds=66)
    assert scene.uses() == {number: 0}
    short.stop(at_once=True)


@ROLES
def test_who_left_is_free_after_the_cool_down(scene, redis, pair, role):
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan, ends=NO_END)
    settle(scene)
    change(scene, ride, **{role: scene.person(role)})
    settle(scene)
    left = dan if role == "driver" else ann
    other = {"driver": "customer", "customer": "driver"}[role]

    def again():
        people = {role: left, other: scene.person(other)}
        return scene.ask("ride-svc", "RIDE_CREATE", **scene.request(
            people["customer"], people["driver"]))
    redis.move(hours=23)
    assert scene.call(left.phone, number) == CLOSED
    assert again()[1]["code"] == "no_number"
    redis.move(hours=1, minutes=1)
    name, second = again()
    assert (name, second["proxy"]) == ("RIDE", number)
    settle(scene)
    # The first is extended, and ended, and the second does not notice.
    scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"],
               ends=redis.now_ms() + HOUR)
    scene.end(ride)
    store = settle(scene)
    assert store.hold(second["id"]) == [second["closed"] + MINUTE] * 3
    assert scene.get(second)["state"] == "live"
    assert scene.call(left.phone, number) not in (CLOSED, ann.phone)
    for key in redis.client.keys("person-rides:*"):
        assert all(at < redis.now_ms() + 9 * DAY for _, at in
                   redis.client.zrange(key, 0, -1, withscores=True))


@ROLES
def test_in_its_grace(scene, redis, pair, role):
    number = scene.number()
    ride = scene.ride(*pair)
    ended = scene.end(ride)
    settle(scene)
    new = scene.person(role)
    changed = change(scene, ride, **{role: new})
    assert (changed["state"], changed["grace"]) == ("grace", ended["grace"])
    assert scene.call(new.phone, number) in (pair[0].phone, pair[1].phone)
    settle(scene)
    reopened = scene.done("ride-svc", "RIDE_REOPEN", id=ride["id"],
                          ends=redis.now_ms() + HOUR)
    assert reopened[role] == new.id
    settle(scene)


@ROLES
def test_the_number_is_not_free_for_who_comes(scene, redis, pair, role):
    """Another ride goes on, with a number of its own, and this one is over."""
    scene.number()
    ann, dan = pair
    new = scene.person(role)
    other = scene.person("customer" if role == "driver" else "driver")
    ride = scene.ride(ann, dan, channels=["sms"], ends=redis.now_ms() + HOUR)
    busy = scene.ride(*((other, new) if role == "driver" else (new, other)))
    assert busy["proxy"] == ride["proxy"]
    scene.number()
    settle(scene)
    left, stays = (dan, ann) if role == "driver" else (ann, dan)
    going = change(scene, ride, **{role: new})
    assert going["id"] != ride["id"] and going["proxy"] != ride["proxy"]
    assert going["state"] == "live" and going[role] == new.id
    assert (going["ends"], going["channels"]) == (ride["ends"], "sms")
    for _ in range(2):
        assert change(scene, ride, **{role: new}) == going
    old = scene.get(ride)
    assert (old["state"], old["next"]) == ("closed", going["id"])
    settle(scene)
    assert events(scene, ride) == ["ride.created", "ride.replaced"]
    for phone in (ann.phone, dan.phone):
        assert scene.call(phone, ride["proxy"]) == CLOSED
    assert scene.text(new.phone, going["proxy"]) == "forwarded"
    assert scene.texts()[-1][0] == stays.phone
    assert sent(scene, "a", ride) == [
        (left.phone, "The ride at next Friday at ten is no longer yours.")]
    told = [(e["to"]) for e in scene.outbox() if e["ride"] == going["id"]
            and e["kind"] == "n"]
    assert sorted(told) == sorted([new.phone, stays.phone])
    # What is asked of a ride that another goes on for, and is not that one's.
    assert scene.refused("ride-svc", "RIDE_PARTY", id=ride["id"], **{
        role: scene.person(role).id}) == ("ride_over", "id")


def test_where_the_pool_forgot_who_holds_what(world, scene, redis, pair):
    """The route has the last word."""
    scene.number()
    ride, new = scene.ride(*pair), scene.driver()
    busy = scene.ride(scene.customer(), new)
    assert busy["proxy"] == ride["proxy"]
    other = scene.number()
    settle(scene)
    world.forget_holds()
    going = change(scene, ride, driver=new)
    assert (going["proxy"], going["driver"]) == (other, new.id)
    assert scene.call(new.phone, busy["proxy"]) not in (
        CLOSED, pair[0].phone)


def test_no_number_at_all(scene, redis, pair):
    scene.number()
    new = scene.driver()
    ride = scene.ride(*pair)
    scene.ride(scene.customer(), new)
    settle(scene)
    assert scene.refused("ride-svc", "RIDE_PARTY", id=ride["id"],
                         driver=new.id) == ("no_number", "")
    assert scene.get(ride) == ride
    assert scene.call(pair[0].phone, ride["proxy"]) == pair[1].phone
    check_invariants(redis)


def test_what_cannot_be_changed(scene, redis, pair):
    scene.numbers(2)
    ann, dan = pair
    ride = scene.ride(ann, dan)
    twin = scene.driver(phone=ann.phone)
    for who, code, field in (
            ({}, "missing", "driver"),
            ({"driver": 999}, "unknown_person", "driver"),
            ({"customer": 999}, "unknown_person", "customer"),
            ({"driver": twin.id}, "same_phone", "driver"),
            ({"driver": scene.driver().id, "customer": scene.customer().id},
             "one_party", "driver")):
        assert scene.refused("ride-svc", "RIDE_PARTY", id=ride["id"],
                             **who) == (code, field)
    assert scene.refused("ride-svc", "RIDE_PARTY", driver=dan.id,
                         id=ride["id"][:-1] + "x") == ("not_found", "id")
    same = scene.done("ride-svc", "RIDE_PARTY", id=ride["id"], driver=dan.id,
                      customer=ann.id)
    assert same == ride and events(scene, ride) == ["ride.created"]
    new = scene.driver()
    assert change(scene, ride, driver=new, customer=ann)["driver"] == new.id
    redis.move(hours=48)
    assert scene.refused("ride-svc", "RIDE_PARTY", id=ride["id"],
                         driver=dan.id) == ("ride_over", "id")
    settle(scene)


def test_the_same_person_with_another_phone(scene, redis, pair):
    """A phone that changed in mid-ride reaches the ride."""
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan)
    settle(scene)
    phone = "447700900499"
    scene.done("ride-svc", "PERSON_EDIT", id=dan.id, role="driver",
               phone="+" + phone)
    changed = change(scene, ride, driver=dan)
    assert changed["driver"] == dan.id
    # Only the new phone has something to know.
    assert [to for to, _ in sent(scene, "n", ride)] == [phone]
    assert sent(scene, "a", ride) == []
    assert scene.call(ann.phone, number) == phone
    assert scene.call(phone, number) == ann.phone
    assert scene.call(dan.phone, number) == CLOSED
    settle(scene)
    assert change(scene, ride, driver=dan) == changed


def test_another_person_with_the_same_phone(scene, redis, pair):
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan)
    settle(scene)
    twin = scene.driver(phone=dan.phone, name="Twin")
    for _ in range(2):
        changed = change(scene, ride, driver=twin)
        assert (changed["driver"], changed["driver_name"]) == (twin.id, "Twin")
    assert scene.call(ann.phone, number) == dan.phone
    assert scene.text(dan.phone, number) == "forwarded"
    assert sent(scene, "n", ride) == [] and sent(scene, "a", ride) == []
    store = settle(scene)
    assert store.hold(ride["id"]) == [ride["closed"] + MINUTE] * 3
    assert events(scene, ride)[1:] == ["ride.driver_changed"]


def test_one_after_the_other(scene, redis, pair):
    """Only the last of them is connected, and each that left is let go."""
    number, (ann, _) = scene.number(), pair
    ride = scene.ride(*pair)
    drivers = [scene.driver() for _ in range(4)]
    for driver in drivers:
        change(scene, ride, driver=driver)
    store = settle(scene)
    assert scene.call(ann.phone, number) == drivers[-1].phone
    assert [scene.call(d.phone, number) for d in [pair[1], *drivers]] == \
        [CLOSED] * 4 + [ann.phone]
    held = [redis.client.zscore(key, number) for key
            in redis.client.keys("pool:*:held:*")]
    assert sorted(held)[-2:] == [ride["closed"] + MINUTE] * 2
    assert max(sorted(held)[:-2]) < redis.now_ms() + DAY + 2 * MINUTE
    assert store.hold(ride["id"]) == [ride["closed"] + MINUTE] * 3


def test_a_text_that_was_written_to_who_left(scene, redis, pair):
    """It is on record, and not forwarded to who came."""
    number, (ann, _) = scene.number(), pair
    ride = scene.ride(*pair)
    redis.move(hours=1)
    new = scene.driver()
    change(scene, ride, driver=new)
    now = redis.now_ms()
    assert scene.text(ann.phone, number, created=now - 2 * MINUTE) == "old"
    assert scene.text(ann.phone, number, created=now - MINUTE // 2) == "old"
    assert scene.text(ann.phone, number, created=now) == "forwarded"
    assert [to for to, _ in scene.texts()] == [new.phone]


def test_changes_at_the_same_moment(scene, redis):
    """One stands, with its routes and holds; all are answered."""
    scene.numbers(3)
    for _ in range(10):
        ann, dan = scene.customer(), scene.driver()
        ride = scene.ride(ann, dan)
        new = [scene.driver() for _ in range(3)]
        replies = scene.daemon("ride-svc").bus.ask_all(
            [("RIDE_PARTY", {"id": ride["id"], "driver": d.id})
             for d in new] * 2)
        assert {b["code"] for n, b in replies if n == "PROBLEM"} <= {
            "busy", "no_number", "ride_over"}, replies
        now = scene.get(ride)
        if now["next"]:
            now = scene.get({"id": now["next"]})
        driver = next(d for d in [dan, *new] if d.id == now["driver"])
        assert scene.call(ann.phone, now["proxy"]) == driver.phone
        settle(scene)
        listed = scene.done("ride-svc", "RIDE_LIST", limit=50)["rides"]
        rides = listed
        assert [r["id"] for r in rides if r["state"] == "live"
                and r["customer"] == ann.id] == [now["id"]], "one goes on"


def test_changes_ends_and_extensions_at_the_same_moment(scene, redis):
    """Never does an end or an extension connect who left."""
    scene.numbers(2)
    for turn in range(12):
        ann, dan = scene.customer(), scene.driver()
        new = scene.driver()
        ride = scene.ride(ann, dan)
        party = ("RIDE_PARTY", {"id": ride["id"], "driver": new.id})
        extend = ("RIDE_EXTEND", {"id": ride["id"],
                                  "ends": ride["ends"] + 9 * HOUR})
        last = ("RIDE_CANCEL", "RIDE_END", "RIDE_EXTEND")[turn % 3]
        end = (last, extend[1] if last == "RIDE_EXTEND"
               else {"id": ride["id"]})
        replies = scene.daemon("ride-svc").bus.ask_all(
            [extend, party, end, party, extend, end])
        assert {b["code"] for n, b in replies if n == "PROBLEM"} <= {
            "busy", "ride_over", "invalid", "no_number"}, replies
        store = settle(scene)
        now = scene.get(ride)
        if now["driver"] == new.id:
            assert scene.call(dan.phone, ride["proxy"]) == CLOSED
        connecting = [r for r in store.routes.values()
                      if r["until"] > store.now and r["ride"] == ride["id"]]
        assert len(connecting) == (0 if now["state"] == "closed" else 2)


@pytest.mark.parametrize("act", ["end", "cancel", "extend"])
def test_what_read_the_ride_before_the_change(scene, redis, pair, act):
    """It finds the routes of who rides by then, not those that it read."""
    scene.number()
    ride = scene.ride(*pair)
    settle(scene)
    was, tag = Store(redis).rides[ride["id"]], f"{{{int(ride['id'][:2])}}}"
    change(scene, ride, driver=scene.driver())
    before = settle(scene)
    routes = [f"route:{tag}:{ride['proxy']}:{was[key]}"
              for key in ("customer_key", "driver_key")]
    script = redis.client.register_script(
        script_of("ride-svc/ride_change.lua"))
    done = script(keys=[f"ride:{tag}:{ride['id']}", *routes, *(
        f"{what}:{tag}" for what in ("duties", "timeline", "rides", "outbox",
                                     "waiting"))],
                  args=[ride["id"], act, ride["ends"] + HOUR, DAY, DAY, DAY,
                        was["revision"] if act == "extend" else 0])
    assert done[0] == b"changed"
    after = Store(redis)
    assert (after.rides, after.routes) == (before.rides, before.routes)


def test_too_many_rides(scene, redis, pair):
    scene.numbers(201)
    busy = scene.driver()
    requests = [scene.request(scene.customer(), busy) for _ in range(200)]
    replies = scene.daemon("ride-svc").bus.ask_all(
        [("RIDE_CREATE", r) for r in requests], ms=60_000)
    assert {name for name, _ in replies} == {"RIDE"}
    ride = scene.ride(*pair)
    assert scene.refused("ride-svc", "RIDE_PARTY", id=ride["id"],
                         driver=busy.id) == ("too_many_rides", "driver")
    assert scene.get(ride) == ride
    settle(scene)
