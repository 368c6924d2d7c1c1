"""The tour that a newcomer makes: a ride, its notices, texts and calls both ways, and what others get."""

import pytest
from poll import wait_for

CUSTOMER, DRIVER = "+447700900101", "+447700900201"
XML = '<?xml version="1.0" encoding="UTF-8"?>'
UNKNOWN = ('<Say language="en-GB" voice="female">Sorry, we cannot identify your transaction. '
           "Make sure you call in from the number you registered.</Say>")
STRANGER = "+447700900999"


@pytest.fixture(scope="module", name="ride")
def a_ride(deployment):
    """Between customer 1 and driver 1; both notices have left."""
    deployment.first_mark = deployment.sandbox.last()
    ride = deployment.ride(datetime="2031-05-06 07:30")
    deployment.sandbox.wait_texts(2, deployment.first_mark)
    return ride


@pytest.fixture(name="sandbox")
def the_sandbox(deployment, ride):
    """Nothing is on its way when a test begins."""
    assert ride
    return deployment.sandbox


def sent_since(sandbox, mark, count):
    """What left, and that nothing else did."""
    got = sandbox.wait_texts(count, mark)
    assert len(got) == count, got
    return [(m["originator"], m["recipients"], m["body"]) for m in got]


def test_samples(deployment):
    people = deployment.listed("customers") + deployment.listed("drivers")
    assert [p["id"] for p in people] == [1, 2, 3, 1, 2, 3]
    assert {p["name"] for p in people} >= {"Caitlyn Carless", "David Driver"}
    assert len(deployment.listed("numbers")) == 10
    assert [p["name"] for p in deployment.listed("pools")] == ["default"]


def test_ride_says_who_and_through_which_number(deployment, ride):
    assert ride["proxy"] in {n["phone"] for n in deployment.listed("numbers")}
    assert (ride["state"], ride["customer"]["id"], ride["driver"]["id"]) == ("live", 1, 1)
    assert ride["datetime"] == "2031-05-06 07:30"
    for party, phone in (("customer", CUSTOMER), ("driver", DRIVER)):
        assert ride[party]["phone"] != phone and "•" in ride[party]["phone"]


def test_notices_word_for_word(deployment, ride):
    proxy = ride["proxy"].lstrip("+")
    got = deployment.sandbox.accepted(deployment.first_mark)[:2]
    assert sorted((m["originator"], m["recipients"][0], m["body"]) for m in got) == [
        (proxy, "447700900101", "David Driver will pick you up at 2031-05-06 07:30. "
                                "Reply to this message to contact the driver."),
        (proxy, "447700900201", "Caitlyn Carless will wait for you at 2031-05-06 07:30. "
                                "Reply to this message to contact the customer.")]


def test_the_tutorials_form(deployment, ride):
    mark = deployment.sandbox.last()
    answer = deployment.api.form("/createride", {
        "customer": "2", "driver": "2", "start": "Leidseplein", "destination": "Muiden", "datetime": "tonight at 8"})
    assert answer.status == 303, answer
    assert deployment.api.get("/").status == 200
    made = deployment.listed("rides")[0]
    assert made["customer"]["id"] == 2 and made["id"] != ride["id"]
    got = deployment.sandbox.wait_texts(2, mark)
    assert {m["body"] for m in got} == {
        "Eileen LaRue will pick you up at tonight at 8. Reply to this message to contact the driver.",
        "Danny Bikes will wait for you at tonight at 8. Reply to this message to contact the customer."}


@pytest.mark.parametrize("sender, recipient", [(CUSTOMER, DRIVER), (DRIVER, CUSTOMER)])
@pytest.mark.parametrize("shape", ["form", "json", "query"])
def test_text(sandbox, ride, sender, recipient, shape):
    mark = sandbox.last()
    words = f"hé {shape}: 5 € & <b>ünïcode</b> 🚲 +1"
    assert sandbox.text(sender, ride["proxy"], words, format=shape)["status"] == 200
    assert sent_since(sandbox, mark, 1) == [(ride["proxy"][1:], [recipient[1:]], words)]


def test_texts_leave_in_order(sandbox, ride):
    mark = sandbox.last()
    words = [f"line {n}" for n in range(20)]
    for line in words:
        assert sandbox.text(CUSTOMER, ride["proxy"], line)["status"] == 200
    assert [body for _, _, body in sent_since(sandbox, mark, 20)] == words


@pytest.mark.parametrize("caller, other", [(CUSTOMER, DRIVER), (DRIVER, CUSTOMER)])
def test_call(sandbox, ride, caller, other):
    call = sandbox.call(caller, ride["proxy"])
    assert (call["status"], call["content_type"]) == (200, "application/xml")
    assert call["body"] == f'{XML}<Transfer destination="{other[1:]}" mask="true" />'
    assert call["rings"]["phone"] == other[1:]
    assert call["rings"]["shows"] == ride["proxy"][1:] and not call["rings"]["leak"]


def test_call_as_json(deployment, ride):
    path = f"/webhook-voice?source={CUSTOMER[1:]}&destination={ride['proxy'][1:]}&callID=1"
    answer = deployment.open.get(path, {**deployment.signature(path), "Accept": "application/json"})
    assert (answer.status, answer.type) == (200, "application/json")
    assert answer.json["steps"] == [
        {"action": "transfer", "options": {"destination": DRIVER[1:], "mask": True}}]


@pytest.mark.parametrize("caller", [STRANGER, "", "Restricted", "anonymous", "+447700900102"])
def test_unknown_caller(sandbox, ride, caller):
    if caller.startswith("+") or not caller:
        call = sandbox.call(caller, ride["proxy"])
    else:
        call = sandbox.call("", ride["proxy"], source=caller)
    assert (call["status"], call["body"]) == (200, XML + UNKNOWN)
    assert call["rings"] is None


def test_stranger_writes(sandbox, ride):
    """To one who has no ride on that number nobody answers, and nobody hears of it."""
    mark = sandbox.last()
    assert sandbox.text(STRANGER, ride["proxy"], "who is there?")["status"] == 200
    assert sandbox.text("+447700900102", ride["proxy"], "the wrong number")["status"] == 200
    assert sandbox.text(CUSTOMER, ride["proxy"], "and then")["status"] == 200
    assert sent_since(sandbox, mark, 1)[0][2] == "and then"


def test_repeat_is_taken_once(sandbox, ride):
    mark = sandbox.last()
    for _ in range(3):
        assert sandbox.text(CUSTOMER, ride["proxy"], "only once", message_id="m-1", id="i-1")["status"] == 200
    assert sandbox.text(CUSTOMER, ride["proxy"], "the next")["status"] == 200
    assert [body for _, _, body in sent_since(sandbox, mark, 2)] == ["only once", "the next"]


def test_last_of_repeated_keys(sandbox, ride):
    mark = sandbox.last()
    more = [["body", "last one"], ["payload", "last one"], ["message", "last one"]]
    assert sandbox.text(CUSTOMER, ride["proxy"], "first one", extra=more)["status"] == 200
    assert sent_since(sandbox, mark, 1)[0][2] == "last one"


def test_timeline_and_delivery(deployment, ride):
    """What happened is there, in order, without a word of any text; reports get to it."""
    reference = None
    mark = deployment.sandbox.last()
    assert deployment.sandbox.text(DRIVER, ride["proxy"], "for the record")["status"] == 200
    reference = deployment.sandbox.wait_texts(1, mark)[0]["reference"]

    def story():
        events = [e["what"] for e in deployment.timeline(ride) if e.get("reference") == reference]
        return events if "text.delivered" in events else None

    events = wait_for(story, what="the report")
    assert events[:2] == ["text.taken", "text.sent"] and events[-1] == "text.delivered"
    assert deployment.timeline(ride)[0]["what"] == "ride.created"
    wait_for(lambda: any(e["what"] == "call" for e in deployment.timeline(ride)), what="the call's entry")
    assert "for the record" not in deployment.api.get(f"/api/v1/rides/{ride['id']}/timeline").text


@pytest.mark.parametrize("status", ["sent", "delivered", "nonsense"])
def test_odd_reports_are_harmless(deployment, ride, status):
    """Twice, late, unknown: none is an error that the provider would repeat."""
    done = deployment.sandbox.report(
        reference="17-unknown", status=status, recipient=CUSTOMER,
        report_url=f"{deployment.public_url}/webhook-status")
    assert done["status"] in (200, 422), done
    assert deployment.api.get(f"/api/v1/rides/{ride['id']}").json["state"] == "live"


def test_ops(deployment):
    assert deployment.open.get("/healthz").status == 200
    assert deployment.open.get("/readyz").status == 200
    metrics = deployment.api.get("/metrics")
    assert metrics.status == 200 and b"http_requests_total" in metrics.body
