"""What is taken over from another system: rides that come with their number,
without a notice, and keys that hold for good."""
import msgpack
import pytest

SERVICES = ["pool-svc", "ride-svc", "voice-svc"]
HOUR = 3_600_000
YEAR = {"days": 400}


@pytest.fixture
def pair(scene):
    return scene.customer(), scene.driver()


def taken_over(scene, pair, proxy, **more):
    return scene.request(*pair, proxy="+" + proxy, **{
        "quiet": True, "once": True, **more})


def made(scene, request):
    return scene.done("ride-svc", "RIDE_CREATE", **request)


# ---- with its number ----

def test_a_ride_keeps_its_number(scene, pair):
    numbers = scene.numbers(3)
    ride = scene.ride(*pair, proxy="+" + numbers[2])
    assert ride["proxy"] == numbers[2]
    a, b = pair
    assert scene.text(a.phone, numbers[2]) == "forwarded"
    assert scene.text(b.phone, numbers[2]) == "forwarded"
    assert scene.call(a.phone, numbers[2]) == b.phone
    assert scene.call(b.phone, numbers[2]) == a.phone


@pytest.mark.parametrize("role", [0, 1])
def test_not_where_one_of_them_has_it(scene, redis, pair, role):
    number = scene.numbers(2)[1]
    first = scene.ride(*pair, proxy=number)
    other = [scene.customer(), scene.driver()]
    other[role] = pair[role]
    reply, problem = scene.ask("ride-svc", "RIDE_CREATE",
                               **scene.request(*other, proxy=number))
    assert (reply, problem["code"], problem["field"]) == (
        "PROBLEM", "proxy_held", "proxy")
    assert first["closed"] <= problem["detail"] <= first["closed"] + HOUR
    assert scene.ride(*other)["proxy"] != number


def test_two_others_may_have_it(scene, pair):
    number = scene.number()
    scene.ride(*pair, proxy=number)
    assert scene.ride(scene.customer(), scene.driver(),
                      proxy=number)["proxy"] == number


def test_its_pool_is_the_numbers(scene, pair):
    scene.pool("NL", "31")
    scene.pool("default")
    number = scene.number("NL")
    ride = scene.ride(*pair, proxy=number)
    assert (ride["pool"], ride["proxy"]) == ("NL", number)
    scene.end(ride)


def test_a_number_that_drains(scene, pair):
    number = scene.number()
    scene.done("pool-svc", "NUMBER_EDIT", phone=number, state="draining")
    assert scene.ride(*pair, proxy=number)["proxy"] == number


@pytest.mark.parametrize("proxy, code", [
    ("+447700900999", "unknown_number"), ("0612345678", "phone_national"),
    ("+31", "phone_invalid"), (" ", "missing")])
def test_which_number(scene, pair, proxy, code):
    scene.numbers(1)
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        *pair, proxy=proxy)) == (code, "proxy")


def test_the_same_key_with_another_number(scene, pair):
    numbers = scene.numbers(2)
    request = scene.request(*pair, proxy=numbers[0])
    ride = made(scene, request)
    assert made(scene, request)["id"] == ride["id"]
    for other in ({"proxy": numbers[1]}, {"proxy": ""}, {"quiet": True},
                  {"once": True}):
        assert scene.refused("ride-svc", "RIDE_CREATE", **{
            **request, **other})[0] == "key_reused"


def test_the_same_key_later_with_another_number(scene, redis, pair):
    """Past two days the ride itself is what is compared, where it would be the
    same one: both numbers are of one partition."""
    def partition(number):
        return redis.client.execute_command("CLUSTER", "KEYSLOT", number) % 64

    numbers = scene.numbers(1)
    while len(numbers) == 1:
        number = scene.number()
        if partition(number) == partition(numbers[0]):
            numbers.append(number)
    request = scene.request(*pair, proxy=numbers[0],
                            ends=redis.now_ms() + 240 * HOUR)
    made(scene, request)
    redis.move(hours=72)
    assert scene.refused("ride-svc", "RIDE_CREATE", **{
        **request, "proxy": numbers[1]})[0] == "key_reused"
    assert len(redis.client.keys("ride:*")) == 1


# ---- without a notice ----

def test_no_notices(scene, redis, pair):
    number = scene.number()
    ride = scene.ride(*pair, proxy=number, quiet=True)
    assert scene.outbox() == []
    assert not [key for key in redis.client.keys("waiting:*")
                if redis.client.get(key) != b"0"]
    assert scene.text(pair[0].phone, ride["proxy"]) == "forwarded"
    assert scene.texts() == [(pair[1].phone, "Where are you?")]


def test_what_is_not_sent_may_be_long(world, scene):
    scene.number()
    pair = scene.customer(name="\U0001f697" * 100), scene.driver()
    wordy = world.start("ride-svc", "wordy",
                        DRIVER_NOTICE="x" * 580 + "{customer}")
    world.wait_sees(wordy, "pool-svc")
    assert wordy.bus.ask("RIDE_CREATE", scene.request(*pair))[1][
        "code"] == "sms_too_long"
    scene.ride(*pair, by=wordy, quiet=True)
    wordy.terminate()


# ---- for good ----

def test_a_ride_is_taken_over_once(scene, redis, pair):
    number = scene.number()
    request = taken_over(scene, pair, number)
    ride = made(scene, request)
    assert made(scene, request) == ride
    redis.move(**YEAR)
    assert redis.client.keys("ride:*") == []
    assert scene.refused("ride-svc", "RIDE_CREATE",
                         **request)[0] == "ride_over"
    assert redis.client.keys("ride:*") == [] and scene.uses() == {number: 0}
    assert made(scene, taken_over(scene, pair, number))["id"] != ride["id"]


def test_a_ride_that_outlives_its_request(scene, redis, pair):
    number = scene.number()
    request = taken_over(scene, pair, number,
                         ends=redis.now_ms() + 240 * HOUR)
    ride = made(scene, request)
    redis.move(hours=72)
    assert made(scene, request) == ride
    scene.end(ride)
    assert made(scene, request)["state"] == "grace"
    assert scene.refused("ride-svc", "RIDE_CREATE", **{
        **request, "start": "Elsewhere"})[0] == "key_reused"
    assert len(redis.client.keys("ride:*")) == 1


def test_what_was_refused_may_be_tried_again(scene, redis, pair):
    number = scene.number()
    first = scene.ride(*pair, proxy=number)
    request = taken_over(scene, pair, number)
    assert scene.refused("ride-svc", "RIDE_CREATE",
                         **request)[0] == "proxy_held"
    scene.end(first)
    redis.move(hours=49)
    assert made(scene, request)["proxy"] == number


def test_for_good_needs_a_number(scene, pair):
    scene.numbers(1)
    assert scene.refused("ride-svc", "RIDE_CREATE", **scene.request(
        *pair, once=True)) == ("missing", "proxy")


class Person:
    def __init__(self, scene, role):
        self.scene = scene
        self.body = {"key": f"import-{role}", "role": role, "name": "Anna",
                     "phone": "+447700900001", "once": True}

    def add(self, **more):
        return self.scene.done("ride-svc", "PERSON_ADD",
                               **{**self.body, **more})

    def refused(self):
        return self.scene.refused("ride-svc", "PERSON_ADD", **self.body)

    def do(self, what, **more):
        return self.scene.done("ride-svc", "PERSON_" + what,
                               role=self.body["role"], **more)

    def listed(self):
        return [p["name"] for p in self.people()]

    def people(self):
        return [msgpack.unpackb(p) if isinstance(p, bytes) else p
                for p in self.do("LIST", limit=200)["people"]]


@pytest.fixture(params=["customer", "driver"])
def person(request, scene):
    return Person(scene, request.param)


def test_a_person_is_taken_over_once(person, redis):
    first = person.add()
    assert person.add() == first
    redis.move(**YEAR)
    assert person.add() == first
    assert person.add(name="Anna B.") == first
    assert person.listed() == ["Anna"]


def test_who_was_changed_since_stays_so(person, redis):
    first = person.add()
    person.do("EDIT", id=first["id"], name="Anne", phone="+447700900002")
    redis.move(**YEAR)
    again = person.add()
    assert (again["id"], again["name"]) == (first["id"], "Anne")
    assert again["phone"].endswith("02") and person.listed() == ["Anne"]


@pytest.mark.parametrize("by_hand", [False, True])
def test_who_was_deleted_since_stays_away(person, redis, by_hand):
    if by_hand:
        person.add(key="by-hand", once=False)
    first = person.add()
    person.do("REMOVE", id=first["id"])
    for time in ({}, YEAR):
        redis.move(**time)
        assert person.refused() == ("person_removed", "phone")
        assert person.listed() == []
    # Nobody's phone: a proxy number may be this.
    person.scene.done("pool-svc", "NUMBER_ADD", phone=person.body["phone"])


def test_whose_removal_was_cut(person, redis):
    """Before anything but the person itself was written."""
    first = person.add()
    key = f"{person.body['role']}:{first['id']}"
    redis.client.hdel(key, "name", "phone")
    redis.client.hset(key, "removed", "by-some-request")
    assert person.refused() == ("person_removed", "phone")
    assert person.listed() == [] and b"name" not in redis.client.hkeys(key)


def test_who_is_there_already(person, redis):
    by_hand = person.add(key="by-hand", once=False, name="Anna (by hand)")
    redis.move(**YEAR)
    assert person.add() == by_hand and person.listed() == ["Anna (by hand)"]


def test_who_has_another_phone_by_now_is_another(person, scene):
    """The mark of a phone that was given up lasts as long as its rides; it is
    no owner."""
    scene.number()
    gone = person.add(key="by-hand", once=False, name="Eve")
    role = person.body["role"]
    other = scene.person("driver" if role == "customer" else "customer")
    pair = {role: gone["id"], other.role: other.id}
    made(scene, {"key": "ride", "start": "a", "destination": "b",
                 "datetime": "c", **pair})
    person.do("EDIT", id=gone["id"], phone="+447700900999")
    assert person.add()["id"] != gone["id"]
    assert person.listed() == ["Eve", "Anna"]


def test_a_customer_is_no_driver(scene):
    Person(scene, "customer").add()
    assert Person(scene, "driver").add()["id"] == 1
    assert Person(scene, "driver").listed() == ["Anna"]


def test_a_create_that_was_cut_goes_on(person, redis):
    """As a crash would leave it, long ago: an id, and nobody who has it."""
    first = person.add()
    role = person.body["role"]
    key = redis.client.keys(f"{{{role}s}}:request:*")[0]
    for lost in (f"{role}:1", f"{role}s", *redis.client.keys("phone:*")):
        redis.client.delete(lost)
    redis.move(**YEAR)
    assert person.add() == first and person.listed() == ["Anna"]
    assert redis.client.ttl(key) == -1


def test_a_phone_that_is_a_proxy_number(person):
    person.scene.done("pool-svc", "NUMBER_ADD", phone=person.body["phone"])
    assert person.refused() == ("phone_in_use", "phone")
