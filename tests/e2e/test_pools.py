"""Pools over HTTP: how they stand, their mark, and who is told."""

import re

import pytest
from pages import Browser
from poll import wait_for

STANDS = {"numbers": 10, "held": 0, "busiest": 0, "peak_need": 0, "refused": False, "short_in_days": None,
          "low_water": None, "low": False}


def pool(deployment, **wanted):
    got = deployment.api.get("/api/v1/pools/default").json
    return {name: got[name] for name in wanted}


def test_how_a_pool_stands(deployment):
    got = deployment.api.get("/api/v1/pools/default").json
    days = got.pop("days")
    assert days == [] and STANDS.items() <= got.items()
    listed = deployment.listed("pools")[0]
    assert listed.items() <= got.items()
    assert set(got) - set(listed) == {"customer_notice", "driver_notice", "closed_answer", "closed_caller", "language"}
    deployment.ride(1, 1)
    deployment.ride(1, 2)
    now = {"held": 2, "busiest": 2, "peak_need": 2}
    assert pool(deployment, **now) == now
    day, = deployment.api.get("/api/v1/pools/default").json["days"]
    assert len(day.pop("day")) == len("2026-11-27")
    assert day == {"peak_need": 2, "busiest": 2, "refused": False}


@pytest.mark.parametrize("path, body, status, code, field", [
    ("nowhere", {}, 404, "not_found", "name"),
    ("default", {"low_water": "x"}, 422, "invalid", "low_water"),
    ("default", {"low_water": -1}, 422, "invalid", "low_water"),
    ("default", {"low_water": 1.5}, 422, "invalid", "low_water"),
    ("default", {"low_water": True}, 422, "wrong_kind", "low_water"),
    ("default", {"low_water": 100_001}, 422, "invalid", "low_water")])
def test_what_is_no_mark(deployment, path, body, status, code, field):
    answer = deployment.api.json("PATCH", f"/api/v1/pools/{path}", body)
    assert (answer.status, answer.json["code"], answer.json["field"]) == (status, code, field)
    assert pool(deployment, low_water=None) == {"low_water": None}
    assert deployment.api.get("/api/v1/pools/nowhere").status == 404


def test_a_low_pool(deployment):
    """By the API and by the page; and said on the page, and to Prometheus."""
    browser = Browser(deployment)
    assert "is low on numbers" not in browser.go("/")
    answer = deployment.api.json("PATCH", "/api/v1/pools/default", {"low_water": 11})
    assert answer.status == 200 and answer.json["low"] and answer.json["low_water"] == 11
    assert "Pool default is low on numbers." in browser.go("/")
    wait_for(lambda: 'pool="default"} 1' in metric(deployment, "pool_low"), what="the metric")
    assert 'pool="default"} 10' in metric(deployment, "pool_numbers")
    page = browser.go("/pools/default")
    assert "This pool is low on numbers." in page and 'value="11"' in page
    path = "/pools/default"
    page = browser.send(path, page=path, low_water="many")
    assert browser.answer.status == 422 and 'id="edit-low-water-bad"' in page and 'value="many"' in page
    page = browser.send(path, page=path, low_water="3", **{"from": "pool"})
    assert "The pool is saved." in page and 'value="3"' in page and "low on numbers" not in page
    browser.send(path, page=path, low_water="")
    assert pool(deployment, low_water=0) == {"low_water": None}
    assert deployment.api.json("PATCH", "/api/v1/pools/default", {"low_water": 4}).json["low_water"] == 4
    assert deployment.api.json("PATCH", "/api/v1/pools/default", {}).json["low_water"] == 4
    assert deployment.api.json("PATCH", "/api/v1/pools/default", {"low_water": None}).json["low_water"] is None
    wait_for(lambda: 'pool="default"} 0' in metric(deployment, "pool_low"), what="the metric")
    assert browser.http.get("/pools/nowhere").status == 404


def metric(deployment, name):
    lines = deployment.api.get("/metrics").text.splitlines()
    return next((line for line in lines if line.startswith(f"birdcar_{name}{{")), "")


def test_a_number_in_use_stays_until_it_is_free(deployment):
    ride = deployment.ride(3, 3)
    path = f"/api/v1/numbers/{ride['proxy']}"
    answer = deployment.api.json("PATCH", path, {"state": "draining", "label": "old"})
    assert (answer.json["state"], answer.json["label"], answer.json["rides"]) == ("draining", "old", 1)
    answer = deployment.api.request("DELETE", path, b"", deployment.api.headers)
    assert (answer.status, answer.json["code"]) == (409, "number_held")
    assert answer.json["next_free_at"] >= ride["number_kept_until"]
    assert deployment.sandbox.text("+447700900103", ride["proxy"], "still here")["status"] == 200
    answer = deployment.api.json("PATCH", path, {"state": "active", "label": None})
    assert (answer.json["state"], answer.json["label"]) == ("active", "")
def test_a_replay(deployment):
    """With no grace and no cool-down the rides of now are held until they end."""
    answer = deployment.api.post("/api/v1/pools/default/replay", {"grace_hours": 0.5, "cooldown_hours": "never"},
                                 headers={"Idempotency-Key": "replay-1"})
    job = answer.json
    assert answer.status == 202 and answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["pool"], job["grace_hours"], job["cooldown_hours"]) == ("default", 0.5, "never")

    def over():
        got = deployment.api.get(f"/api/v1/jobs/{job['id']}").json
        return got["state"] != "running" and got
    got = wait_for(over, 60, "the end of the replay")
    rides = len([ride for ride in deployment.listed("rides") if ride["pool"] == "default"])
    assert got == {**job, "state": "done", "percent": 100, "rides": rides, "numbers": 2, "numbers_as_was": 2, "busiest": 2}
    assert deployment.api.post("/api/v1/pools/default/replay", {"grace_hours": 0.5, "cooldown_hours": "never"},
                               headers={"Idempotency-Key": "replay-1"}).json == got
    assert deployment.api.get("/api/v1/jobs/nothing").status == 404


def test_a_replay_by_page(deployment):
    browser, path = Browser(deployment), "/pools/default"
    page = browser.send(f"{path}/replay", page=path, grace_hours="much", cooldown_hours="")
    assert browser.answer.status == 422 and 'id="replay-grace-bad"' in page and 'value="much"' in page
    page = browser.send(f"{path}/replay", page=path, grace_hours="1", cooldown_hours="never")
    assert "a grace of 1 hour and numbers that serve a person once" in page
    job = browser.place
    assert job.startswith("/jobs/")

    def over():
        page = browser.go(job)
        assert ("Refresh" in browser.answer.headers) == ("looks again" in page)
        return "looks again" not in page and page
    page = wait_for(over, 60, "the end of the replay")
    assert re.search("Numbers that would have served them</dt><dd>[0-9]+<", page)
    assert browser.http.get("/jobs/nothing").status == 404


@pytest.mark.parametrize("body, code, field", [
    ({"grace_hours": "never"}, "invalid", "grace_hours"), ({"grace_hours": -1}, "invalid", "grace_hours"),
    ({"grace_hours": 1e9}, "invalid", "grace_hours"), ({"grace_hours": 8785}, "invalid", "grace_hours"),
    ({"cooldown_hours": "0x10"}, "invalid", "cooldown_hours"), ({"cooldown_hours": ""}, "invalid", "cooldown_hours"),
    ({"cooldown_hours": [1]}, "wrong_kind", "cooldown_hours")])
def test_what_is_no_replay(deployment, body, code, field):
    answer = deployment.api.post("/api/v1/pools/default/replay", body)
    assert (answer.status, answer.json["code"], answer.json["field"]) == (422, code, field)


def test_a_list_in_another_encoding(deployment):
    headers = {**deployment.api.headers, "Content-Type": "text/csv"}
    answer = deployment.api.request("POST", "/api/v1/numbers/import?dry_run=1", b"\xff\xfe+\x004\x00\n1\x00", headers)
    assert answer.status in (200, 400, 422) and answer.json  # which says so, in JSON that can be read
    assert answer.status != 200 or answer.json["added"] == 0


def test_what_holds_for_good_needs_a_key(deployment):
    person = {"name": "Ann", "phone": "+447700900188", "once": True}
    answer = deployment.api.json("POST", "/api/v1/customers", person)
    assert (answer.status, answer.json["code"], answer.json["field"]) == (422, "missing", "Idempotency-Key")
