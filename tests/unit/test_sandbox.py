#!/usr/bin/python3
"""The sandbox from outside: it is started on a free port, and a small server
plays the gateway. Run: /usr/bin/python3 -m pytest tests/unit/test_sandbox.py
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
MAIN = ROOT / "deploy" / "sandbox" / "main.py"
VECTORS = (ROOT.parent / "shared" / "vectors" / "messagebird-signature"
           / "reference.json")
KEY = "36efdd1aace2e26cd490f0d951138253bef2f7c6d34d18981da781555cc4cebb"
PUBLIC = "https://birdcar.example:8443/base"
CUSTOMER, DRIVER, PROXY = "447700900001", "447700900002", "447700900100"
AUTH = {"Authorization": "AccessKey test_key"}
GOOD = {"originator": PROXY, "recipients": [CUSTOMER], "body": "héllo"}


class Request:
    """What the gateway was asked."""

    def __init__(self, handler, body):
        self.method = handler.command
        self.target = handler.path
        self.path = urlsplit(handler.path).path
        self.query = dict(parse_qsl(urlsplit(handler.path).query,
                                    keep_blank_values=True))
        self.headers = handler.headers
        self.body = body
        self.at = time.monotonic()

    @property
    def form(self):
        return {k: v[-1] for k, v in parse_qs(
            self.body.decode(), keep_blank_values=True).items()}

    @property
    def claims(self):
        token = self.headers["MessageBird-Signature-JWT"]
        middle = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(middle + "=="))


class Gateway:
    """Answers what the test says; every request is kept in order."""

    def __init__(self):
        self.seen = queue.Queue()
        self.answers = []
        self.always = (200, "", {})
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                gateway.seen.put(Request(self, self.rfile.read(size)))
                status, body, headers = (gateway.answers.pop(0)
                                         if gateway.answers
                                         else gateway.always)
                if status is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                raw = body.encode()
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, path=None):
        """The next request (to this path), within 5 s."""
        while True:
            request = self.seen.get(timeout=5)
            if path is None or request.path == path:
                return request

    def reset(self):
        self.answers.clear()
        self.always = (200, "", {})
        while not self.seen.empty():
            self.seen.get_nowait()


class Sandbox:
    """One running sandbox."""

    def __init__(self, *args, env=None, **popen):
        clean = {"PATH": os.environ["PATH"], **(env or {})}
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(MAIN), "--port", "0", *args],
            stderr=subprocess.PIPE, text=True, env=clean, **popen)
        line = self.process.stderr.readline()
        found = re.search(r"sandbox_ready port=(\d+)", line)
        assert found, line + self.process.stderr.read()
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = requests.Session()

    def post(self, path, body=None, status=200):
        answer = self.http.post(f"{self.url}/sandbox/{path}", json=body or {})
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path):
        answer = self.http.get(f"{self.url}/sandbox/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, **changes):
        return self.http.post(self.url + "/messages", headers=AUTH,
                              json={**GOOD, **changes})

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=5)
        self.process.stderr.close()
        return status


@pytest.fixture(scope="module")
def gateway():
    gateway = Gateway()
    yield gateway
    gateway.server.shutdown()
    gateway.server.server_close()


@pytest.fixture(scope="module")
def running(gateway):
    sandbox = Sandbox("--gateway", gateway.url, "--public-url", PUBLIC,
                      "--signing-key", KEY)
    yield sandbox
    assert sandbox.stop() == 0


@pytest.fixture
def sandbox(running, gateway):
    running.post("reset")
    running.post("settings", {"report_delay_ms": 1, "retry_delay_ms": 20})
    gateway.reset()
    return running


def until(check, seconds=5):
    """Polls; returns the first thing that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("it did not come")


# --- signatures: a second implementation, held against the official cases

def verified(token, key, url, body, now):
    """Whether a signature is good, by the rules of the provider's SDK."""
    try:
        head, middle, mac = token.split(".")
        decoded = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
                   for part in (head, middle, mac)]
        name = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[
            json.loads(decoded[0])["alg"]]
        claims = json.loads(decoded[1])
        good = hmac.new(key.encode(), f"{head}.{middle}".encode(), name)
        wanted = hashlib.sha256(body).hexdigest() if body else None
        return (hmac.compare_digest(good.digest(), decoded[2])
                and claims["iss"] == "MessageBird" and bool(claims["jti"])
                and claims["nbf"] - 1 <= now <= claims["exp"] + 1
                and claims["url_hash"]
                == hashlib.sha256(url.encode()).hexdigest()
                and claims.get("payload_hash") == wanted)
    except (KeyError, ValueError):
        return False


def official_cases():
    if not VECTORS.exists():
        pytest.skip("the official signature cases are not here")
    return json.loads(VECTORS.read_text())


def test_the_check_agrees_with_every_official_case():
    for case in official_cases():
        now = datetime.fromisoformat(case["timestamp"]).timestamp()
        assert verified(case["token"], case.get("secret", ""), case["url"],
                        (case.get("payload") or "").encode(),
                        now) is case["valid"], case["name"]


def test_the_signer_makes_the_official_tokens_byte_for_byte():
    sys.path.insert(0, str(MAIN.parent))
    try:
        import signing
    finally:
        sys.path.pop(0)
    tried = 0
    for case in official_cases():
        token = case["token"]
        head, middle = [json.loads(base64.urlsafe_b64decode(part + "=="))
                        for part in token.split(".")[:2]]
        if not case["valid"] or head["alg"] != "HS256":
            continue
        tried += 1
        assert signing.sign(
            case["secret"], case["url"], (case.get("payload") or "").encode(),
            now=middle["nbf"], jti=middle["jti"]) == token, case["name"]
    assert tried > 15


def assert_signed(request, key=KEY):
    assert verified(request.headers["MessageBird-Signature-JWT"], key,
                    PUBLIC + request.target, request.body, time.time())


# --- the provider's API

def test_a_message_is_taken_and_answered_as_messagebird_does(sandbox):
    answer = sandbox.send(reference="r1", datacoding="auto")
    assert answer.status_code == 201
    message = answer.json()
    model = VECTORS.parents[1] / "messagebird-api" / "messageObject.json"
    if model.exists():
        wanted = json.loads(model.read_text())
        assert set(message) == set(wanted)
        assert set(message["recipients"]) == set(wanted["recipients"])
        assert set(message["recipients"]["items"][0]) == set(
            wanted["recipients"]["items"][0])
    item = message["recipients"]["items"][0]
    assert item["recipient"] == int(CUSTOMER) and item["status"] == "sent"
    assert re.fullmatch("[0-9a-f]{32}", message["id"])
    assert message["direction"] == "mt" and message["reference"] == "r1"
    assert message["createdDatetime"].endswith("+00:00")


@pytest.mark.parametrize("recipients", [
    CUSTOMER, f"{CUSTOMER},{DRIVER}", [CUSTOMER, "+" + DRIVER],
    [int(CUSTOMER)], int(CUSTOMER)])
def test_recipients_come_in_every_form(sandbox, recipients):
    assert sandbox.send(recipients=recipients).status_code == 201
    assert sandbox.get("messages")["messages"][0]["recipients"][0] == CUSTOMER


def test_a_form_is_taken_too(sandbox):
    answer = sandbox.http.post(sandbox.url + "/messages", headers=AUTH, data={
        "originator": PROXY, "recipients": f"{CUSTOMER},{DRIVER}",
        "body": "a b", "reference": "f"})
    assert answer.status_code == 201
    taken = sandbox.get("messages")["messages"][0]
    assert taken["recipients"] == [CUSTOMER, DRIVER]
    assert (taken["body"], taken["reference"]) == ("a b", "f")


@pytest.mark.parametrize("changes,code,parameter", [
    ({"originator": None}, 9, "originator"),
    ({"originator": ""}, 9, "originator"),
    ({"originator": "much too long a name"}, 10, "originator"),
    ({"originator": "ünïcode"}, 10, "originator"),
    ({"recipients": None}, 9, "recipients"),
    ({"recipients": []}, 9, "recipients"),
    ({"recipients": {}}, 9, "recipients"),
    ({"recipients": [True]}, 10, "recipients"),
    ({"recipients": ["0612345678"]}, 10, "recipients"),
    ({"recipients": ["31612345678x"]}, 10, "recipients"),
    ({"recipients": [CUSTOMER] * 51}, 10, "recipients"),
    ({"body": None}, 9, "body"),
    ({"body": ""}, 9, "body"),
    ({"body": ["x"]}, 10, "body"),
    ({"body": "x" * 1378}, 10, "body"),
    ({"body": "☕" * 604, "datacoding": "unicode"}, 10, "body"),
    ({"datacoding": "latin"}, 10, "datacoding"),
    ({"datacoding": {}}, 10, "datacoding"),
    ({"reference": "x" * 129}, 10, "reference"),
    ({"reference": []}, 10, "reference"),
    ({"reportUrl": "ftp://x/"}, 10, "reportUrl"),
    ({"reportUrl": "http://[::1"}, 10, "reportUrl"),
    ({"type": "pigeon"}, 10, "type"),
    ({"validity": -1}, 10, "validity"),
    ({"scheduledDatetime": "tomorrow"}, 10, "scheduledDatetime"),
])
def test_what_is_wrong_is_said_by_code_and_parameter(
        sandbox, changes, code, parameter):
    answer = sandbox.send(**changes)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["code"], error["parameter"]) == (code, parameter)
    assert sandbox.get("requests")["accepted"] == 0


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"\xff", b'{"body":NaN}', b'{"body":"\\ud800"}',
    b"[" * 100_000, b"1" * 5000])
def test_a_malformed_body_is_400(sandbox, body):
    answer = sandbox.http.post(
        sandbox.url + "/messages", data=body,
        headers={**AUTH, "Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == 21


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "AccessKey"}, {"Authorization": "AccessKey  "},
    {"Authorization": "Bearer x"}])
def test_no_access_key_is_401_with_code_2(sandbox, headers):
    for method, path in (("POST", ""), ("GET", ""), ("GET", "/x"),
                         ("DELETE", "/x")):
        answer = sandbox.http.request(
            method, f"{sandbox.url}/messages{path}", headers=headers,
            json=GOOD)
        assert answer.status_code == 401
        assert answer.json() == {"errors": [{
            "code": 2, "parameter": "access_key", "description":
            "Request not allowed (incorrect access_key)"}]}


def test_other_addresses_methods_and_sizes_are_refused(sandbox):
    for method, path, status in (("PUT", "/messages", 405),
                                 ("GET", "/nowhere", 404),
                                 ("GET", "/../main.py", 404),
                                 ("GET", "/messages/unknown", 404),
                                 ("DELETE", "/messages/unknown", 404),
                                 ("GET", "/sandbox/texts", 405)):
        answer = sandbox.http.request(method, sandbox.url + path, headers=AUTH)
        assert answer.status_code == status, path
        answer.json()
    assert sandbox.send(body="x" * 2_000_000).status_code == 413


def test_plain_replaces_and_auto_keeps(sandbox):
    sandbox.send(body="ok ☕ é€")
    sandbox.send(body="ok ☕", datacoding="auto")
    sandbox.send(body="x" * 161, datacoding="auto")
    first, second, third = sandbox.get("messages")["messages"]
    assert (first["body"], first["datacoding"]) == ("ok ? é€", "plain")
    assert (second["body"], second["datacoding"]) == ("ok ☕", "unicode")
    listed = sandbox.http.get(sandbox.url + "/messages/" + third["id"],
                              headers=AUTH).json()
    assert listed["recipients"]["items"][0]["messagePartCount"] == 2


def test_the_list_is_newest_first_filtered_and_paged(sandbox):
    for number in range(7):
        sandbox.send(reference=f"r{number}")
    sandbox.send(originator="31970000000", reference="other")
    sandbox.post("texts", {"from": CUSTOMER, "to": PROXY, "text": "hi"})

    def ask(**query):
        answer = sandbox.http.get(sandbox.url + "/messages", params=query,
                                  headers=AUTH)
        assert answer.status_code == 200
        return answer.json()

    page = ask(originator=PROXY, direction="mt", limit=3, offset=1)
    assert [m["reference"] for m in page["items"]] == ["r5", "r4", "r3"]
    assert (page["count"], page["totalCount"], page["offset"]) == (3, 7, 1)
    assert "offset=4" in page["links"]["next"]
    assert ask(direction="mo")["items"][0]["originator"] == CUSTOMER
    assert ask()["totalCount"] == 9
    assert ask()["items"][0]["direction"] == "mo"
    for wrong in ({"limit": 0}, {"limit": "x"}, {"offset": -1},
                  {"direction": "up"}):
        assert sandbox.http.get(sandbox.url + "/messages", params=wrong,
                                headers=AUTH).status_code == 422


def test_a_scheduled_message_waits_and_can_be_called_off(sandbox):
    later = sandbox.send(scheduledDatetime="2099-01-01T00:00:00+00:00").json()
    now = sandbox.send().json()
    url = sandbox.url + "/messages/"
    assert later["recipients"]["items"][0]["status"] == "scheduled"
    assert len(sandbox.get("phones/" + CUSTOMER)["texts"]) == 1
    delete = sandbox.http.delete
    assert delete(url + now["id"], headers=AUTH).status_code == 422
    assert delete(url + later["id"], headers=AUTH).status_code == 204
    assert delete(url + later["id"], headers=AUTH).status_code == 404


def test_only_the_last_ten_thousand_are_kept():
    sys.path.insert(0, str(MAIN.parent))
    try:
        from messages import KEPT, Box, Message
    finally:
        sys.path.pop(0)
    box = Box()
    for number in range(KEPT + 5):
        box.add(Message(str(number), str(number % 3), ["31612345678"], "x", 0,
                        reference=str(number)))
    assert len(box) == KEPT and box.get("4") is None
    assert box.by_reference("4") is None and box.by_reference("5")
    assert sum(len(list(box.newest(str(n)))) for n in range(3)) == KEPT
    assert [m.seq for m in box.since(KEPT + 3, 10)] == [KEPT + 4, KEPT + 5]


def test_messages_can_be_waited_for(sandbox):
    found = []
    thread = threading.Thread(target=lambda: found.append(requests.get(
        sandbox.url + "/sandbox/messages?since=0&wait_ms=5000").json()))
    thread.start()
    sandbox.send()
    thread.join(3)
    assert found and found[0]["last"] == 1


# --- delivery reports

def test_reports_come_in_order_and_signed_over_the_public_url(
        sandbox, gateway):
    sandbox.send(reference="ref 1", reportUrl=PUBLIC + "/webhook-status?mac=a")
    for status in ("sent", "delivered"):
        report = gateway.next("/webhook-status")
        assert report.method == "GET" and report.body == b""
        assert report.target.startswith("/webhook-status?mac=a&id=")
        assert report.query["status"] == status
        assert report.query["reference"] == "ref 1"
        assert report.query["recipient"] == CUSTOMER
        assert {"statusDatetime", "mccmnc", "ported"} <= set(report.query)
        assert_signed(report)
        assert "payload_hash" not in report.claims
    until(lambda: sandbox.get("messages")["messages"][0]["status"]
          == ["delivered"])
    assert sandbox.get("phones/" + CUSTOMER)["texts"][0]["state"] == "delivered"


def test_no_report_without_reference_off_loopback_or_when_off(
        sandbox, gateway):
    sandbox.send(reportUrl=PUBLIC + "/webhook-status")
    sandbox.send(reference="x", reportUrl="https://elsewhere.example/")
    sandbox.send(reference="x", reportUrl=PUBLIC + "evil.example/")
    until(lambda: all(m["status"] == ["delivered"] for m in
                      sandbox.get("messages")["messages"]))
    sandbox.post("settings", {"reports": False})
    sandbox.send(reference="x", reportUrl=PUBLIC + "/webhook-status")
    assert gateway.seen.empty()


def test_a_report_that_fails_is_repeated(sandbox, gateway):
    gateway.answers = [(503, "", {}), (500, "", {})]
    sandbox.send(reference="r", reportUrl=PUBLIC + "/s")
    seen = [gateway.next().query["status"] for _ in range(4)]
    assert seen == ["sent", "sent", "sent", "delivered"]


def test_a_report_by_hand(sandbox, gateway):
    sandbox.post("settings", {"reports": False})
    sandbox.send(reference="r", reportUrl=PUBLIC + "/s")
    gateway.answers = [(204, "", {})]
    answer = sandbox.post("reports", {"reference": "r", "status": "expired",
                                      "statusErrorCode": 103})
    assert answer["status"] == 204
    assert gateway.next().query["statusErrorCode"] == "103"
    sandbox.post("reports", {"reference": "?", "status": "sent",
                             "report_url": PUBLIC + "/s", "signed": False})
    assert gateway.next().headers["MessageBird-Signature-JWT"] is None
    sandbox.post("reports", {"reference": "?", "status": "sent"}, 400)


# --- texts in

def test_a_text_is_posted_as_a_form_and_signed(sandbox, gateway):
    gateway.answers = [(200, "thanks", {})]
    answer = sandbox.post("texts", {"from": "+" + CUSTOMER, "to": PROXY,
                                    "text": "hé & ☕"})
    request = gateway.next("/webhook")
    assert (answer["status"], answer["body"]) == (200, "thanks")
    assert request.headers["Content-Type"] == \
        "application/x-www-form-urlencoded"
    assert_signed(request)
    form = request.form
    assert form["originator"] == form["sender"] == CUSTOMER
    assert form["recipient"] == form["receiver"] == PROXY
    assert form["payload"] == form["body"] == form["message"] == "hé & ☕"
    assert form["message_id"] == answer["message_id"] != form["id"]
    created = datetime.fromisoformat(form["createdDatetime"]).timestamp()
    assert abs(created - time.time()) < 5
    assert int(form["date_utc"]) == created != int(form["date"])
    text = sandbox.get("phones/" + CUSTOMER)["texts"][0]
    assert (text["direction"], text["with"], text["state"]) == (
        "out", PROXY, "accepted")


def test_the_other_shapes_of_a_text(sandbox, gateway):
    base = {"from": CUSTOMER, "to": PROXY, "text": "hi", "message_id": "m1",
            "id": "i1", "created": "2018-09-24T08:30:59+00:00",
            "extra": [["body", "last"]]}
    sandbox.post("texts", {**base, "format": "json"})
    request = gateway.next()
    assert request.headers["Content-Type"] == "application/json"
    body = json.loads(request.body)
    assert (body["message_id"], body["body"], body["date_utc"],
            body["date"]) == ("m1", "last", "1537777859", "1537806659")
    assert_signed(request)
    sandbox.post("texts", {**base, "format": "query"})
    request = gateway.next()
    assert request.method == "GET" and request.path == "/webhook"
    assert request.query["id"] == "i1"
    assert_signed(request)
    sandbox.post("texts", {**base, "created": ""})
    assert not {"createdDatetime", "date", "date_utc"} & set(
        gateway.next().form)


def test_unsigned_and_wrongly_signed_texts(sandbox, gateway):
    base = {"from": CUSTOMER, "to": PROXY, "text": "hi"}
    sandbox.post("texts", {**base, "signed": False})
    assert gateway.next().headers["MessageBird-Signature-JWT"] is None
    sandbox.post("texts", {**base, "signed": "wrong"})
    request = gateway.next()
    assert request.claims["iss"] == "MessageBird"
    assert not verified(request.headers["MessageBird-Signature-JWT"], KEY,
                        PUBLIC + request.target, request.body, time.time())


def test_a_text_is_repeated_with_its_ids_and_a_fresh_signature(
        sandbox, gateway):
    gateway.answers = [(503, "", {}), (429, "", {}), (None, "", {})]
    answer = sandbox.post("texts", {"from": CUSTOMER, "to": PROXY,
                                    "text": "hi"})
    assert (answer["status"], answer["retrying"]) == (503, True)
    seen = [gateway.next() for _ in range(4)]
    assert len({r.form["message_id"] for r in seen}) == 1
    assert len({r.claims["jti"] for r in seen}) == 4
    until(lambda: sandbox.get("phones/" + CUSTOMER)["texts"][0]["state"]
          == "accepted")
    assert len(sandbox.get("phones/" + CUSTOMER)["texts"]) == 1


def test_repeats_end_and_honour_retry_after(sandbox, gateway):
    gateway.always = (500, "", {})
    base = {"from": CUSTOMER, "to": PROXY, "text": "hi", "wait": True}
    answer = sandbox.post("texts", {**base, "retries": 2})
    assert (answer["status"], answer["attempts"]) == (500, 3)
    assert sandbox.get("phones/" + CUSTOMER)["texts"][0]["state"] == "refused"
    gateway.reset()
    gateway.answers = [(503, "", {"Retry-After": "1"})]
    assert sandbox.post("texts", base)["attempts"] == 2
    assert 0.9 < -gateway.next().at + gateway.next().at < 3
    gateway.always = (401, "", {})
    assert sandbox.post("texts", base)["attempts"] == 1


def test_a_gateway_that_is_away_or_silent(sandbox, gateway):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            away = f"http://127.0.0.1:{taken.getsockname()[1]}"
        for url in (away, silent_url):
            other = Sandbox("--gateway", url)
            try:
                other.post("settings", {"webhook_timeout_ms": 100})
                answer = other.post("texts", {"from": CUSTOMER, "to": PROXY,
                                              "text": "hi", "retries": 0})
                assert answer["status"] is None and answer["error"]
                call = other.post("calls", {"from": CUSTOMER, "to": PROXY})
                assert (call["state"], call["reason"]) == ("ended", "failed")
            finally:
                assert other.stop() == 0


# --- calls

XML = {"Content-Type": "application/xml"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def dial(sandbox, gateway, body, headers, **call):
    gateway.answers = [(200, body, headers)]
    return sandbox.post("calls", {"from": CUSTOMER, "to": PROXY, **call})


def test_a_masked_call_rings_the_other_phone(sandbox, gateway):
    call = dial(sandbox, gateway, HEAD + f'<Transfer destination="{DRIVER}" '
                'mask="true" />', XML)
    request = gateway.next("/webhook-voice")
    assert request.method == "GET"
    assert set(request.query) == {"callID", "destination", "numberID",
                                  "source", "variables"}
    assert (request.query["source"], request.query["destination"],
            request.query["variables"]) == (CUSTOMER, PROXY, "{}")
    assert_signed(request)
    assert call["rings"] == {"phone": DRIVER, "shows": PROXY, "leak": False}
    assert call["played"] == [{"action": "transfer", "options": {
        "destination": DRIVER, "mask": True}}]
    assert (call["status"], call["content_type"]) == (200, "application/xml")
    assert CUSTOMER not in json.dumps(sandbox.get("phones/" + DRIVER))
    assert DRIVER not in json.dumps(sandbox.get("phones/" + CUSTOMER)["calls"])
    act = f"calls/{call['id']}/"
    assert sandbox.post(act + "answer")["state"] == "ongoing"
    sandbox.post(act + "answer", status=409)
    assert sandbox.post(act + "hangup")["reason"] == "hangup"
    sandbox.post(act + "hangup", status=409)
    sandbox.post("calls/unknown/hangup", status=404)


def test_an_unmasked_call_is_shown_as_a_leak(sandbox, gateway):
    flow = json.dumps({"title": "t", "steps": [
        {"action": "say", "options": {"payload": "One moment.",
                                      "language": "en-GB",
                                      "voice": "male"}},
        {"action": "transfer", "options": {"destination": "+" + DRIVER}},
        {"action": "hangup"}]})
    call = dial(sandbox, gateway, flow, JSON)
    assert call["rings"] == {"phone": DRIVER, "shows": CUSTOMER, "leak": True}
    assert [s["action"] for s in call["played"]] == ["say", "transfer"]
    hidden = dial(sandbox, gateway, flow, JSON, hidden=True)
    assert hidden["rings"]["shows"] == "Restricted"
    assert not hidden["rings"]["leak"]


@pytest.mark.parametrize("caller", ["", "Restricted"])
def test_a_hidden_caller_hears_the_voice(sandbox, gateway, caller):
    call = dial(sandbox, gateway, HEAD + '<Say language="en-GB" '
                'voice="female">Sorry &amp; bye.</Say>', XML,
                **{"from": caller})
    assert gateway.next().query["source"] == "Restricted"
    assert call["rings"] is None and call["state"] == "speaking"
    assert call["played"][0]["options"]["payload"] == "Sorry & bye."


def test_nobody_answers(sandbox, gateway):
    sandbox.post("settings", {"ring_timeout_ms": 30})
    call = dial(sandbox, gateway,
                f'<Transfer destination="{DRIVER}" mask="true"/>', XML)
    until(lambda: sandbox.get("calls/" + call["id"])["reason"] == "no_answer")


def test_a_flow_may_lead_to_another(sandbox, gateway):
    gateway.answers = [
        (200, json.dumps({"steps": [{"action": "fetchCallFlow", "options": {
            "url": PUBLIC + "/next?a=1"}}]}), JSON),
        (200, "<Hangup />", XML)]
    call = sandbox.post("calls", {"from": CUSTOMER, "to": PROXY})
    gateway.next("/webhook-voice")
    assert_signed(gateway.next("/next"))
    assert (call["state"], call["reason"]) == ("ended", "hangup")


@pytest.mark.parametrize("status,body,headers", [
    (200, "<Hangup/>", {"Content-Type": "text/html"}),
    (200, "<Hangup/>", {}),
    (200, "<Hangup/>", JSON),
    (200, "<Hangup", XML),
    (200, "<Dance/>", XML),
    (200, "<Say>hi</Say>", XML),
    (200, '<Say language="en-GB" voice="robot">hi</Say>', XML),
    (200, '<Transfer mask="true"/>', XML),
    (200, '<Transfer destination="x" mask="true"/>', XML),
    (200, '<Transfer destination="31612345678" mask="maybe"/>', XML),
    (200, '<Response><Hangup/></Response>', XML),
    (200, '<!DOCTYPE x [<!ENTITY a "b">]><Hangup/>', XML),
    (200, '{"steps":[]}', JSON),
    (200, '{"steps":[1]}', JSON),
    (200, '{"steps":[{"action":["say"]}]}', JSON),
    (200, '{"steps":[{"action":"say","options":[]}]}', JSON),
    (500, "<Hangup/>", XML),
    (401, "", {}),
])
def test_a_flow_that_cannot_be_played_is_an_error(
        sandbox, gateway, status, body, headers):
    gateway.always = (status, body, headers)
    call = sandbox.post("calls", {"from": CUSTOMER, "to": PROXY})
    assert call["status"] == status and call["error"]
    assert (call["state"], call["reason"]) == ("ended", "failed")


# --- faults

@pytest.mark.parametrize("mode,status,taken", [
    ("429", 429, 0), ("500", 500, 0), ("500_after", 500, 1), ("401", 401, 0),
    ("402balance", 402, 0), ("422", 422, 0), ("drop", None, 0),
    ("drop_after", None, 1), ("timeout", None, 0), ("timeout_after", None, 1),
    ("slow", 201, 1)])
def test_each_fault(sandbox, mode, status, taken):
    fault = {"mode": mode, "count": 1, "retry_after": 7}
    if mode in ("slow", "timeout", "timeout_after"):
        fault["delay_ms"] = 50
    sandbox.post("faults", fault)
    start = time.monotonic()
    try:
        answer = sandbox.send()
        assert answer.status_code == status
        if mode == "429":
            assert answer.headers["Retry-After"] == "7"
    except requests.ConnectionError:
        assert status is None
    if "delay_ms" in fault:
        assert time.monotonic() - start >= 0.05
    seen = sandbox.get("requests")
    assert seen["accepted"] == taken and seen["in_flight"] == 0
    assert seen["outcomes"] == {mode if status != 201 else "201": 1}
    assert sandbox.get("faults")["faults"] == []
    assert sandbox.send().status_code == 201


def test_faults_for_one_recipient_and_by_chance(sandbox):
    sandbox.post("faults", {"mode": "422", "recipient": "+" + DRIVER})
    sandbox.post("faults", {"mode": "500", "probability": 0.5, "seed": 7})
    assert sandbox.send(recipients=[DRIVER]).status_code == 422
    first = [sandbox.send().status_code for _ in range(20)]
    assert {201, 500} == set(first)
    sandbox.post("faults", {"mode": "500", "probability": 0.5, "seed": 7})
    assert [sandbox.send().status_code for _ in range(20)] == first
    sandbox.post("faults", {"mode": "ok"})
    assert sandbox.get("faults")["faults"] == []


def test_lookups_fail_too_when_told(sandbox):
    sandbox.post("faults", {"mode": "500", "on": "get", "count": 1})
    assert sandbox.send().status_code == 201
    for status in (500, 200):
        assert sandbox.http.get(sandbox.url + "/messages",
                                headers=AUTH).status_code == status


def test_the_accounts_rate(sandbox):
    sandbox.post("settings", {"posts_per_second": 5})
    seen = [sandbox.send() for _ in range(12)]
    assert {r.status_code for r in seen} == {201, 429}
    assert all(r.headers["Retry-After"] == "1" for r in seen
               if r.status_code == 429)


# --- the control API's own edges

@pytest.mark.parametrize("path,body", [
    ("texts", {}), ("texts", {"from": CUSTOMER, "to": PROXY}),
    ("texts", {"from": CUSTOMER, "to": PROXY, "text": 1.5}),
    ("texts", {"from": CUSTOMER, "to": PROXY, "text": "x", "odd": 1}),
    ("texts", {"from": CUSTOMER, "to": PROXY, "text": "x", "format": []}),
    ("texts", {"from": CUSTOMER, "to": PROXY, "text": "x", "retries": -1}),
    ("texts", {"from": CUSTOMER, "to": PROXY, "text": "x", "extra": [1]}),
    ("calls", {"to": PROXY}), ("calls", {"from": {}, "to": PROXY}),
    ("faults", {"mode": "none"}), ("faults", {"mode": "429", "count": "x"}),
    ("faults", {"mode": "500", "probability": 2}),
    ("settings", {"reports": 1}), ("settings", {"odd": 1}),
    ("settings", {"retries": 10 ** 9}), ("settings", {"delivery": []}),
    ("reports", {"status": "sent"})])
def test_wrong_control_requests_get_a_sentence(sandbox, gateway, path, body):
    assert sandbox.post(path, body, 400)["error"]
    assert gateway.seen.empty()


def raw(sandbox, method, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
    try:
        connection.request(method, path, body=b"{}" * (method == "POST"),
                           headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_other_sites_cannot_drive_it(sandbox):
    own = f"127.0.0.1:{sandbox.port}"
    post = ("POST", "/sandbox/reset")
    for method, path in (post, ("GET", "/"), ("GET", "/sandbox/events")):
        assert raw(sandbox, method, path, {"Host": "evil.example"}) == 403
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1",
                   "https://" + own):
        assert raw(sandbox, *post, {"Host": own, "Origin": origin}) == 403
    assert raw(sandbox, *post, {"Host": own, "Origin": "http://" + own}) == 200
    assert raw(sandbox, *post, {"Host": f"localhost:{sandbox.port}"}) == 200


def test_the_page_and_its_policy(sandbox):
    answer = sandbox.http.get(sandbox.url + "/?phones=+447700900001")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=",
                         answer.text)
    for name in re.findall(r'(?:src|href)="([a-z.]+)"', answer.text):
        assert sandbox.http.get(f"{sandbox.url}/{name}").status_code == 200


def test_events_tell_only_of_the_phones_that_are_shown(sandbox, gateway):
    with requests.get(f"{sandbox.url}/sandbox/events?phones={CUSTOMER}",
                      stream=True, timeout=5) as stream:
        lines = stream.iter_lines(chunk_size=1, decode_unicode=True)

        def next_event():
            kind = next(line for line in lines if line.startswith("event: "))
            return kind[7:], json.loads(next(lines)[6:])

        kind, hello = next_event()
        assert kind == "hello" and hello["gateway"] == PUBLIC
        sandbox.send(recipients=[DRIVER], body="for the driver")
        sandbox.send(body="<b>for the customer</b>")
        seen = []
        while "wire" not in [kind for kind, _ in seen]:
            seen.append(next_event())
        texts = [data for kind, data in seen if kind == "text"]
        assert texts[0]["item"]["text"] == "<b>for the customer</b>"
        assert {data["phone"] for data in texts} == {CUSTOMER}


# --- starting and ending

def test_an_inherited_socket_and_the_webhook_token(gateway):
    gateway.reset()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        shell = f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ exec "$0" "$@"'
        process = subprocess.Popen(
            ["/bin/bash", "-c", shell, "/usr/bin/python3", str(MAIN)],
            stderr=subprocess.PIPE, text=True, pass_fds=[listener.fileno()],
            env={"PATH": os.environ["PATH"], "LISTEN_FDS": "1",
                 "SANDBOX_GATEWAY": gateway.url, "WEBHOOK_TOKEN": "s e"})
        try:
            assert f"port={port}" in process.stderr.readline()
            answer = requests.post(
                f"http://127.0.0.1:{port}/sandbox/texts",
                json={"from": CUSTOMER, "to": PROXY, "text": "hi"}).json()
            assert answer["status"] == 200
            assert gateway.next().target == "/webhook/s%20e"
        finally:
            process.terminate()
            assert process.wait(5) == 0
            process.stderr.close()


def test_a_port_in_use_and_wrong_options_are_clear(sandbox):
    for args, status, words in (
            (["--port", str(sandbox.port)], 1, "choose another with --port"),
            (["--port", "x"], 2, "--port must be"),
            (["--gateway", "nowhere"], 2, "--gateway must be")):
        done = subprocess.run(
            ["/usr/bin/python3", str(MAIN), *args], capture_output=True,
            text=True, timeout=10, check=False)
        assert done.returncode == status and words in done.stderr


def test_it_ends_at_once_with_a_page_open_and_logs_no_number(gateway):
    gateway.always = (500, "", {})
    sandbox = Sandbox("--gateway", gateway.url)
    with requests.get(sandbox.url + "/sandbox/events", stream=True):
        sandbox.post("texts", {"from": CUSTOMER, "to": PROXY,
                               "text": "secret words"})
        start = time.monotonic()
        sandbox.process.terminate()
        said = sandbox.process.stderr.read()
        assert sandbox.process.wait(5) == 0
    assert time.monotonic() - start < 2
    assert "secret" not in said and "4477009" not in said
    sandbox.process.stderr.close()
