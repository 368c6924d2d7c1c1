"""What is kept of a person, by the API and the pages: given to them, and erased."""

import json

import pytest
from poll import wait_for

NAMES = iter(range(1000))
PHONES = (f"+44770090{n:04}" for n in range(3000, 3900))


def form_on(page):
    return page.text.split('name="form_token" value="', 1)[1].split('"', 1)[0]


@pytest.fixture(name="pair")
def two_people(deployment):
    """New ones, so that no other test minds."""
    made = []
    for kind in ("customers", "drivers"):
        phone = next(PHONES)
        answer = deployment.api.post(f"/api/v1/{kind}", {"name": f"Quux{next(NAMES):03}", "phone": phone})
        assert answer.status == 201, answer
        made.append({**answer.json, "phone": phone})
    return made


def test_export(deployment, pair):
    customer, driver = pair
    ride = deployment.ride(customer["id"], driver["id"], start="Elm Street 7")
    deployment.sandbox.text(customer["phone"], ride["proxy"], "private words")
    kept = deployment.api.get(f"/api/v1/customers/{customer['id']}/export")
    assert kept.status == 200
    assert kept.headers["Cache-Control"] == "no-store"
    assert kept.json["phone"] == customer["phone"]
    assert kept.json["people"] == [
        {"role": "customer", "id": customer["id"], "name": customer["name"], "phone": customer["phone"]}]
    found, = kept.json["rides"]
    assert (found["id"], found["role"], found["start"], found["proxy"]) == (
        ride["id"], "customer", "Elm Street 7", ride["proxy"])
    assert found["timeline"][0]["what"] == "ride.created"
    assert [n["number"] for n in kept.json["numbers"]] == [ride["proxy"]]
    assert kept.json["next"] is None
    assert driver["name"] not in json.dumps({**kept.json, "texts": []})
    assert driver["phone"][1:] not in kept.text
    same = deployment.api.post("/api/v1/export", {"phone": customer["phone"].replace("+", "00")})
    assert same.json["rides"][0]["id"] == ride["id"]
    person = deployment.page.get(f"/customers/{customer['id']}")
    page = deployment.page.form(f"/customers/{customer['id']}/export", {"form_token": form_on(person)})
    assert page.json["phone"] == customer["phone"]
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert page.headers["Cache-Control"] == "no-store"


def test_erase(deployment, pair):
    customer, driver = pair
    ride = deployment.ride(customer["id"], driver["id"], start="Oak Street 9")
    path = f"/api/v1/customers/{customer['id']}/erase"
    refused = deployment.api.post(path, {})
    assert (refused.status, refused.json["code"], refused.json["field"]) == (409, "has_live_rides", "end_rides")
    key = {"Idempotency-Key": f"erase-{customer['id']}"}
    done = deployment.api.post(path, {"end_rides": True}, key)
    assert done.status == 200, done
    assert done.json["erased"]["people"] == done.json["erased"]["rides"] == done.json["erased"]["rides_ended"] == 1
    assert done.json["kept"]["routes"] == 1 and done.json["kept"]["until"]
    assert done.json["begun_at"] <= done.json["done_at"]
    assert deployment.api.post(path, {"end_rides": True}, key).json == done.json
    assert deployment.api.post(path, {"end_rides": True}).status == 404
    assert deployment.api.get(f"/api/v1/customers/{customer['id']}").status == 404
    left = deployment.api.get(f"/api/v1/rides/{ride['id']}").json
    assert left["customer"] == {"id": None, "erased": True, "name": "", "phone": ""}
    assert left["start"] == "" and left["driver"]["name"] == driver["name"]
    assert deployment.api.get(f"/api/v1/rides/{ride['id']}/why").json["code"] == "person_removed"
    for place in ("/", f"/rides/{ride['id']}"):
        page = deployment.page.get(place)
        assert page.status == 200
        assert customer["name"] not in page.text and "Oak Street 9" not in page.text
    assert "erased" in deployment.page.get(f"/rides/{ride['id']}").text
    nothing = deployment.api.post("/api/v1/export", {"phone": customer["phone"]})
    assert nothing.json["people"] == nothing.json["rides"] == nothing.json["texts"] == []


def test_the_disk_forgets_with_the_next_rewrite(deployment, pair):
    customer, driver = pair
    deployment.ride(customer["id"], driver["id"], start="Elm Street 7")
    done = deployment.api.post("/api/v1/erase", {"phone": customer["phone"], "end_rides": True})
    assert done.json["erased"]["people"] == 1

    def on_disk():
        return any(customer["name"].encode() in path.read_bytes()
                   for path in deployment.state.rglob("appendonlydir/*") if path.is_file())
    wait_for(lambda: not on_disk(), 30, "a rewritten append-only file")


@pytest.mark.parametrize("path, body, status, field", [
    ("customers/99999/erase", {}, 404, "id"),
    ("customers/x/erase", {}, 404, "id"),
    ("customers/1/erase", {"end_rides": "perhaps"}, 422, "end_rides"),
    ("erase", {}, 422, "phone"),
    ("erase", {"phone": "0612345678"}, 422, "phone"),
    ("erase", {"phone": 7}, 422, "phone"),
    ("export", {}, 422, "phone"),
    ("export", {"phone": "nobody"}, 422, "phone"),
])
def test_refused(deployment, path, body, status, field):
    answer = deployment.api.post(f"/api/v1/{path}", body)
    assert (answer.status, answer.json["field"]) == (status, field), answer


def test_only_for_who_may(deployment):
    for method, path in (("GET", "/api/v1/customers/1/export"), ("POST", "/api/v1/customers/1/erase"),
                         ("POST", "/api/v1/export"), ("POST", "/api/v1/erase"), ("POST", "/customers/1/export"),
                         ("POST", "/customers/1/erase"), ("GET", "/privacy"), ("POST", "/privacy/export"),
                         ("POST", "/privacy/erase")):
        assert deployment.open.request(method, path).status in (401, 303)
    assert deployment.api.get("/api/v1/customers/1").status == 200


def test_it_is_noted(deployment, pair):
    """The act, how it ended and what was erased; not whose it was."""
    customer, driver = pair
    deployment.ride(customer["id"], driver["id"])
    path = f"/api/v1/customers/{customer['id']}/erase"
    deployment.api.post(path, {})
    deployment.api.get(f"/api/v1/customers/{customer['id']}/export")
    done = deployment.api.post(path, {"end_rides": True}).json
    deployment.api.post("/api/v1/erase", {"phone": driver["phone"]})
    noted = deployment.api.get("/api/v1/audit?limit=4").json["items"]
    assert [(e["what"], e["outcome"], e["who"]) for e in noted] == [
        ("phone.erase", "done", "api-token"), ("customer.erase", "done", "api-token"),
        ("customer.export", "done", "api-token"), ("customer.erase", "has_live_rides", "api-token")]
    assert noted[1]["object"] == str(customer["id"])
    assert noted[1]["detail"].startswith("people=1 rides=1 rides_ended=1 ")
    assert f"numbers={done['erased']['numbers']}" in noted[1]["detail"]
    assert customer["name"] not in str(noted) and driver["phone"][1:] not in str(noted)


def test_only_for_admins(deployment, pair):
    customer, _ = pair
    for scopes in (["read"], ["rides"], ["pool"], ["rides", "pool"]):
        token = deployment.api.post("/api/v1/tokens", {"name": "x", "scopes": scopes}).json["token"]
        api = deployment.open.bearer(token)
        for method, path, body in (("GET", f"customers/{customer['id']}/export", None),
                                   ("POST", f"customers/{customer['id']}/erase", {}),
                                   ("POST", "export", {"phone": customer["phone"]}),
                                   ("POST", "erase", {"phone": customer["phone"]})):
            assert api.json(method, f"/api/v1/{path}", body).status == 403
    assert deployment.api.get(f"/api/v1/customers/{customer['id']}").status == 200


def test_pages(deployment, pair):
    customer, driver = pair
    deployment.ride(customer["id"], driver["id"])
    person = deployment.page.get(f"/customers/{customer['id']}")
    assert f"/customers/{customer['id']}/export" in person.text
    fields = {"form_token": form_on(person)}
    refused = deployment.page.form(f"/customers/{customer['id']}/erase", fields)
    assert refused.status == 409 and "end it first" in refused.text
    fields = {"form_token": form_on(refused), "end_rides": "true"}
    done = deployment.page.form(f"/customers/{customer['id']}/erase", fields)
    assert done.status == 200 and "What was erased" in done.text
    page = deployment.page.get("/privacy")
    wrong = deployment.page.form("/privacy/export", {"form_token": form_on(page), "phone": "0612345678"})
    assert wrong.status == 422 and "national" in wrong.text
    got = deployment.page.form("/privacy/export", {"form_token": form_on(page), "phone": driver["phone"]})
    assert got.json["people"][0]["name"] == driver["name"]
    done = deployment.page.form("/privacy/erase", {"form_token": form_on(page), "phone": driver["phone"]})
    assert done.status == 200 and "What was erased" in done.text
    assert deployment.api.get(f"/api/v1/drivers/{driver['id']}").status == 404
