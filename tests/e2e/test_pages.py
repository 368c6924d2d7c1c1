"""The page, as a browser without JavaScript has it."""

import re
from html import unescape
from urllib.parse import quote

import pytest
from pages import OWN_SCRIPT, Browser

NASTY = "<script>alert(1)</script> \"'&amp; {{name}} 🚲"


@pytest.fixture(name="browser")
def a_browser(deployment):
    return Browser(deployment)


def beside(page, field):
    """The error that stands beside a field, and that the field points to."""
    control = re.search(rf'<(?:input|select|textarea)[^>]*id="{field}"[^>]*>', page).group()
    error = re.search(rf'<p class="bad" id="{field}-bad">(.*?)</p>', page, re.S)
    assert (error is not None) == ("aria-invalid" in control) == (f"{field}-bad" in control)
    return unescape(error.group(1)) if error else None


def typed(page, field):
    return unescape(re.search(rf'<input[^>]*id="{field}"[^>]*value="([^"]*)"', page).group(1))


def test_home(browser):
    page = browser.go("/")
    for name in ("Caitlyn Carless", "Tomasz Nowak", "+447700900310", "default"):
        assert name in page
    assert "+44 7 •••• •••01" in page and "447700900101" not in page
    for action in ("/createride", "/customers", "/drivers", "/numbers", "/pools"):
        assert f'action="{action}"' in page
    assert page.startswith("<!doctype html>") and '<html lang="en">' in page and "viewport" in page


@pytest.mark.parametrize("role", ["customer", "driver"])
def test_add_edit_delete_a_person(browser, deployment, role):
    page = browser.send(f"/{role}s", name=f"New {role}", phone="+44 7700 900 777")
    assert f"The {role} is added." in page and f"New {role}" in page
    made = next(p for p in deployment.listed(role + "s") if p["name"] == f"New {role}")
    path = f"/{role}s/{made['id']}"
    page = browser.send(path, page=path, name=f"Old {role}", phone="")
    assert f"The {role} is saved." in page and f"Old {role}" in page
    page = browser.send(path + "/delete", page=path)
    assert f"The {role} is deleted." in page and f"Old {role}" not in page
    assert browser.http.get(path).status == 404


def test_add_a_number_and_a_pool(browser, deployment):
    page = browser.send("/pools", name="NL", prefixes="31, 32")
    assert "The pool is added." in page and "31, 32" in page
    page = browser.send("/numbers", phone="+31 970 0000 0001", pool="NL")
    assert "The proxy number is added." in page and "+3197000000001" in page
    pool = next(p for p in deployment.listed("pools") if p["id"] == "NL")
    assert {"name": "NL", "prefixes": ["31", "32"], "numbers": 1,
            "capabilities": ["sms", "voice"]}.items() <= pool.items()


def test_a_pool_for_calls_only(browser, deployment):
    page = browser.send("/pools", name="FR", prefixes="33", capabilities="voice")
    assert "The pool is added." in page
    assert "<dt>Its numbers can</dt><dd>calls</dd>" in browser.go("/pools/FR")
    page = browser.send("/numbers", phone="+33 6 99 90 00 01", pool="FR", capabilities="sms", label="kept")
    assert browser.answer.status == 409 and 'value="kept"' in page and '<option value="sms" selected>' in page
    assert beside(page, "number-can") == "This number cannot do all that its pool is for."
    page = browser.send("/numbers", phone="+33 6 99 90 00 01", pool="FR", capabilities="voice")
    assert "The proxy number is added." in page
    ride = {"customer": 1, "driver": 1, "start": "a", "destination": "b", "datetime": "c", "pool": "FR"}
    page = browser.send("/createride", **ride, channels="sms")
    assert browser.answer.status == 422 and '<option value="sms" selected>' in page
    assert "numbers of this ride" in beside(page, "ride-channels")
    assert "<dt>It can</dt><dd>calls</dd>" in browser.go("/numbers/+33699900001")


def test_a_pools_life(browser, deployment):
    browser.send("/pools", name="BE", prefixes="41")
    page = browser.send("/pools/BE", page="/pools/BE", prefixes="41, 352", low_water="", **{"from": "pool"})
    assert "The pool is saved." in page and "41, 352" in page
    page = browser.send("/pools/BE", page="/pools/BE", prefixes="31x", low_water="2", **{"from": "pool"})
    assert beside(page, "edit-prefixes") == "This value cannot be used."
    page = browser.send("/pools/BE", page="/pools/BE", prefixes="41", low_water="", customer_notice="{driver} kommt.",
                        driver_notice="", **{"from": "pool"})
    assert "{driver} kommt." in page
    assert deployment.api.get("/api/v1/pools/BE").json["customer_notice"] == "{driver} kommt."
    words = {"closed_answer": "Vorbei.", "closed_caller": "Die Fahrt ist vorbei.", "language": "german"}
    page = browser.send("/pools/BE", page="/pools/BE", prefixes="41", **words, **{"from": "pool"})
    assert beside(page, "edit-language") == "This value cannot be used." and 'value="Vorbei."' in page
    words["language"] = "de-DE"
    page = browser.send("/pools/BE", page="/pools/BE", prefixes="41", **words, **{"from": "pool"})
    assert "The pool is saved." in page
    assert words.items() <= deployment.api.get("/api/v1/pools/BE").json.items()
    assert deployment.api.json("PATCH", "/api/v1/pools/BE", dict.fromkeys(words)).json["language"] is None
    browser.send("/numbers", phone="+32 460 000 001", pool="BE")
    page = browser.send("/pools/BE/delete", page="/pools/BE")
    assert "This pool has numbers; move or remove them first." in page
    browser.send("/numbers/+32460000001/delete", page="/numbers/+32460000001")
    page = browser.send("/pools/BE/delete", page="/pools/BE")
    assert "The pool is removed." in page and browser.http.get("/pools/BE").status == 404


def test_import_numbers(browser, deployment):
    lines = "phone;pool;label\n+31 970 0000 0011;;\"a <b>\"\n+31 970 0000 0012;nowhere;\n12"
    page = browser.send("/numbers/import", page="/numbers/import", csv=lines, dry_run="1")
    assert "1 would be added, 0 are there already, 2 cannot be taken" in page and "Nothing is written yet." in page
    assert "There is no such pool." in page and "a &lt;b&gt;" in page, "what was typed is still there"
    assert deployment.api.get("/api/v1/numbers/+3197000000011").status == 404
    page = browser.send("/numbers/import", page="/numbers/import", csv=lines)
    assert "1 added, 0 were there already, 2 not taken" in page
    assert deployment.api.get("/api/v1/numbers/+3197000000011").json["label"] == "a <b>"
    page = browser.send("/numbers/import", page="/numbers/import", csv="")
    assert beside(page, "import-csv") == "This field is needed."


def test_a_numbers_life(browser, deployment):
    browser.send("/numbers", phone="+31 970 0000 0002", label="Desk <2>")
    path = "/numbers/+3197000000002"
    page = browser.go(path)
    assert "Desk &lt;2&gt;" in page and "Drain" in page
    page = browser.send(path, page=path, state="draining", **{"from": "number"})
    assert "The proxy number is saved." in page and "no new rides" in page
    assert "no new rides" in browser.go("/")
    page = browser.send(path, page=path, state="active", **{"from": "number"})
    assert "no new rides" not in page
    page = browser.send(path, page=path, label="", pool="nowhere", **{"from": "number"})
    assert beside(page, "edit-pool") == "There is no such pool."
    page = browser.send(path, page=path, label="", pool="NL", **{"from": "number"})
    assert "Desk" not in page and deployment.api.get("/api/v1" + path).json["pool"] == "NL"
    page = browser.send(path + "/delete", page=path)
    assert "The proxy number is removed." in page
    assert browser.http.get(path).status == 404


def test_a_ride_from_the_form_to_its_end(browser, deployment):
    page = browser.send("/createride", customer="1", driver="1", start="Dam <1>", destination="Zoo & more",
                        datetime="2031-05-06T07:30")
    assert "The ride is made; both phones get their notice." in page
    ride = deployment.listed("rides")[0]
    assert ride["proxy"] in page and "Dam &lt;1&gt;" in page and "Zoo &amp; more" in page
    page = browser.go(f"/rides/{ride['id']}")
    assert ride["proxy"] in page and "+44 7 •••• •••01" in page
    page = browser.send(f"/rides/{ride['id']}/extend", page=f"/rides/{ride['id']}", ends_at="2031-05-09T10:00")
    assert "The ride is extended." in page
    assert deployment.listed("rides")[0]["ends_at"] == "2031-05-09T10:00:00Z"
    page = browser.send(f"/rides/{ride['id']}/end", page=f"/rides/{ride['id']}")
    assert "The ride is ended." in page
    assert deployment.listed("rides")[0]["state"] == "grace"
    page = browser.send(f"/rides/{ride['id']}/reopen", page=f"/rides/{ride['id']}", ends_at="2001-05-09T10:00")
    assert browser.answer.status == 422 and "passed already" in beside(page, "reopen-ends")
    page = browser.send(f"/rides/{ride['id']}/reopen", page=f"/rides/{ride['id']}", ends_at="2032-05-09T10:00")
    assert "The ride is live again." in page
    assert deployment.listed("rides")[0]["ends_at"] == "2032-05-09T10:00:00Z"
    page = browser.send(f"/rides/{ride['id']}/cancel", page=f"/rides/{ride['id']}")
    assert "The ride is cancelled." in page and "Change it" not in browser.go(f"/rides/{ride['id']}")
    assert deployment.listed("rides")[0]["state"] == "closed"


def test_a_ride_that_lasts_until_it_is_ended(browser, deployment):
    page = browser.send("/createride", customer="1", driver="1", start="a", destination="b", datetime="", ends_at="never")
    assert browser.answer.status == 422 and '<option value="never" selected>' in page
    browser.send("/createride", customer="1", driver="1", start="a", destination="b", datetime="c", ends_at="never",
                 channels="voice")
    path = f"/rides/{deployment.listed('rides')[0]['id']}"
    assert "only call" in browser.go(path) and deployment.listed("rides")[0]["channels"] == ["voice"]
    assert "when you end it" in browser.go(path) and "Let it last" not in browser.go(path)
    page = browser.send(path + "/extend", page=path, ends_at="2031-05-09T10:00", **{"from": "ride"})
    assert "2031-05-09 10:00" in page and "when you end it" not in page and "Let it last" in page
    assert "when you end it" in browser.send(path + "/extend", page=path, ends_at="never", **{"from": "ride"})
    assert "The ride is ended." in browser.send(path + "/end", page=path)


def test_another_driver(browser, deployment):
    ride = deployment.ride(1, 2)
    path = f"/rides/{ride['id']}"
    assert "Another driver" in browser.go(path)
    page = browser.send(path + "/party", page=path, driver="3", customer="", **{"from": "ride"})
    assert "The ride goes on; those concerned get their notice." in page and "Ride driver changed" in page
    assert deployment.listed("rides")[0]["driver"]["id"] == 3
    page = browser.send(path + "/party", page=path, driver="", customer="")
    assert browser.answer.status == 422 and "This field is needed." in beside(page, "party-driver")
    page = browser.send(path + "/party", page=path, driver="1", customer="2")
    assert "one at a time" in page
    browser.send(path + "/end", page=path)


@pytest.mark.parametrize("field, fields, words", [
    ("ride-customer", {"customer": ""}, "This field is needed."), ("ride-driver", {"driver": "99"}, "no such person"),
    ("ride-start", {"start": " "}, "This field is needed."), ("ride-destination", {"destination": "x" * 201}, "too long"),
    ("ride-datetime", {"datetime": ""}, "This field is needed.")])
def test_errors_stand_beside_their_field(browser, field, fields, words):
    good = {"customer": "2", "driver": "3", "start": "From <here>", "destination": "To", "datetime": "2031-05-06T07:30"}
    page = browser.send("/createride", **{**good, **fields})
    assert browser.answer.status == 422 and words in beside(page, field)
    assert [f for f in ("ride-customer", "ride-driver", "ride-start", "ride-destination", "ride-datetime")
            if beside(page, f)] == [field]
    if field != "ride-start":
        assert typed(page, "ride-start") == "From <here>"
    if field != "ride-customer":
        assert re.search(r'<option value="2" selected>Danny', page)


@pytest.mark.parametrize("kind", ["customer", "driver"])
def test_a_wrong_phone_stays_as_it_was_typed(browser, kind):
    page = browser.send(f"/{kind}s", name=NASTY, phone="06 1234 5678")
    assert browser.answer.status == 422
    assert "national number" in beside(page, f"{kind}-phone") and "+31 6 1234 5678" in beside(page, f"{kind}-phone")
    assert typed(page, f"{kind}-name") == NASTY and typed(page, f"{kind}-phone") == "06 1234 5678"
    assert not OWN_SCRIPT.search(page)


def test_nasty_names_are_only_names(browser, deployment):
    """Wherever a name, a place or a time is shown."""
    page = browser.send("/customers", name=NASTY, phone="+447700900666")
    assert "&lt;script&gt;" in page
    person = next(p for p in deployment.listed("customers") if p["name"] == NASTY)
    ride = deployment.ride(person["id"], 2, datetime=NASTY, start=NASTY, destination=NASTY)
    for path in ("/", f"/customers/{person['id']}", f"/rides/{ride['id']}"):
        page = browser.go(path)
        assert NASTY in unescape(page) and "<script" not in page, path
    got = deployment.sandbox.wait_text("+447700900202", f"{NASTY} will wait for you at {NASTY}. "
                                       "Reply to this message to contact the customer.")
    assert got["originator"] == ride["proxy"][1:]


def test_the_result_is_a_fixed_word(browser):
    """Nobody can put words on the page through a link."""
    for word in ("<b>hacked</b>", "hacked", "customer_added<b>"):
        assert "hacked" not in browser.go(f"/?done={quote(word)}")


def test_lists_have_pages(browser, deployment):
    for number in range(55):
        made = deployment.api.post("/api/v1/drivers", {"name": f"Driver {number:02}", "phone": f"+4477009008{number:02}"})
        assert made.status == 201
    page = browser.go("/")
    link = unescape(re.search(r'href="([^"]*)">More drivers', page).group(1))
    assert "Driver 54" not in page
    page = browser.go(link.split("#")[0])
    assert "Driver 54" in page and "First page" in page and "Caitlyn Carless" in page


def test_no_number_on_the_page(browser, deployment):
    """The sentence of the tutorial, and when the next one comes free."""
    while True:
        answer = deployment.api.post("/api/v1/rides", {"customer": 3, "driver": 3, "start": "a", "destination": "b",
                                                       "datetime": "c"})
        if answer.status != 201:
            break
    page = browser.send("/createride", customer="3", driver="3", start="a", destination="b", datetime="c")
    assert browser.answer.status == 409
    assert "No number available! Please extend your pool." in page and answer.json["next_free_at"] in page


@pytest.mark.parametrize("path, kind", [("/assets/style.css", "text/css"), ("/assets/icon.svg", "image/svg+xml")])
def test_assets(deployment, path, kind):
    answer = deployment.open.get(path)
    assert (answer.status, answer.type) == (200, kind)
    head = deployment.open.request("HEAD", path)
    assert (head.status, head.body) == (200, b"") and head.headers["Content-Length"] == str(len(answer.body))


def test_sign_in_page(deployment):
    page = deployment.open.get("/")
    assert page.status == 401 and page.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "admin-password" in page.text and "Carless" not in page.text
