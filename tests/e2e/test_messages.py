"""Messages that failed for good: by the API, and on their page as a browser without JavaScript has it."""

import msgpack
import pytest
from pages import Browser
from poll import wait_for

CUSTOMER, DRIVER = "447700900101", "447700900201"
SECRET = "I wear a green hat"
SETTINGS = {"TEXTS_PER_MINUTE": "0"}


@pytest.fixture(name="browser")
def a_browser(deployment):
    return Browser(deployment)


@pytest.fixture(name="ride", scope="module")
def a_ride(deployment):
    mark = deployment.sandbox.last()
    ride = deployment.ride(1, 1)
    deployment.sandbox.wait_texts(2, mark)
    return ride


@pytest.fixture(autouse=True)
def clean(deployment):
    """Every test begins with none, and a provider that takes all."""
    deployment.sandbox.fault("ok")
    taken(deployment, "drop")


def taken(deployment, act, query=""):
    answer = deployment.api.post(f"/api/v1/messages/{act}?state=dead{query}")
    assert answer.status == 200, answer
    return answer.json["done"], answer.json["left"]


def messages(deployment, query=""):
    answer = deployment.api.get(f"/api/v1/messages?state=dead{query}")
    assert answer.status == 200, answer
    return answer.json


def die(deployment, ride, *texts):
    """The customer writes; the provider refuses each for good. Newest first."""
    before = len(deployment.listed("messages", state="dead"))
    deployment.sandbox.fault("422", recipient=DRIVER)
    for text in texts:
        assert deployment.sandbox.text(CUSTOMER, ride["proxy"], text)["status"] == 200
    found = wait_for(lambda: items_past(deployment, before + len(texts)), what="dead letters")
    deployment.sandbox.fault("ok", recipient=DRIVER)
    return found[:len(texts)]


def items_past(deployment, count):
    items = deployment.listed("messages", state="dead")
    return items if len(items) >= count else None


def arrived(deployment, mark):
    """On the driver's phone."""
    return [m["body"] for m in deployment.sandbox.accepted(mark) if m["recipients"] == [DRIVER]]


def events(deployment, ride, reference):
    return [e["what"] for e in deployment.timeline(ride) if e.get("reference") == reference]


def test_listed_and_sent_again(deployment, ride):
    letter, = die(deployment, ride, SECRET)
    assert set(letter) == {"reference", "ride", "role", "reason", "kind", "proxy", "queued_at", "died_at", "parts",
                           "sendable"}
    assert (letter["ride"], letter["role"], letter["reason"], letter["proxy"], letter["parts"], letter["sendable"]) == (
        ride["id"], "driver", "refused", ride["proxy"], 1, True)
    assert letter["queued_at"] <= letter["died_at"]
    said = str(messages(deployment))
    assert SECRET not in said and CUSTOMER not in said and DRIVER not in said
    mark = deployment.sandbox.last()
    path = f"/api/v1/messages/{letter['reference']}"
    answer = deployment.api.post(path + "/resend")
    assert (answer.status, answer.json) == (200, {"done": 1, "left": 0})
    got = deployment.sandbox.wait_text(DRIVER, SECRET, mark)
    assert got["originator"] == ride["proxy"][1:]
    wait_for(lambda: events(deployment, ride, letter["reference"])[-1] == "text.delivered", what="the report")
    assert events(deployment, ride, letter["reference"]) == ["text.taken", "text.failed", "text.resent", "text.sent",
                                                             "text.delivered"]
    for method, act in (("POST", "/resend"), ("DELETE", "")):
        answer = deployment.api.request(method, path + act)
        assert (answer.status, answer.json["code"], answer.json["field"]) == (404, "not_found", "reference")
    assert messages(deployment) == {"items": [], "next": None}


def test_dropped(deployment, ride):
    letter, = die(deployment, ride, "never mind")
    path = f"/api/v1/messages/{letter['reference']}"
    answer = deployment.api.request("DELETE", path)
    assert (answer.status, answer.body) == (204, b"")
    assert deployment.api.request("DELETE", path).status == 404
    assert events(deployment, ride, letter["reference"])[-1] == "text.dropped"


def test_all_and_pages(deployment, ride):
    texts = [f"text {n}" for n in range(5)]
    letters = die(deployment, ride, *texts)
    page = messages(deployment, "&limit=2")
    seen = page["items"]
    while page["next"]:
        page = messages(deployment, f"&limit=2&cursor={page['next']}")
        seen += page["items"]
    assert seen == letters
    assert taken(deployment, "drop", "&reason=too_old") == (0, 0)
    mark = deployment.sandbox.last()
    assert taken(deployment, "resend", "&reason=refused") == (5, 0)
    wait_for(lambda: arrived(deployment, mark) == texts, what="all of them, in their order")
    die(deployment, ride, "a", "b")
    assert taken(deployment, "drop") == (2, 0)
    assert messages(deployment)["items"] == []


def test_a_ride_that_is_over(deployment):
    """It can be dropped, not sent; one that was extended goes on."""
    mark = deployment.sandbox.last()
    ride = deployment.ride(2, 2)
    deployment.sandbox.wait_texts(2, mark)
    letter, = die_for(deployment, ride, "447700900102", "447700900202")
    key = f"ride:{{{int(ride['id'][:2])}}}:{ride['id']}"
    answer = deployment.api.post(f"/api/v1/rides/{ride['id']}/extend", {"ends_at": "2031-06-01T00:00:00Z"})
    assert answer.status == 200
    assert messages(deployment)["items"][0]["sendable"]
    kept = deployment.redis.dump(key)
    deployment.redis.set(key, over(deployment.redis.get(key)))
    item, = messages(deployment)["items"]
    assert not item["sendable"]
    answer = deployment.api.post(f"/api/v1/messages/{letter['reference']}/resend")
    assert (answer.status, answer.json["code"], answer.json["field"]) == (409, "ride_over", "reference")
    assert taken(deployment, "resend") == (0, 1)
    deployment.redis.restore(key, 0, kept, replace=True)
    assert taken(deployment, "resend") == (1, 0)


def die_for(deployment, ride, sender, recipient):
    deployment.sandbox.fault("422", recipient=recipient)
    assert deployment.sandbox.text(sender, ride["proxy"], "hello")["status"] == 200
    found = wait_for(lambda: [m for m in messages(deployment)["items"] if m["role"] == "driver"], what="the letter")
    deployment.sandbox.fault("ok", recipient=recipient)
    return found


def over(packed):
    """The ride's record, as if it had stopped to connect."""
    fields = msgpack.unpackb(packed, raw=True)
    fields[14], fields[15] = 1, 2
    return msgpack.packb(fields, use_bin_type=False)


# ---- the page

def test_the_page(deployment, ride, browser):
    assert "could not be sent" not in browser.go("/")
    assert "None at this moment" in browser.go("/messages")
    mark = deployment.sandbox.last()
    first, second = die(deployment, ride, SECRET, "another")
    page = browser.go("/")
    assert "2 messages could not be sent." in page and 'href="/messages"' in page
    page = browser.go("/messages")
    assert page.count("The provider refused it for good.") == 2 and f'href="/rides/{ride["id"]}"' in page
    assert SECRET not in page and DRIVER not in page and CUSTOMER not in page
    path = f"/messages/{first['reference']}"
    page = browser.send(path + "/resend", page="/messages")
    deployment.sandbox.wait_text(DRIVER, "another", mark)
    assert "The message is on its way again." in page and page.count("The provider refused it for good.") == 1
    page = browser.send(path + "/resend", page="/messages")
    assert browser.answer.status == 404 and "This message is not here any more" in page
    assert "1 message could not be sent." in browser.go("/")
    page = browser.send(f"/messages/{second['reference']}/drop", page="/messages")
    assert "The message is dropped." in page and "None at this moment" in page


def test_all_on_the_page(deployment, ride, browser):
    mark = deployment.sandbox.last()
    die(deployment, ride, "one", "two", "three")
    page = browser.send("/messages/resend", page="/messages", state="dead")
    assert "All that can be sent are on their way again." in page and "None at this moment" in page
    wait_for(lambda: arrived(deployment, mark) == ["one", "two", "three"], what="all of them, in their order")
    die(deployment, ride, "four")
    page = browser.send("/messages/drop", page="/messages", state="dead")
    assert "The messages are dropped." in page and "None at this moment" in page


def test_pages_of_the_page(deployment, ride, browser):
    die(deployment, ride, *(f"text {n}" for n in range(52)))
    page = browser.go("/messages")
    assert "52 in all" in page and page.count("class=\"row letter\"") == 50
    more = page.split('href="/messages?cursor=')[1].split('"')[0]
    page = browser.go(f"/messages?cursor={more}")
    assert page.count("class=\"row letter\"") == 2 and "Newest" in page
    assert browser.http.get("/messages?cursor=x").status == 422


def test_a_form_needs_its_token(deployment, ride):
    letter, = die(deployment, ride, "stay")
    for path in (f"/messages/{letter['reference']}/resend", f"/messages/{letter['reference']}/drop", "/messages/resend",
                 "/messages/drop"):
        assert deployment.page.form(path, {"state": "dead"}).status == 403
    assert messages(deployment)["items"] == [letter]


def test_nobody_comes_in_unsigned(deployment):
    for method, path in (("GET", "/api/v1/messages?state=dead"), ("POST", "/api/v1/messages/resend?state=dead"),
                         ("POST", "/api/v1/messages/drop?state=dead"), ("DELETE", "/api/v1/messages/17-x"),
                         ("POST", "/api/v1/messages/17-x/resend"), ("GET", "/messages"), ("POST", "/messages/drop")):
        assert deployment.open.request(method, path).status == 401
