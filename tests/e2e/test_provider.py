"""The same flows with a provider that is no sandbox: the setting is all that differs."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from deployment import Deployment
from http_client import FORM
from poll import wait_for
from signing import sign, sign_old

KEY, SIGNING_KEY = "live_a-key-of-ours", "signing key with spaces & ümlaut"
OLD_KEY = "the key before"
PUBLIC_URL = "https://rides.example/base"


class Provider(ThreadingHTTPServer):
    """As much of MessageBird as the daemons use."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.taken, self.answers, self.calls = [], [], []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.path, dict(self.headers)))
        message = json.loads(body)
        status = self.server.answers.pop(0) if self.server.answers else 201
        if status == 201:
            self.server.taken.append(message)
            self.answer(201, {"id": "e8077d803532c0b5937c639b60216938", "reference": message["reference"]})
        else:
            self.answer(status, {"errors": [{"code": 9, "description": "no", "parameter": None}]})

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        mine = [{"id": "x", "reference": m["reference"], "createdDatetime": "2031-01-01T00:00:00+00:00"}
                for m in reversed(self.server.taken) if m["originator"] == query["originator"][0]]
        self.answer(200, {"offset": 0, "limit": 20, "count": len(mine), "totalCount": len(mine), "items": mine})


@pytest.fixture(scope="module", name="provider")
def a_provider():
    provider = Provider()
    yield provider
    provider.shutdown()
    provider.server_close()


@pytest.fixture(scope="module", name="place")
def a_deployment(provider):
    with Deployment(MESSAGEBIRD_API_KEY=KEY, MESSAGEBIRD_API_URL=provider.url, MESSAGEBIRD_SIGNING_KEY=SIGNING_KEY,
                    MESSAGEBIRD_SIGNING_KEY_OLD=OLD_KEY, MESSAGEBIRD_OLD_SIGNATURES="on", PUBLIC_URL=PUBLIC_URL,
                    SAMPLES="on") as place:
        yield place


@pytest.fixture(scope="module", name="ride")
def a_ride(place, provider):
    ride = place.ride()
    wait_for(lambda: len(provider.taken) == 2, what="both notices")
    return ride


def send(place, ride, sender, words):
    body = urlencode({"message_id": words, "originator": sender, "recipient": ride["proxy"][1:], "payload": words}).encode()
    return place.open.request("POST", "/webhook", body, {"Content-Type": FORM, **place.signature("/webhook", body)})


def test_no_sandbox(place):
    assert place.sandbox is None
    assert "sandbox" not in [p["service"] for p in place.status()]


def test_what_the_provider_gets(place, provider, ride):
    path, headers = provider.calls[0]
    assert path == "/v1/messages" and headers["Authorization"] == f"AccessKey {KEY}"
    assert headers["Content-Type"].startswith("application/json") and "application/json" in headers["Accept"]
    for message in provider.taken:
        assert message["originator"] == ride["proxy"][1:] and message["datacoding"] == "auto"
        assert len(message["reference"]) <= 128
        assert message["reportUrl"].startswith(PUBLIC_URL + "/webhook-status?")
    assert not [line for line in place.log_lines() if KEY.encode() in line or b"a-key-of-ours" in line]


@pytest.mark.parametrize("key, status", [(SIGNING_KEY, 200), (OLD_KEY, 200), ("another", 401), ("", 401)])
def test_keys_while_they_are_rotated(place, ride, key, status):
    """By the signature of today, and by the one before."""
    body = urlencode({"message_id": f"rotated {key}", "originator": "447700900101", "recipient": ride["proxy"][1:],
                      "payload": "rotated"}).encode()
    path = f"/webhook-voice?destination={ride['proxy'][1:]}&source=447700900101"
    signed = [{"MessageBird-Signature-JWT": sign(key or "\0", PUBLIC_URL + p, b)} for p, b in
              (("/webhook", body), (path, b""))]
    for text, call in (signed, (sign_old(key, "", body), sign_old(key, path.split("?")[1]))):
        assert place.open.request("POST", "/webhook", body, {"Content-Type": FORM, **text}).status == status
        assert place.open.get(path, call).status == status


def test_an_old_signature_that_is_old(place, ride):
    path = f"/webhook-voice?destination={ride['proxy'][1:]}&source=447700900101"
    for age, status in ((250, 200), (-250, 200), (350, 401), (-350, 401)):
        headers = sign_old(SIGNING_KEY, path.split("?")[1], when=int(time.time()) - age)
        assert place.open.get(path, headers).status == status, age


@pytest.mark.parametrize("sender, other", [("447700900101", "447700900201"), ("447700900201", "447700900101")])
def test_texts_and_calls(place, provider, ride, sender, other):
    assert send(place, ride, sender, f"from {sender}").status == 200
    got = wait_for(lambda: [m for m in provider.taken if m["body"] == f"from {sender}"], what="the text")[0]
    assert [str(r) for r in got["recipients"]] == [other]
    path = f"/webhook-voice?source={sender}&destination={ride['proxy'][1:]}"
    answer = place.open.get(path, place.signature(path))
    assert answer.text == f'<?xml version="1.0" encoding="UTF-8"?><Transfer destination="{other}" mask="true" />'
    assert place.open.get(path).status == 401


def test_delivery_report(place, provider, ride):
    """The provider calls the URL that it was given; that alone lets it in."""
    message = provider.taken[0]
    url = urlsplit(message["reportUrl"])
    query = f"{url.query}&" + urlencode({"id": "e8", "reference": message["reference"], "recipient": "447700900101",
                                         "status": "delivered", "statusDatetime": "2031-05-03T08:58:10+00:00"})
    assert place.open.get(f"/webhook-status?{query}").status == 200
    assert place.open.get(f"/webhook-status?{query}").status == 200
    events = [e for e in place.timeline(ride) if e.get("reference") == message["reference"]]
    assert [e["what"] for e in events].count("text.delivered") == 1
    forged = query.replace(message["reference"], provider.taken[1]["reference"])
    assert place.open.get(f"/webhook-status?{forged}").status == 401


@pytest.mark.parametrize("status", [429, 500])
def test_trouble_passes(place, provider, ride, status):
    """Not taken, so sent again; in order."""
    provider.answers.append(status)
    for number in range(3):
        assert send(place, ride, "447700900101", f"{status} {number}").status == 200
    wanted = [f"{status} {number}" for number in range(3)]
    wait_for(lambda: [m["body"] for m in provider.taken if m["body"] in wanted] == wanted, 30, "all three")


def test_a_final_answer_is_final(place, provider, ride):
    """Refused for good: not repeated, on the ride's record, and nobody behind it waits."""
    provider.answers.append(422)
    assert send(place, ride, "447700900101", "refused").status == 200
    assert send(place, ride, "447700900101", "welcome").status == 200
    wait_for(lambda: [m for m in provider.taken if m["body"] == "welcome"], what="the next text")
    assert not [m for m in provider.taken if m["body"] == "refused"]
    wait_for(lambda: "text.failed" in [e["what"] for e in place.timeline(ride)], what="the record")


def test_a_forgotten_key_is_no_sandbox(place):
    """Last: it stops the deployment. Started again without its key it would hand real texts to the sandbox."""
    place.down()
    kept = dict(place.settings)
    del place.settings["MESSAGEBIRD_API_KEY"]
    refused = place.up(check=False)
    assert refused.returncode == 1 and "MESSAGEBIRD_API_KEY is not set" in refused.stderr
    assert place.status() == []
    place.settings = kept
    place.up()
    assert place.ready()
