"""Why this number: over the API and on its page, for a ride and for a pair that is considered."""

import re
from html import unescape

import pytest
from pages import Browser

PAIR = "/api/v1/rides/why?customer=1&driver=1"


@pytest.fixture(scope="module", name="rides")
def two_rides(deployment):
    """Of customer 1, with two drivers."""
    return [deployment.ride(1, driver) for driver in (1, 2)]


def words_of(page):
    """The page's list: {number: what is said of it}."""
    items = re.findall(r'<li class="[a-z_]+"><b class="number">(\+\d+)</b> <span>(.*?)</span></li>', page, re.S)
    return {number: unescape(re.sub(r"<[^>]+>", "", words)).strip() for number, words in items}


def test_a_pair_gets_what_was_said(deployment):
    before = deployment.listed("numbers")
    said = deployment.api.get("/api/v1/rides/why?customer=2&driver=3").json
    assert deployment.listed("numbers") == before
    assert (said["ride"], said["proxy"], said["pool"]) == (None, None, "default")
    assert (said["customer"]["name"], said["driver"]["name"]) == ("Danny Bikes", "Tomasz Nowak")
    assert "•" in said["customer"]["phone"]
    now = said["as_it_stands_now"]
    assert now["next_free_at"] is None and re.fullmatch(r"\d{4}-.*Z", now["at"])
    assert now["numbers"][0] == {"number": now["chosen"], "verdict": "chosen", "until": None}
    assert now["more"] + len(now["numbers"]) == len(before) == 10
    assert deployment.ride(2, 3)["proxy"] == now["chosen"]


def test_a_ride(deployment, rides):
    said = deployment.api.get(f"/api/v1/rides/{rides[0]['id']}/why").json
    assert (said["ride"], said["proxy"]) == (rides[0]["id"], rides[0]["proxy"])
    now = said["as_it_stands_now"]
    assert now["chosen"] not in (None, rides[0]["proxy"], rides[1]["proxy"])


def test_until_when(deployment, rides):
    """All numbers are taken; each says by whom, and one that it is the ride's own."""
    while deployment.api.post("/api/v1/rides", {"customer": 1, "driver": 1, "start": "a", "destination": "b",
                                                "datetime": "c"}).status == 201:
        pass
    said = deployment.api.get(f"/api/v1/rides/{rides[0]['id']}/why").json
    now = said["as_it_stands_now"]
    assert (now["chosen"], now["more"]) == (None, 0)
    assert len(now["numbers"]) == 10 and {n["verdict"] for n in now["numbers"]} == {"held_by_customer", "held_by_both"}
    own = [n for n in now["numbers"] if n.get("of_this_ride")]
    assert [(n["number"], n["verdict"]) for n in own] == [(rides[0]["proxy"], "held_by_both")]
    # The hold outlasts what the ride says of its number by a minute.
    assert own[0]["until"][:13] == rides[0]["number_kept_until"][:13]
    assert now["next_free_at"] == min(n["until"] for n in now["numbers"])


@pytest.mark.parametrize("path, status, code, field", [
    ("rides/why", 422, "missing", "customer"), ("rides/why?customer=1", 422, "missing", "driver"),
    ("rides/why?customer=x&driver=1", 422, "invalid", "customer"),
    ("rides/why?customer=1&driver=99", 422, "unknown_person", "driver"),
    ("rides/why?customer=1&driver=1&pool=BE", 422, "unknown_pool", "pool"),
    ("rides/nothing/why", 404, "not_found", "id")])
def test_questions_that_make_no_sense(deployment, path, status, code, field):
    answer = deployment.api.get("/api/v1/" + path)
    assert (answer.status, answer.json["code"], answer.json["field"]) == (status, code, field)
    if path != "rides/nothing/why":
        assert deployment.page.get("/" + path).status == status


def test_nobody_else_is_told(deployment, rides):
    for path in (PAIR, f"/api/v1/rides/{rides[0]['id']}/why", "/rides/why?customer=1&driver=1",
                 f"/rides/{rides[0]['id']}/why"):
        assert deployment.open.get(path).status == 401
    assert deployment.api.post(PAIR.split("?", maxsplit=1)[0], {}).status == 405


def test_the_page_of_a_ride(deployment, rides):
    browser = Browser(deployment)
    page = browser.go(f"/rides/{rides[0]['id']}")
    link = re.search(r'href="(/rides/[^"]+/why)"', page).group(1)
    page = browser.go(link)
    assert "Why this number?" in page and "As it stands now" in page and "There is no number" in page
    assert "Caitlyn Carless" in page and "+44 7 •••• •••01" in page and "447700900101" not in page
    words = words_of(page)
    assert len(words) == 10
    assert words[rides[0]["proxy"]].startswith("This ride’s own. Both have it on a ride; held until 20")
    assert words[rides[1]["proxy"]].startswith("The customer has it on another ride; held until 20")


def test_the_page_of_a_pair(deployment):
    browser = Browser(deployment)
    assert 'action="/rides/why"' in browser.go("/")
    page = browser.go("/rides/why?customer=3&driver=2&pool=")
    chosen = deployment.api.get("/api/v1/rides/why?customer=3&driver=2").json["as_it_stands_now"]["chosen"]
    words = words_of(page)
    assert words[chosen].startswith("Would be given") and f'<b class="number">{chosen}</b>' in page
    assert "Which number would these two get?" in page and "found first: " in page
