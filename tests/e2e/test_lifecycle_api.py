"""The JSON API as an integrator uses it: lists by pages, changes, a ride's life, request keys, an empty pool."""

import re
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from poll import wait_for

SETTINGS = {"SAMPLES": "off", "GRACE_HOURS": "0", "COOLDOWN_HOURS": "0", "RIDE_HOURS": "2"}
PEOPLE, NUMBERS = 7, 3


def later(**time):
    return (datetime.now(timezone.utc) + timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module", name="api")
def filled(deployment):
    """An empty store is filled here, so that what each create says is seen, too."""
    api = deployment.api
    for kind in ("customers", "drivers", "numbers", "pools", "rides"):
        assert api.get(f"/api/v1/{kind}").json == {"items": [], "next": None}
    pool = api.post("/api/v1/pools", {"name": "default"})
    assert (pool.status, pool.json["id"], pool.json["prefixes"]) == (201, "default", [])
    for number in range(1, NUMBERS + 1):
        made = api.post("/api/v1/numbers", {"phone": f"+44 7700 9003{number:02}", "pool": "default"})
        assert (made.status, made.json["phone"]) == (201, f"+4477009003{number:02}")
        assert (made.json["pool"], made.json["state"], made.json["rides"]) == ("default", "active", 0)
    for role, first in (("customer", 100), ("driver", 200)):
        for number in range(1, PEOPLE + 1):
            made = api.post(f"/api/v1/{role}s", {"name": f"{role} {number}", "phone": f"0044 7700 900{first + number}"})
            assert (made.status, made.json["id"], made.json["name"]) == (201, number, f"{role} {number}")
            assert made.headers["Location"] == f"/api/v1/{role}s/{number}"
            assert made.json == api.get(made.headers["Location"]).json
            assert not re.search(r"900\d{3}", made.json["phone"])
    return api


def free_all(deployment):
    """Ends every ride: with no grace and no cool-down its number is free at once."""
    for ride in deployment.listed("rides"):
        if ride["state"] == "live":
            assert deployment.api.post(f"/api/v1/rides/{ride['id']}/end").status == 200


@pytest.mark.parametrize("kind, count", [("customers", PEOPLE), ("drivers", PEOPLE), ("numbers", NUMBERS), ("rides", 5)])
@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages(deployment, api, kind, count, limit):
    if kind == "rides" and not deployment.listed("rides"):
        for number in range(1, count + 1):
            deployment.ride(number, number)
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = api.get(f"/api/v1/{kind}?limit={limit}" + (f"&cursor={cursor}" if cursor else "")).json
        assert len(page["items"]) <= limit
        seen += [item["id"] for item in page["items"]]
        cursor, pages = page["next"], pages + 1
        assert pages <= count // limit + 2
    assert len(seen) == len(set(seen)) == count
    if kind in ("customers", "drivers"):
        assert seen == sorted(seen)


def test_rides_come_newest_first(deployment, api):
    assert api
    times = [ride["created_at"] for ride in deployment.listed("rides")]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("role", ["customer", "driver"])
def test_change_a_person(api, role):
    path = f"/api/v1/{role}s/{PEOPLE}"
    old = api.get(path).json
    named = api.json("PATCH", path, {"name": "Zoë O'Neil <3"})
    assert (named.status, named.json["name"], named.json["phone"]) == (200, "Zoë O'Neil <3", old["phone"])
    moved = api.json("PATCH", path, {"phone": "+31612345678"})
    assert (moved.status, moved.json["name"]) == (200, "Zoë O'Neil <3")
    assert moved.json["phone"] == "+31 6 •••• ••78"
    whole = api.json("PUT", path, {"name": "Bob", "phone": f"+4477009009{5 if role == 'customer' else 6}1"})
    assert (whole.status, whole.json["name"]) == (200, "Bob")
    assert api.get(path).json == whole.json


@pytest.mark.parametrize("role", ["customer", "driver"])
def test_delete_a_person(deployment, api, role):
    made = api.post(f"/api/v1/{role}s", {"name": "Short Stay", "phone": "+447700900555"}).json
    path = f"/api/v1/{role}s/{made['id']}"
    gone = api.request("DELETE", path)
    assert (gone.status, gone.body) == (204, b"")
    assert api.get(path).status == 404 and api.request("DELETE", path).status == 404
    assert made["id"] not in [p["id"] for p in deployment.listed(role + "s")]
    again = api.post(f"/api/v1/{role}s", {"name": "Short Stay", "phone": "+447700900555"})
    assert again.json["id"] > made["id"]
    assert api.request("DELETE", f"/api/v1/{role}s/{again.json['id']}").status == 204


def test_delete_a_person_who_rides(deployment, api):
    free_all(deployment)
    ride = deployment.ride(1, 1)
    for path in ("/api/v1/customers/1", "/api/v1/drivers/1"):
        answer = api.request("DELETE", path)
        assert (answer.status, answer.json["code"]) == (409, "has_live_rides")
    assert api.post(f"/api/v1/rides/{ride['id']}/end").status == 200


def test_the_same_key_is_the_same_ride(deployment, api):
    free_all(deployment)
    mark = deployment.sandbox.last()
    key = {"Idempotency-Key": uuid.uuid4().hex}
    fields = {"customer": 2, "driver": "2", "start": "a", "destination": "b", "datetime": "c"}
    first, second = (api.post("/api/v1/rides", fields, key) for _ in range(2))
    assert (first.status, second.status) == (201, 201) and first.json == second.json
    assert first.headers["Location"] == second.headers["Location"] == f"/api/v1/rides/{first.json['id']}"
    other = api.post("/api/v1/rides", {**fields, "start": "elsewhere"}, key)
    assert (other.status, other.json["code"]) == (409, "key_reused")
    assert len(deployment.sandbox.wait_texts(2, mark)) == 2
    person = {"name": "Once", "phone": "+447700900556"}
    made = [api.post("/api/v1/customers", person, key) for _ in range(2)]
    assert [a.status for a in made] == [201, 201] and made[0].json == made[1].json
    assert api.post("/api/v1/customers", {**person, "name": "Twice"}, key).status == 409


def test_the_same_key_at_the_same_moment(deployment, api):
    free_all(deployment)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    fields = {"customer": 3, "driver": 3, "start": "a", "destination": "b", "datetime": "c"}
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(api.copy().post("/api/v1/rides", fields, key)))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status for a in answers] == [201] * 8
    assert len({a.json["id"] for a in answers}) == 1


def test_no_number(deployment, api):
    """The pool's end: the sentence, and when the next one comes free; then one more number heals it."""
    free_all(deployment)
    ends = [deployment.ride(4, 4, ends_at=later(hours=5 + n))["ends_at"] for n in range(NUMBERS)]
    fields = {"customer": 4, "driver": 4, "start": "a", "destination": "b", "datetime": "c"}
    answer = api.post("/api/v1/rides", fields)
    assert (answer.status, answer.json["code"]) == (409, "no_number")
    assert answer.json["title"] == "No number available! Please extend your pool."
    assert min(ends)[:13] == answer.json["next_free_at"][:13]
    page = deployment.api.form("/createride", fields)
    assert page.status == 409 and "No number available! Please extend your pool." in page.text
    assert answer.json["next_free_at"] in page.text
    # Others have numbers, still; so has this pair once there is one more.
    assert deployment.ride(5, 5)["proxy"]
    assert api.post("/api/v1/numbers", {"phone": "+447700900399"}).status == 201
    assert deployment.ride(4, 4)["proxy"] == "+447700900399"


def test_the_last_number_at_the_same_moment(deployment, api):
    """Two rides of one pair, one number: exactly one wins."""
    free_all(deployment)
    count = len(deployment.listed("numbers"))
    for _ in range(count - 1):
        deployment.ride(6, 6)
    fields = {"customer": 6, "driver": 6, "start": "a", "destination": "b", "datetime": "c"}
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(api.copy().post("/api/v1/rides", fields))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status for a in answers) == [201] + [409] * 5
    assert len({r["proxy"] for r in deployment.listed("rides") if r["state"] == "live"}) == count


def test_the_end_of_a_ride(deployment, api):
    free_all(deployment)
    ride = deployment.ride(1, 2)
    connected = deployment.sandbox.call("+447700900101", ride["proxy"])
    assert connected["rings"] and ride["state"] == "live"
    ended = api.post(f"/api/v1/rides/{ride['id']}/end")
    assert ended.status == 200 and ended.json["state"] == "closed"
    assert api.post(f"/api/v1/rides/{ride['id']}/end").status == 200
    mark = deployment.sandbox.last()
    assert deployment.sandbox.call("+447700900101", ride["proxy"])["rings"] is None
    assert deployment.sandbox.text("+447700900101", ride["proxy"], "too late")["status"] == 200
    assert api.post(f"/api/v1/rides/{ride['id']}/extend", {"ends_at": later(hours=9)}).json["code"] == "ride_over"
    assert not deployment.sandbox.accepted(mark)
    assert [e["what"] for e in deployment.timeline(ride)].count("ride.ended") == 1
    held = {n["phone"]: n["rides"] for n in deployment.listed("numbers")}
    assert held[ride["proxy"]] == 0


def test_extend_a_ride(deployment, api):
    free_all(deployment)
    ride = deployment.ride(1, 3, datetime="soon")
    until = later(hours=30)
    longer = api.post(f"/api/v1/rides/{ride['id']}/extend", {"ends_at": until})
    assert (longer.status, longer.json["ends_at"]) == (200, until)
    assert api.post(f"/api/v1/rides/{ride['id']}/extend", {"ends_at": until}).status == 200
    shorter = api.post(f"/api/v1/rides/{ride['id']}/extend", {"ends_at": later(hours=1)})
    assert (shorter.status, shorter.json["field"]) == (422, "ends_at")
    assert api.get(f"/api/v1/rides/{ride['id']}").json["ends_at"] == until
    assert "ride.extended" in [e["what"] for e in deployment.timeline(ride)]


def test_cancel_a_ride(deployment, api):
    free_all(deployment)
    ride = deployment.ride(2, 3)
    first, again = (api.post(f"/api/v1/rides/{ride['id']}/cancel") for _ in range(2))
    assert (first.status, first.json["state"]) == (200, "closed") and again.json == first.json
    assert deployment.sandbox.call("+447700900102", ride["proxy"])["rings"] is None
    reopened = api.post(f"/api/v1/rides/{ride['id']}/reopen", {"ends_at": later(hours=1)})
    assert (reopened.status, reopened.json["code"]) == (409, "ride_over")
    assert [e["what"] for e in deployment.timeline(ride)].count("ride.cancelled") == 1
    assert api.post(f"/api/v1/rides/{ride['id'][::-1]}/cancel").status == 404


def test_reopen_a_live_ride(deployment, api):
    free_all(deployment)
    ride = deployment.ride(2, 3)
    path = f"/api/v1/rides/{ride['id']}/reopen"
    other = api.post(path, {"ends_at": later(hours=30)})
    assert (other.status, other.json["code"]) == (409, "ride_live")
    for body, field in (({}, "ends_at"), ({"ends_at": "soon"}, "ends_at")):
        wrong = api.post(path, body)
        assert (wrong.status, wrong.json["field"]) == (422, field)


def test_ends_and_pickup(deployment, api):
    """RIDE_HOURS after pickup where it can be read, else after now; an end that is given is the end."""
    assert api
    free_all(deployment)
    far = deployment.ride(1, 4, datetime="2031-05-06T07:30")
    assert far["ends_at"] == "2031-05-06T09:30:00Z"
    soon = deployment.ride(2, 5, datetime="when the cows come home")
    assert later(minutes=115) < soon["ends_at"] <= later(minutes=121)
    until = later(minutes=90)
    assert deployment.ride(3, 6, datetime="2031-05-06T07:30:00Z", ends_at=until)["ends_at"] == until


def test_a_ride_without_an_end(deployment, api):
    free_all(deployment)
    ride = deployment.ride(1, 4, ends_at="never")
    assert (ride["ends_at"], ride["grace_ends_at"], ride["number_kept_until"]) == (None, None, None)
    path = f"/api/v1/rides/{ride['id']}"
    until = later(hours=3)
    assert api.post(path + "/extend", {"ends_at": until}).json["ends_at"] == until
    assert api.post(path + "/extend", {"ends_at": "never"}).json["ends_at"] is None
    assert api.post(path + "/extend", {"ends_at": "Never"}).status == 422
    ended = api.post(path + "/end").json
    assert ended["state"] == "closed" and ended["ends_at"] <= later(seconds=1)


def test_one_channel_only(deployment, api):
    """Of somebody who never had these numbers: a text has its second only, and is none of the ride before."""
    free_all(deployment)
    phone = "+447700900557"
    person = api.post("/api/v1/customers", {"name": "New", "phone": phone}).json["id"]
    assert deployment.ride(1, 4)["channels"] == ["sms", "voice"]
    calls = deployment.ride(person, 5, channels=["voice"])
    assert calls["channels"] == ["voice"]
    mark = deployment.sandbox.last()
    assert deployment.sandbox.text(phone, calls["proxy"], "hello?")["status"] == 200
    got = deployment.sandbox.wait_text(phone, "This number takes calls only, so your message was not delivered.")
    assert got["originator"] == calls["proxy"][1:]
    assert "hello?" not in str(deployment.sandbox.accepted(mark))
    assert deployment.sandbox.call(phone, calls["proxy"])["rings"]
    texts = deployment.ride(person, 6, channels=["sms"])
    assert deployment.sandbox.call(phone, texts["proxy"])["rings"] is None
    assert deployment.sandbox.text(phone, texts["proxy"], "hello!")["status"] == 200
    assert deployment.sandbox.wait_text("+447700900206", "hello!")


@pytest.mark.parametrize("role", ["driver", "customer"])
def test_another_party(deployment, api, role):
    """The ride goes on with the same number, and all three hear of it."""
    free_all(deployment)
    other = "customer" if role == "driver" else "driver"
    phones = [f"+4477009005{6 if role == 'driver' else 7}{n}" for n in range(3)]
    people = [api.post(f"/api/v1/{who}s", {"name": name, "phone": phone}).json["id"]
              for who, name, phone in zip((role, role, other), ("Kim", "Sam", "Lou"), phones)]
    (left, new, stays), made = phones, {role: people[0], other: people[2]}
    ride = deployment.ride(made["customer"], made["driver"])
    path, mark = f"/api/v1/rides/{ride['id']}", deployment.sandbox.last()
    for _ in range(2):
        changed = api.json("PATCH", path, {role: people[1]})
        assert (changed.status, changed.json["id"], changed.json["proxy"]) == (200, ride["id"], ride["proxy"])
        assert changed.json[role]["name"] == "Sam" and api.get(path).json == changed.json
    for phone, words in ((new, "Reply to this message"), (stays, "is now Sam"), (left, "no longer yours")):
        wait_for(lambda phone=phone, words=words: any(
            words in m["body"] and phone.strip("+") in m["recipients"] for m in deployment.sandbox.accepted(mark)), what=words)
    assert deployment.sandbox.call(stays, ride["proxy"])["rings"]["phone"] == new.strip("+")
    assert deployment.sandbox.call(new, ride["proxy"])["rings"]["phone"] == stays.strip("+")
    assert deployment.sandbox.call(left, ride["proxy"])["rings"] is None
    # One of the same second may have been written before: the provider's clock tells no more.
    changed_by = int(time.time())
    wait_for(lambda: int(time.time()) > changed_by, what="the next second")
    assert deployment.sandbox.text(stays, ride["proxy"], f"to {role} {new}")["status"] == 200
    deployment.sandbox.wait_text(new, f"to {role} {new}")
    assert f"ride.{role}_changed" in [e["what"] for e in deployment.timeline(ride)]


def test_another_party_with_another_number(deployment, api):
    free_all(deployment)
    ride = deployment.ride(6, 4)
    others = []
    while not others or others[-1]["proxy"] != ride["proxy"]:  # until that driver has this number
        others.append(deployment.ride(5, 3))
    for other in others[:-1]:
        assert api.post(f"/api/v1/rides/{other['id']}/cancel").status == 200
    path = f"/api/v1/rides/{ride['id']}"
    going = api.json("PATCH", path, {"driver": 3})
    assert going.status == 200 and going.json["id"] != ride["id"] and going.json["proxy"] != ride["proxy"]
    assert api.json("PATCH", path, {"driver": "3"}).json == going.json
    old = api.get(path).json
    assert (old["state"], old["next"]) == ("closed", going.json["id"])
    for body, status, code, field in (({}, 422, "missing", "driver"), ({"driver": 1}, 409, "ride_over", "id"),
                                      ({"driver": 1, "customer": 2}, 422, "one_party", "driver"),
                                      ({"driver": 0}, 422, "unknown_person", "driver")):
        wrong = api.json("PATCH", path, body)
        assert (wrong.status, wrong.json["code"], wrong.json["field"]) == (status, code, field), body


def test_two_phones(deployment, api):
    same = api.post("/api/v1/drivers", {"name": "Both", "phone": "+447700900101"}).json
    answer = api.post("/api/v1/rides", {"customer": 1, "driver": same["id"], "start": "a", "destination": "b",
                                        "datetime": "c"})
    assert (answer.status, answer.json["code"]) == (422, "same_phone")
    assert deployment.ready()


def test_the_customers_phone_chooses_the_pool(deployment, api):
    free_all(deployment)
    assert api.post("/api/v1/pools", {"name": "NL", "prefixes": ["31"]}).status == 201
    assert api.post("/api/v1/numbers", {"phone": "+31970000001", "pool": "NL"}).status == 201
    dutch = api.post("/api/v1/customers", {"name": "Jan", "phone": "+31 6 1234 5679"}).json
    ride = deployment.ride(dutch["id"], 1)
    assert (ride["pool"], ride["proxy"]) == ("NL", "+31970000001")
    assert deployment.ride(1, 1)["pool"] == "default"


def test_timeline_tells_the_story(deployment, api):
    assert api
    free_all(deployment)
    ride = deployment.ride(5, 5)
    deployment.sandbox.call("+447700900105", ride["proxy"])
    deployment.sandbox.text("+447700900105", ride["proxy"], "a secret")
    wait_for(lambda: {"call", "text.sent"} <= {e["what"] for e in deployment.timeline(ride)}, what="the story")
    events = deployment.timeline(ride)
    assert events[0]["what"] == "ride.created"
    assert [e["at"] for e in events] == sorted(e["at"] for e in events)
    said = next(e for e in events if e["what"] == "call")
    assert (said["role"], said["detail"]) == ("customer", "connected")
    assert "secret" not in str(events) and "7700900" not in str(events)
