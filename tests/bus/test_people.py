"""ride-svc's people: added, edited, removed, listed; never with a phone that
is a proxy number, and never shown with it."""
import threading

import pytest

SERVICES = ["ride-svc", "pool-svc"]
PHONE = "447700900001"
MASKED = "+44 7 •••• •••01"


def add(scene, **more):
    return {"key": "k1", "role": "customer", "name": "Ann",
            "phone": "+" + PHONE, **more}


def test_ids_count_from_1_in_each_list(scene):
    assert [scene.customer().id for _ in range(3)] == [1, 2, 3]
    assert [scene.driver().id for _ in range(2)] == [1, 2]


def test_the_same_request_is_the_same_person(scene):
    first = scene.done("ride-svc", "PERSON_ADD", **add(scene))
    assert scene.done("ride-svc", "PERSON_ADD", **add(scene)) == first
    assert first == {"id": 1, "role": "customer", "name": "Ann",
                     "phone": MASKED}
    assert scene.refused("ride-svc", "PERSON_ADD",
                         **add(scene, name="Bob"))[0] == "key_reused"
    assert scene.customer().id == 2


def test_a_late_repeat_does_not_undo_an_edit(scene):
    scene.done("ride-svc", "PERSON_ADD", **add(scene))
    scene.done("ride-svc", "PERSON_EDIT", id=1, role="customer", name="Anna")
    scene.done("ride-svc", "PERSON_ADD", **add(scene))
    assert scene.done("ride-svc", "PERSON_GET", id=1,
                      role="customer")["name"] == "Anna"


REFUSED = [
    ("no name", {"name": ""}, "missing", "name"),
    ("blank name", {"name": "  "}, "missing", "name"),
    ("long name", {"name": "x" * 101}, "too_long", "name"),
    ("name with a line break", {"name": "a\nb"}, "invalid", "name"),
    ("no key", {"key": ""}, "missing", "key"),
    ("no phone", {"phone": ""}, "missing", "phone"),
    ("national phone", {"phone": "07700 900001"}, "phone_national", "phone"),
    ("letters", {"phone": "+44 call me"}, "phone_invalid", "phone"),
    ("too short", {"phone": "+123456"}, "phone_invalid", "phone"),
    ("too long", {"phone": "+1234567890123456"}, "phone_invalid", "phone"),
    ("unknown role", {"role": "pilot"}, "invalid", "role"),
]


@pytest.mark.parametrize("fault, code, field",
                         [case[1:] for case in REFUSED],
                         ids=[case[0] for case in REFUSED])
def test_a_refused_add_uses_up_no_id(scene, fault, code, field):
    assert scene.refused("ride-svc", "PERSON_ADD",
                         **add(scene, **fault)) == (code, field)
    assert scene.customer().id == 1


def test_the_longest_name_is_taken(scene):
    assert scene.done("ride-svc", "PERSON_ADD",
                      **add(scene, name="ü" * 100))["name"] == "ü" * 100


@pytest.mark.parametrize("typed", [
    "+447700900001", "447700900001", "00447700900001", "+44 7700 900-001",
    " +44 (0)7700 900 001 "])
def test_forms_in_which_people_type_a_phone(scene, typed):
    scene.number()
    person = scene.done("ride-svc", "PERSON_ADD", **add(scene, phone=typed))
    assert person["phone"] == MASKED
    # It is the same phone: a proxy number it can no longer be.
    assert scene.refused("pool-svc", "NUMBER_ADD", phone=PHONE) == (
        "phone_in_use", "phone")


def test_edit(scene):
    person = scene.customer()
    body = {"id": person.id, "role": "customer"}
    edited = scene.done("ride-svc", "PERSON_EDIT", **body, name="New")
    assert (edited["name"], edited["phone"][-2:]) == ("New",
                                                      person.phone[-2:])
    edited = scene.done("ride-svc", "PERSON_EDIT", **body,
                        phone="+447700900477")
    assert (edited["name"], edited["phone"]) == ("New", "+44 7 •••• •••77")
    assert scene.done("ride-svc", "PERSON_GET", **body) == edited
    # The old phone is free to be a proxy number, the new one is not.
    scene.done("pool-svc", "NUMBER_ADD", phone=person.phone)
    assert scene.refused("pool-svc", "NUMBER_ADD",
                         phone="447700900477")[0] == "phone_in_use"
    assert scene.refused("ride-svc", "PERSON_EDIT", **body,
                         phone=person.phone)[0] == "phone_in_use"


@pytest.mark.parametrize("name, more", [
    ("PERSON_GET", {}), ("PERSON_REMOVE", {}), ("PERSON_EDIT", {"name": "x"})])
@pytest.mark.parametrize("id", [0, 7, -1, 2 ** 62])
def test_who_is_not_there(scene, name, more, id):
    scene.customer()
    assert scene.refused("ride-svc", name, id=id, role="customer",
                         **more) == ("not_found", "id")


def test_remove(scene):
    person, other = scene.customer(), scene.customer()
    body = {"id": person.id, "role": "customer"}
    scene.done("ride-svc", "PERSON_REMOVE", **body)
    assert scene.refused("ride-svc", "PERSON_GET", **body)[0] == "not_found"
    listed = scene.done("ride-svc", "PERSON_LIST", role="customer", limit=10)
    assert [p["id"] for p in listed["people"]] == [other.id]
    assert scene.customer().id == 3, "an id is never given twice"
    # Typed in the wrong list: at once free to be a proxy number.
    scene.done("pool-svc", "NUMBER_ADD", phone=person.phone)


@pytest.mark.parametrize("hours", [0, 47])
def test_who_was_removed_does_not_come_back(scene, redis, hours):
    """By a late repeat of the request that added that person."""
    body = {"id": 1, "role": "customer"}
    scene.done("ride-svc", "PERSON_ADD", **add(scene))
    scene.done("ride-svc", "PERSON_REMOVE", **body)
    redis.move(hours=hours)
    for _ in range(2):
        assert scene.refused("ride-svc", "PERSON_ADD", **add(scene)) == (
            "key_reused", "Idempotency-Key")
    assert scene.refused("ride-svc", "PERSON_GET", **body)[0] == "not_found"
    listed = scene.done("ride-svc", "PERSON_LIST", role="customer", limit=10)
    assert listed["people"] == []
    scene.done("pool-svc", "NUMBER_ADD", phone=PHONE)


def test_who_was_removed_is_added_anew_by_another_request(scene):
    scene.done("ride-svc", "PERSON_ADD", **add(scene))
    scene.done("ride-svc", "PERSON_REMOVE", id=1, role="customer")
    assert scene.done("ride-svc", "PERSON_ADD",
                      **add(scene, key="k2"))["id"] == 2


def test_who_rides_is_not_removed(scene, redis):
    scene.number()
    ann, dan = scene.customer(), scene.driver()
    ride = scene.ride(ann, dan)
    for person in (ann, dan):
        assert scene.refused("ride-svc", "PERSON_REMOVE", id=person.id,
                             role=person.role)[0] == "has_live_rides"
    scene.end(ride)
    redis.move(hours=25)
    scene.done("ride-svc", "PERSON_REMOVE", id=ann.id, role="customer")
    # Still in cool-down: the phone is no proxy number before it is over.
    assert scene.refused("pool-svc", "NUMBER_ADD",
                         phone=ann.phone)[0] == "phone_in_use"
    redis.move(hours=49)
    scene.done("pool-svc", "NUMBER_ADD", phone=ann.phone)


def test_who_rides_for_long_is_not_removed(scene, redis):
    """An extended ride counts until its new end."""
    scene.number()
    ann, dan = scene.customer(), scene.driver()
    ride = scene.ride(ann, dan)
    scene.done("ride-svc", "RIDE_EXTEND", id=ride["id"],
               ends=redis.now_ms() + 90 * 24 * 3600 * 1000)
    redis.move(days=60)
    assert scene.refused("ride-svc", "PERSON_REMOVE", id=ann.id,
                         role="customer")[0] == "has_live_rides"
    scene.done("ride-svc", "PERSON_EDIT", id=dan.id, role="driver",
               phone="+447700900477")
    assert scene.refused("pool-svc", "NUMBER_ADD",
                         phone=dan.phone)[0] == "phone_in_use"


def test_list_by_pages(scene):
    people = [scene.driver() for _ in range(5)]
    scene.customer()
    seen, after = [], 0
    while True:
        page = scene.done("ride-svc", "PERSON_LIST", role="driver",
                          after=after, limit=2)
        seen += [(p["id"], p["name"]) for p in page["people"]]
        assert all("•" in p["phone"] for p in page["people"])
        after = page["next"]
        if after == 0:
            break
    assert seen == [(p.id, p.name) for p in people]


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_list_limits(scene, limit):
    assert scene.refused("ride-svc", "PERSON_LIST", role="driver",
                         limit=limit) == ("invalid", "limit")


def test_one_phone_may_be_a_customer_and_a_driver(scene):
    ann = scene.customer()
    assert scene.driver(phone=ann.phone).id == 1
    # It is in use until neither uses it.
    scene.done("ride-svc", "PERSON_REMOVE", id=ann.id, role="customer")
    assert scene.refused("pool-svc", "NUMBER_ADD",
                         phone=ann.phone)[0] == "phone_in_use"


def test_a_proxy_number_is_nobodys_phone(scene):
    number = scene.number()
    assert scene.refused("ride-svc", "PERSON_ADD",
                         **add(scene, phone=number)) == ("phone_in_use",
                                                         "phone")
    assert scene.customer().id == 1


def test_a_phone_and_a_proxy_number_at_the_same_moment(world, scene):
    """Of the two exactly one wins, for every phone."""
    phones = [f"447700900{n:03}" for n in range(100, 150)]
    replies = {}

    def run(service, requests):
        bus = scene.daemon(service).connect()
        replies[service] = bus.ask_all(requests)
        bus.close()

    threads = [
        threading.Thread(target=run, args=("ride-svc", [
            ("PERSON_ADD", add(scene, key=p, phone=p)) for p in phones])),
        threading.Thread(target=run, args=("pool-svc", [
            ("NUMBER_ADD", {"phone": p}) for p in reversed(phones)]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    people = [name != "PROBLEM" for name, _ in replies["ride-svc"]]
    numbers = [name != "PROBLEM" for name, _ in reversed(replies["pool-svc"])]
    assert all(p != n for p, n in zip(people, numbers))


# ---- at the same moment ----

@pytest.fixture
def two(world):
    """A second copy of ride-svc."""
    second = world.start("ride-svc", "ride-svc-2")
    yield [world.living("ride-svc")[0], second]
    second.stop(at_once=True)


def at_once(daemons, *requests):
    """Each at another copy; the answers in the same order."""
    ids = [(d.bus, d.bus.begin(*r)) for d, r in zip(daemons, requests)]
    return [bus.answers([i])[i] for bus, i in ids]


@pytest.mark.parametrize("turn", range(12))
def test_edits_at_once_undo_nothing(scene, two, turn):
    """Of name and phone: both stand, and the new phone alone is marked."""
    person = scene.customer()
    base = {"id": person.id, "role": "customer"}
    phone = next(scene.phones)
    requests = [("PERSON_EDIT", {**base, "phone": "+" + phone}),
                ("PERSON_EDIT", {**base, "name": "Eve"})]
    for name, answer in at_once(two[::1 if turn % 2 else -1], *requests):
        assert name == "PERSON", answer
    now = scene.done("ride-svc", "PERSON_GET", **base)
    assert (now["name"], now["phone"][-2:]) == ("Eve", phone[-2:])
    assert scene.refused("pool-svc", "NUMBER_ADD",
                         phone="+" + phone)[0] == "phone_in_use"
    scene.done("pool-svc", "NUMBER_ADD", phone="+" + person.phone)


@pytest.mark.parametrize("turn", range(12))
def test_phones_that_change_at_once(scene, two, turn):
    """One of them is the last, and the others are nobody's."""
    person = scene.customer()
    base = {"id": person.id, "role": "customer"}
    phones = [next(scene.phones) for _ in range(2)]
    requests = [("PERSON_EDIT", {**base, "phone": "+" + p}) for p in phones]
    assert [n for n, _ in at_once(two, *requests)] == ["PERSON"] * 2
    last = scene.done("ride-svc", "PERSON_GET", **base)["phone"][-2:]
    for phone in [person.phone, *phones]:
        reply, _ = scene.ask("pool-svc", "NUMBER_ADD", phone="+" + phone)
        assert reply == ("PROBLEM" if phone[-2:] == last else "NUMBER")


@pytest.mark.parametrize("turn", range(12))
def test_an_edit_beside_a_removal(scene, two, redis, turn):
    """Who was removed stays so, and leaves no phone marked."""
    person = scene.customer()
    base = {"id": person.id, "role": "customer"}
    phone = next(scene.phones)
    edited, removed = at_once(
        two[::1 if turn % 2 else -1],
        ("PERSON_EDIT", {**base, "phone": "+" + phone}),
        ("PERSON_REMOVE", {**base, "key": f"r{turn}"}))
    assert removed[0] == "OK" and edited[0] in ("PERSON", "PROBLEM")
    assert scene.refused("ride-svc", "PERSON_GET", **base)[0] == "not_found"
    assert 0 < redis.client.ttl(f"customer:{person.id}") <= 172800
    for free in (person.phone, phone):
        scene.done("pool-svc", "NUMBER_ADD", phone="+" + free)


def test_a_removal_is_repeated(scene, two):
    """Whoever answered died before it did: another copy answers the same."""
    person = scene.customer()
    base = {"id": person.id, "role": "customer"}
    for daemon in two:
        assert daemon.bus.ask("PERSON_REMOVE", {**base, "key": "r"})[0] == "OK"
    assert scene.refused("ride-svc", "PERSON_REMOVE", key="other",
                         **base)[0] == "not_found"
    assert scene.refused("ride-svc", "PERSON_REMOVE", **base)[0] == "not_found"


def test_nothing_in_the_store_or_the_logs_shows_a_phone(world, scene):
    ann = scene.customer()
    for key in world.redis.client.keys("*"):
        dump = world.redis.client.dump(key)
        assert ann.phone.encode() not in key + dump
    for daemon in world.daemons:
        assert ann.phone not in daemon.log()


def test_who_cannot_be_read_is_told_of(world, scene):
    """Sealed with a key that is gone, or damaged: nobody wonders where they
    are."""
    ann = scene.customer()
    world.redis.client.hset(f"customer:{ann.id}", "phone", "damaged")
    assert scene.refused("ride-svc", "PERSON_GET", role="customer",
                         id=ann.id)[0] == "not_found"
    assert any("person.does_not_open" in daemon.log()
               for daemon in world.daemons)
