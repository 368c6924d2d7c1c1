"""A ride is made: once a request, with a number that neither party has."""
import calendar
import threading
import time
from collections import Counter

import msgpack
import pytest

from invariants import check_invariants, settle
from poll import wait_for
from scene import HOUR, MINUTE

SERVICES = ["ride-svc", "pool-svc"]
DAY = 24 * HOUR


@pytest.fixture
def pair(scene):
    return scene.customer(), scene.driver()


def test_a_ride_as_it_is_answered(scene, redis, pair):
    number, (ann, dan) = scene.number(), pair
    before = redis.now_ms()
    ride = scene.ride(ann, dan)
    assert before <= ride["created"] <= redis.now_ms()
    assert abs(ride["ends"] - ride["created"] - DAY) < MINUTE
    assert ride["grace"] == ride["ends"] + DAY
    assert ride["closed"] == ride["grace"] + DAY
    assert {k: ride[k] for k in (
        "state", "customer", "driver", "customer_name", "driver_name",
        "start", "destination", "datetime", "pool", "proxy")} == {
        "state": "live", "customer": 1, "driver": 1,
        "customer_name": ann.name, "driver_name": dan.name, "start": "Home",
        "destination": "Airport", "datetime": "next Friday at ten",
        "pool": "default", "proxy": number}
    for role, person in (("customer", ann), ("driver", dan)):
        shown = ride[role + "_phone"]
        assert shown.endswith(person.phone[-2:]) and "••••" in shown
    assert scene.get(ride) == ride
    events = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    assert [e["what"] for e in events] == ["ride.created"]
    check_invariants(redis, settled=False)


def test_both_get_their_notice(scene, pair):
    number, (ann, dan) = scene.number(), pair
    ride = scene.ride(ann, dan, datetime="10:00")
    assert [(e["to"], e["text"], e["proxy"], e["until"])
            for e in scene.outbox()] == [
        (ann.phone, f"{dan.name} will pick you up at 10:00. Reply to this "
         "message to contact the driver.", number, ride["grace"]),
        (dan.phone, f"{ann.name} will wait for you at 10:00. Reply to this "
         "message to contact the customer.", number, ride["grace"])]


def test_the_same_request_is_the_same_ride(scene, redis, pair):
    scene.numbers(3)
    request = scene.request(*pair)
    name, ride = scene.ask("ride-svc", "RIDE_CREATE", **request)
    assert name == "RIDE"
    assert scene.done("ride-svc", "RIDE_CREATE", **request) == ride
    redis.move(minutes=5)
    assert scene.done("ride-svc", "RIDE_CREATE", **request) == ride
    scene.end(ride)
    redis.move(hours=47)
    again = scene.done("ride-svc", "RIDE_CREATE", **request)
    assert again["id"] == ride["id"]
    assert len(scene.outbox()) == 2, "the notices were sent once"


OTHER = [("customer", 2), ("driver", 2), ("start", "Elsewhere"),
         ("destination", "Elsewhere"), ("datetime", "later"),
         ("ends", 0)]


@pytest.mark.parametrize("field, value", OTHER, ids=[f for f, _ in OTHER])
def test_the_same_key_with_other_content(scene, redis, pair, field, value):
    scene.numbers(3), scene.customer(), scene.driver()
    request = scene.request(*pair, ends=redis.now_ms() + HOUR)
    scene.done("ride-svc", "RIDE_CREATE", **request)
    assert scene.refused("ride-svc", "RIDE_CREATE", **{
        **request, field: value}) == ("key_reused", "Idempotency-Key")
    assert sum(scene.uses().values()) == 1


def test_a_key_of_two_days_ago_never_leads_to_another_ride(scene, redis,
                                                           pair):
    """After 48 h a key is forgotten. Where its ride still stands, it is not
    passed off as the new request's."""
    scene.number()
    request = scene.request(*pair, ends=redis.now_ms() + 9 * DAY)
    ride = scene.done("ride-svc", "RIDE_CREATE", **request)
    redis.move(hours=47)
    scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"],
               ends=ride["ends"] + HOUR)
    redis.move(hours=2)
    other = {**request, "start": "Elsewhere",
             "ends": redis.now_ms() + 9 * DAY}
    assert scene.refused("ride-svc", "RIDE_CREATE",
                         **other)[0] in ("key_reused", "no_number")


@pytest.mark.parametrize("numbers", [1, 12])
@pytest.mark.parametrize("act", ["extended", "ended"])
def test_a_key_of_two_days_ago_does_no_harm_to_its_ride(scene, redis, pair,
                                                        numbers, act):
    """The key is used for another pair. Whatever that comes to, the first ride
    is still extended and ended, and its hold with it."""
    scene.numbers(numbers)
    ends = redis.now_ms() + 60 * DAY
    first = scene.ride(*pair, key="same", ends=ends)
    settle(scene)
    redis.move(hours=50)
    name, other = scene.ask("ride-svc", "RIDE_CREATE", **scene.request(
        scene.customer(), scene.driver(), key="same", ends=ends))
    settle(scene)
    if numbers == 1:  # there can be no other ride of that name
        assert (name, other["code"]) == ("PROBLEM", "key_reused")
    else:
        assert other["proxy"] != first["proxy"]
        for days in (1, 2, 3):
            scene.done("ride-svc", "RIDE_EXTEND", id=other["id"],
                       ends=ends + days * DAY)
            settle(scene)
    others = 1 if numbers > 1 else 0
    assert sum(scene.uses().values()) == others + 1
    if act == "extended":
        scene.done("ride-svc", "RIDE_EXTEND", id=first["id"],
                   ends=ends + 30 * DAY)
        settle(scene)
    scene.end(first)
    settle(scene)
    redis.move(hours=49)
    assert sum(scene.uses().values()) == others, "its number is free"
    check_invariants(redis)


BAD = [
    ("no key", {"key": ""}, "missing", "key"),
    ("no start", {"start": " "}, "missing", "start"),
    ("no destination", {"destination": ""}, "missing", "destination"),
    ("no datetime", {"datetime": ""}, "missing", "datetime"),
    ("long datetime", {"datetime": "x" * 101}, "too_long", "datetime"),
    ("line break", {"start": "a\nb"}, "invalid", "start"),
    ("NUL", {"destination": "a\0b"}, "invalid", "destination"),
    ("bad UTF-8", {"start": b"\xff"}, "invalid", "start"),
    ("unknown customer", {"customer": 9}, "unknown_person", "customer"),
    ("unknown driver", {"driver": 0}, "unknown_person", "driver"),
    ("ended before it began", {"ends": 1000}, "in_the_past", "ends_at"),
    ("ends in a thousand years", {"ends": 2 ** 45}, "invalid", "ends_at"),
    ("ends below zero", {"ends": -1}, "in_the_past", "ends_at"),
]


@pytest.mark.parametrize("fault, code, field", [c[1:] for c in BAD],
                         ids=[c[0] for c in BAD])
def test_bad_requests(scene, pair, fault, code, field):
    number = scene.number()
    request = {**scene.request(*pair), **fault}
    assert scene.refused("ride-svc", "RIDE_CREATE", **request) == (code,
                                                                   field)
    assert scene.uses() == {number: 0}
    assert scene.outbox() == []


def test_two_different_phones_are_needed(scene):
    scene.number()
    ann = scene.customer()
    dan = scene.driver(phone=ann.phone)
    assert scene.refused("ride-svc", "RIDE_CREATE",
                         **scene.request(ann, dan)) == ("same_phone",
                                                        "driver")


def test_a_notice_that_is_too_long_gives_its_number_back(world, scene):
    number = scene.number()
    ann, dan = scene.customer(name="\U0001f697" * 100), scene.driver()
    wordy = world.start("ride-svc", "wordy",
                        DRIVER_NOTICE="x" * 580 + "{customer}")
    world.wait_sees(wordy, "pool-svc")
    name, problem = wordy.bus.ask("RIDE_CREATE", scene.request(ann, dan))
    assert (name, problem["code"], problem["field"]) == (
        "PROBLEM", "sms_too_long", "datetime")
    assert scene.uses() == {number: 0}
    wordy.terminate()


def utc(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M")) * 1000


def at(redis, days):
    """A minute of a day to come, in UTC: (date, clock, ms)."""
    when = time.gmtime((redis.now_ms() + days * DAY) / 1000)
    date, clock = (time.strftime(f, when) for f in ("%Y-%m-%d", "%H:%M"))
    return date, clock, utc(f"{date} {clock}")


def test_a_repeat_after_the_end_that_it_asks_for(scene, redis, pair):
    """Refused before, it makes no ride that is over; made before, it is the
    same ride."""
    ends = redis.now_ms() + HOUR
    early = scene.request(*pair, ends=ends)
    assert scene.refused("ride-svc", "RIDE_CREATE", **early)[0] == "no_number"
    scene.numbers(1)
    made = scene.request(scene.customer(), pair[1], ends=ends)
    ride = scene.done("ride-svc", "RIDE_CREATE", **made)
    redis.move(hours=2)
    assert scene.refused("ride-svc", "RIDE_CREATE", **early) == (
        "in_the_past", "ends_at")
    assert scene.done("ride-svc", "RIDE_CREATE", **made)["id"] == ride["id"]
    assert len(scene.outbox()) == 2 and scene.uses() == {ride["proxy"]: 1}


@pytest.mark.parametrize("change", ["removed", "same phone"])
def test_a_repeat_after_its_people_have_changed(scene, redis, pair, change):
    scene.numbers(1)
    request = scene.request(*pair)
    ride = scene.done("ride-svc", "RIDE_CREATE", **request)
    scene.end(ride)
    redis.move(hours=25)
    customer = {"id": pair[0].id, "role": "customer"}
    if change == "removed":
        scene.done("ride-svc", "PERSON_REMOVE", **customer)
    else:
        scene.done("ride-svc", "PERSON_EDIT", **customer,
                   phone="+" + pair[1].phone)
    assert scene.done("ride-svc", "RIDE_CREATE", **request)["id"] == ride["id"]
    assert scene.refused("ride-svc", "RIDE_CREATE", **{
        **request, "start": "elsewhere"})[0] == "key_reused"


def test_a_phone_is_in_use_no_longer_than_its_rides(scene, redis, pair):
    """Ended by hand, and the person removed: free when the ride is closed."""
    scene.numbers(1)
    ride = scene.ride(*pair, ends=redis.now_ms() + 200 * HOUR)
    closed = scene.end(ride)["closed"]
    redis.move(hours=25)
    scene.done("ride-svc", "PERSON_REMOVE", id=pair[0].id, role="customer")
    assert scene.refused("pool-svc", "NUMBER_ADD",
                         phone="+" + pair[0].phone)[0] == "phone_in_use"
    redis.move(ms=closed - redis.now_ms() + 1000)
    scene.done("pool-svc", "NUMBER_ADD", phone="+" + pair[0].phone)



@pytest.mark.parametrize("form, shift", [
    ("{d}T{c}:00Z", 0), ("{d}T{c}", 0), ("{d} {c}", 0), ("{d}t{c}:00z", 0),
    ("{d}T{c}:00+02:00", -2 * HOUR), ("{d}T{c}:00-05:30", 5.5 * HOUR),
    ("{d}T{c}:30.250Z", 30250)])
def test_a_datetime_that_reads_as_one_is_the_pickup(scene, redis, pair, form,
                                                    shift):
    scene.number()
    date, clock, ms = at(redis, 5)
    ride = scene.ride(*pair, datetime=form.format(d=date, c=clock))
    assert ride["ends"] == ms + shift + DAY
    assert ride["datetime"] == form.format(d=date, c=clock)


@pytest.mark.parametrize("words", [
    "tomorrow", "2018-01-01 10:00", "9999-12-31T23:59", "2031-02-30 10:00",
    "x" * 100, "<script>", "次の金曜日"])
def test_any_other_datetime_is_shown_as_it_is(scene, redis, pair, words):
    scene.number()
    ride = scene.ride(*pair, datetime=words)
    assert ride["datetime"] == words
    assert abs(ride["ends"] - redis.now_ms() - DAY) < MINUTE


def test_an_end_that_is_given_wins(scene, redis, pair):
    scene.number()
    date, clock, _ = at(redis, 5)
    ends = redis.now_ms() + HOUR
    assert scene.ride(*pair, datetime=f"{date} {clock}",
                      ends=ends)["ends"] == ends


def test_the_pool_of_the_customers_phone(scene):
    scene.pool("A", "44770090000")
    scene.pool("B", "44770090")
    a, b = scene.number("A"), scene.number("B")
    dan = scene.driver(phone="447700900499")
    near = scene.customer(phone="447700900001")
    far = scene.customer(phone="447700900111")
    assert scene.ride(near, dan)["proxy"] == a
    assert scene.ride(far, dan)["proxy"] == b
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        near, scene.driver()))[0] == "no_number"


def test_what_a_route_refuses_does_not_count_as_live(world, scene, redis,
                                                      pair):
    """A phone has 200 live rides at most: those that never came are none."""
    scene.numbers(2)
    ann, _ = pair
    made = {scene.ride(*pair)["id"] for _ in range(2)}
    for _ in range(3):
        world.forget_holds()
        assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
            ann, scene.driver()))[0] == "no_number"
    lists = redis.client.keys("person-rides:*")
    assert {ride.decode() for key in lists
            for ride in redis.client.zrange(key, 0, -1)} == made


def test_a_create_may_name_its_pool(scene, pair):
    scene.pool("A", "4477")
    scene.pool("VIP", "1")
    scene.number("A")
    special = scene.number("VIP")
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        *pair, pool="none")) == ("unknown_pool", "pool")
    ride = scene.ride(*pair, pool="VIP", key="k")
    assert (ride["pool"], ride["proxy"]) == ("VIP", special)
    assert scene.ride(*pair, pool="VIP", key="k")["id"] == ride["id"]
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        *pair, key="k"))[0] == "key_reused"
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        *pair, pool="A", proxy=special)) == ("number_elsewhere", "proxy")


def test_a_pool_may_have_notices_of_its_own(scene, pair):
    scene.numbers(2)
    edit = {"name": "default", "renotice_customer": True}
    told = scene.done("pool-svc", "POOL_EDIT", **edit,
                      customer_notice="{driver} komt om {datetime}.")
    assert told["customer_notice"] == "{driver} komt om {datetime}."
    assert told["driver_notice"] == ""
    for notice, code in (("x" * 501, "too_long"), ("a\nb", "invalid")):
        assert scene.refused("pool-svc", "POOL_EDIT", **edit,
                             customer_notice=notice) == (
            code, "customer_notice")
    ann, dan = pair
    scene.ride(ann, dan, datetime="tien uur")
    texts = {entry["to"]: entry["text"] for entry in scene.outbox()}
    assert texts[ann.phone] == f"{dan.name} komt om tien uur."
    assert texts[dan.phone].startswith(ann.name)
    scene.done("pool-svc", "POOL_EDIT", **edit, customer_notice="")
    scene.ride(ann, dan, datetime="ten")
    assert f"{dan.name} komt" not in scene.outbox()[-1]["text"]
    assert sum("komt" in entry["text"] for entry in scene.outbox()) == 1


def test_no_pool_at_all(scene, pair):
    assert scene.refused("ride-svc", "RIDE_CREATE",
                         **scene.request(*pair))[0] == "no_number"


def test_the_same_number_serves_many_pairs(scene, redis):
    number = scene.number()
    for _ in range(10):
        assert scene.ride(scene.customer(),
                          scene.driver())["proxy"] == number
    assert scene.uses() == {number: 10}
    check_invariants(redis, settled=False)


def test_an_empty_pool_then_a_number(scene, pair):
    """The same request works once there is a number."""
    scene.number()
    scene.ride(*pair)
    request = scene.request(*pair)
    assert scene.refused("ride-svc", "RIDE_CREATE",
                         **request)[0] == "no_number"
    number = scene.number()
    assert scene.done("ride-svc", "RIDE_CREATE",
                      **request)["proxy"] == number


@pytest.mark.parametrize("numbers", [1, 3])
def test_creates_at_the_same_moment(world, scene, redis, numbers):
    """One driver, many customers, a few numbers: as many rides as numbers."""
    scene.numbers(numbers)
    dan = scene.driver()
    customers = [scene.customer() for _ in range(24)]
    replies = []

    def run(some):
        bus = scene.daemon("ride-svc").connect()
        replies.extend(bus.ask_all([("RIDE_CREATE", scene.request(
            c, dan, key=f"race-{c.id}")) for c in some]))
        bus.close()

    threads = [threading.Thread(target=run, args=(customers[i::4],))
               for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [body for name, body in replies if name == "RIDE"]
    assert len(made) == numbers
    assert len({ride["proxy"] for ride in made}) == numbers
    assert {body["code"] for name, body in replies
            if name == "PROBLEM"} == {"no_number"}
    check_invariants(redis, settled=False)


def test_one_request_many_times_at_once(scene, redis, pair):
    scene.numbers(5)
    request = scene.request(*pair)
    replies = scene.daemon("ride-svc").bus.ask_all(
        [("RIDE_CREATE", request)] * 40)
    assert {name for name, _ in replies} == {"RIDE"}
    assert len({body["id"] for _, body in replies}) == 1
    assert sum(scene.uses().values()) == 1 and len(scene.outbox()) == 2


def test_the_route_has_the_last_word(scene, redis, pair):
    """The pool lost its holds, as after a failover: no number is given to
    somebody twice all the same."""
    numbers = scene.numbers(3)
    ann, dan = pair
    taken = [scene.ride(ann, dan)["proxy"] for _ in range(2)]
    scene.world.forget_holds()
    third = scene.ride(ann, dan)
    assert sorted(taken + [third["proxy"]]) == sorted(numbers)
    scene.world.forget_holds()
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        ann, dan))[0] == "no_number"
    assert len({key for key in redis.client.keys("route:*")}) == 6


def test_lists_newest_first_by_pages(scene, redis):
    scene.numbers(4)
    rides = []
    for _ in range(7):
        rides.insert(0, scene.ride(scene.customer(), scene.driver())["id"])
        redis.move(ms=1)
    seen, cursor = [], ""
    while True:
        page = scene.done("ride-svc", "RIDE_LIST", before=cursor, limit=3)
        seen += [r["id"] for r in page["rides"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == rides


def test_references_are_told_whole(scene, redis, pair):
    """Those of its own notices stand on a ride's timeline without its id."""
    scene.number()
    ride = scene.ride(*pair)
    partition, text = int(ride["id"][:2]), ride["id"][:3] + "x" * 22
    for reference in ("c", text, ""):
        redis.client.rpush(f"timeline:{{{partition}}}:{ride['id']}",
                           msgpack.packb([1, "x", "customer", reference]))
    events = scene.done("ride-svc", "RIDE_TIMELINE", id=ride["id"])["events"]
    assert [e["reference"] for e in events][1:] == [
        ride["id"] + "c", text, ""]


def test_one_number_serves_thousands(scene, redis):
    """Each of its 2,000 rides is found by who writes."""
    number, rides = scene.number(), 2000

    def ask_all(requests):
        """No more at once than a busy machine answers in time."""
        return [answer for at in range(0, len(requests), 100)
                for answer in scene.daemon("ride-svc").bus.ask_all(
                    requests[at:at + 100], ms=30_000)]
    phones = [f"1{area}55501{n:02}" for area in range(201, 241)
              for n in range(100)]
    added = ask_all([
        ("PERSON_ADD", {"key": phone, "role": role, "name": phone,
                        "phone": "+" + phone})
        for phone, role in zip(phones, ["customer", "driver"] * rides)])
    people = [body["id"] for _, body in added]
    pairs = list(zip(people[::2], people[1::2]))
    made = ask_all([
        ("RIDE_CREATE", {"key": f"key {c}", "customer": c, "driver": d,
                         "start": "Home", "destination": "Airport",
                         "datetime": "now"}) for c, d in pairs])
    assert Counter(body["proxy"] for _, body in made) == {number: rides}
    wait_for(lambda: scene.uses() == {number: rides}, what="all confirmed")
    for at in (0, 999, 1999):
        customer, driver = phones[2 * at], phones[2 * at + 1]
        assert scene.text(driver, number, text=f"to {at}") == "forwarded"
        assert scene.texts()[-1] == (customer, f"to {at}")
    ended = ask_all([("RIDE_END", {"id": ride["id"]})
                     for _, ride in made[::2]])
    assert {body["state"] for _, body in ended} == {"grace"}
    redis.move(hours=73)
    wait_for(lambda: scene.uses() == {number: 0}, what="all over")


@pytest.mark.parametrize("name, body, code, field", [
    ("RIDE_LIST", {"limit": 0}, "invalid", "limit"),
    ("RIDE_LIST", {"limit": 201}, "invalid", "limit"),
    ("RIDE_LIST", {"limit": 5, "before": "x"}, "invalid", "cursor"),
    ("RIDE_LIST", {"limit": 5, "before": "12.x"}, "invalid", "cursor"),
    *[(name, {"id": id}, "not_found", "id")
      for name in ("RIDE_GET", "RIDE_END", "RIDE_TIMELINE")
      for id in ("", "1", "17-" + "A" * 22, "64-" + "A" * 22, "x" * 25,
                 "17-" + "{" * 22)]])
def test_rides_that_are_not_there(scene, name, body, code, field):
    assert scene.refused("ride-svc", name, **body) == (code, field)


def test_a_number_added_again_is_told_as_it_is(scene):
    number = scene.number()
    scene.ride(scene.customer(), scene.driver())
    again = scene.done("pool-svc", "NUMBER_ADD", phone="+" + number)
    assert (again["phone"], again["rides"]) == (number, 1)
