"""Who may come in: the token, the password, the webhooks' signatures, and forms of our own."""

import re
import time
import uuid
from urllib.parse import urlencode

import pytest
from http_client import FORM
from signing import sign_old

SETTINGS = {"WEBHOOK_TOKEN": "a-token-for-flows"}
RIDE = "17-0123456789abcdef0123456789abcdef"
DOORS = [
    ("GET", "/"), ("POST", "/createride"), ("POST", "/customers"), ("GET", "/customers/1"), ("POST", "/customers/1"),
    ("POST", "/customers/1/delete"), ("POST", "/drivers"), ("GET", "/drivers/1"), ("POST", "/drivers/1"),
    ("POST", "/drivers/1/delete"), ("POST", "/numbers"), ("POST", "/pools"), ("GET", f"/rides/{RIDE}"),
    ("POST", f"/rides/{RIDE}/end"), ("POST", f"/rides/{RIDE}/extend"), ("GET", "/metrics"), ("GET", "/nothing"),
    *((method, f"/api/v1/{kind}") for method in ("GET", "POST")
      for kind in ("customers", "drivers", "numbers", "pools", "rides")),
    *((method, f"/api/v1/{kind}/1") for method in ("GET", "PUT", "PATCH", "DELETE") for kind in ("customers", "drivers")),
    ("GET", f"/api/v1/rides/{RIDE}"), ("POST", f"/api/v1/rides/{RIDE}/end"), ("POST", f"/api/v1/rides/{RIDE}/extend"),
    ("GET", f"/api/v1/rides/{RIDE}/timeline"), ("GET", "/api/v1/nothing"), ("DELETE", "/"), ("PUT", "/api/v1/rides")]
WRONG = [{}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer wrong"},
         {"Authorization": "Basic YWRtaW46d3Jvbmc="}, {"Authorization": "Basic !!!"}, {"Authorization": "Basic YWRtaW4="},
         {"Authorization": "Digest x"}, {"Cookie": "session=admin"}]


@pytest.fixture(scope="module", name="ride")
def a_ride(deployment):
    ride = deployment.ride()
    deployment.sandbox.wait_texts(2)
    return ride


@pytest.mark.parametrize("method, path", DOORS)
def test_nobody_gets_in(deployment, method, path):
    for headers in WRONG:
        answer = deployment.open.request(method, path, None, headers)
        assert answer.status == 401, (headers, answer)
        assert answer.headers["WWW-Authenticate"]
        assert b"447700900" not in answer.body and b"Carless" not in answer.body


def test_wrong_in_detail(deployment):
    """A secret that is nearly right is wrong; so is the right one as the other's."""
    token, password = deployment.secret("api-token"), deployment.secret("admin-password")
    for client in (deployment.open.bearer(token[:-1]), deployment.open.bearer(token + "0"),
                   deployment.open.bearer(token.upper() + " "), deployment.open.bearer(password),
                   deployment.open.basic("admin", token), deployment.open.basic("admin", password)):
        assert client.get("/api/v1/rides").status == 401
    for client in (deployment.api, deployment.page):
        assert client.get("/").status == 200
    assert deployment.api.get("/api/v1/rides").status == 200
    assert deployment.page.get("/api/v1/rides").status == 401  # a cookie is for pages




@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/assets/style.css"])
def test_open_to_all(deployment, path):
    assert deployment.open.get(path).status == 200


# ---- webhooks

def text(ride, words="hello", **fields):
    return urlencode({"message_id": uuid.uuid4().hex, "originator": "447700900101", "recipient": ride["proxy"][1:],
                      "payload": words, **fields}).encode()


def post(deployment, body, headers, path="/webhook"):
    return deployment.open.request("POST", path, body, {"Content-Type": FORM, **headers})


BAD_SIGNATURES = {
    "another key": {"key": "another"}, "another url": {"url_hash": "0" * 64}, "another body": {"payload_hash": "0" * 64},
    "no body hash": {"payload_hash": None}, "expired": {"nbf": int(time.time()) - 120, "exp": int(time.time()) - 60},
    "early": {"nbf": int(time.time()) + 600, "exp": int(time.time()) + 900}, "another issuer": {"iss": "Somebody"},
    "no issuer": {"iss": None}, "no jti": {"jti": None}, "empty jti": {"jti": ""}, "no expiry": {"exp": None},
    "no begin": {"nbf": None}, "none": {"algorithm": "none"}, "RS256": {"algorithm": "RS256"}}
HOOKS = [("POST", "/webhook"), ("GET", "/webhook?originator=447700900101&recipient=447700900301&payload=x"),
         ("GET", "/webhook-voice?source=447700900101&destination=447700900301"),
         ("GET", "/webhook-status?reference=17-x&status=delivered"), ("POST", "/webhook-status"),
         ("POST", "/webhook/wrong"), ("GET", "/webhook-voice/wrong?source=1&destination=2")]


@pytest.mark.parametrize("method, path", HOOKS)
def test_unsigned_webhooks(deployment, ride, method, path):
    body = text(ride, "unsigned") if method == "POST" else None
    for headers in ({}, {"MessageBird-Signature-JWT": ""}, {"MessageBird-Signature-JWT": "a.b.c"},
                    {"MessageBird-Signature-JWT": "x" * 3000}, deployment.api.headers):
        answer = deployment.open.request(method, path, body, {"Content-Type": FORM, **headers})
        assert answer.status == 401, (headers, answer)


@pytest.mark.parametrize("claims", BAD_SIGNATURES.values(), ids=BAD_SIGNATURES)
def test_badly_signed_webhooks(deployment, ride, claims):
    body = text(ride, "forged")
    answer = post(deployment, body, deployment.signature("/webhook", body, **claims))
    assert (answer.status, answer.json["code"]) == (401, "bad_signature")
    path = f"/webhook-voice?source=447700900101&destination={ride['proxy'][1:]}"
    if "payload_hash" not in claims:
        assert deployment.open.get(path, deployment.signature(path, **claims)).status == 401
    else:
        assert deployment.open.get(path, deployment.signature(path, payload_hash="0" * 64)).status == 401


def test_older_signatures_are_not_taken(deployment, ride):
    """Unless they are switched on."""
    body = text(ride, "unsigned")
    assert post(deployment, body, sign_old(deployment.signing_key(), "", body)).status == 401


def test_the_signature_of_another_request(deployment, ride):
    body, other = text(ride, "one"), text(ride, "two")
    assert post(deployment, other, deployment.signature("/webhook", body)).status == 401
    assert post(deployment, body, deployment.signature("/webhook?x=y", body)).status == 401
    assert post(deployment, body, deployment.signature("/webhook", body), "/webhook?x=y").status == 401


def test_forged_texts_went_nowhere(deployment, ride):
    """All of the above sent nothing; a good one does."""
    mark = deployment.sandbox.last()
    assert post(deployment, text(ride, "genuine"), {}).status == 401
    body = text(ride, "genuine")
    assert post(deployment, body, deployment.signature("/webhook", body)).status == 200
    assert [m["body"] for m in deployment.sandbox.wait_texts(1, mark)] == ["genuine"]
    bodies = {m["body"] for m in deployment.sandbox.accepted()}
    assert not bodies & {"unsigned", "forged", "one", "two"}


def test_replayed_signature(deployment, ride):
    """With the same body it is the provider's repeat; with another it is a forgery."""
    mark = deployment.sandbox.last()
    body = text(ride, "sent twice")
    headers = deployment.signature("/webhook", body)
    assert [post(deployment, body, headers).status for _ in range(3)] == [200, 200, 200]
    jti = uuid.uuid4().hex
    first, second = text(ride, "first use"), text(ride, "second use")
    assert post(deployment, first, deployment.signature("/webhook", first, jti=jti)).status == 200
    assert post(deployment, second, deployment.signature("/webhook", second, jti=jti)).status == 401
    last = text(ride, "last")
    assert post(deployment, last, deployment.signature("/webhook", last)).status == 200
    assert [m["body"] for m in deployment.sandbox.wait_texts(3, mark)] == ["sent twice", "first use", "last"]


def test_webhook_token(deployment, ride):
    mark = deployment.sandbox.last()
    assert post(deployment, text(ride, "by token"), {}, "/webhook/a-token-for-flows").status == 200
    assert post(deployment, text(ride, "no"), {}, "/webhook/a-token-for-flow").status == 401
    call = f"?source=447700900101&destination={ride['proxy'][1:]}"
    answer = deployment.open.get("/webhook-voice/a-token-for-flows" + call)
    assert answer.status == 200 and b"<Transfer " in answer.body
    assert [m["body"] for m in deployment.sandbox.wait_texts(1, mark)] == ["by token"]
    assert not [line for line in deployment.log_lines() if b"a-token-for-flows" in line]


# ---- forms

def form_token(deployment, path="/"):
    return re.search(r'name="form_token" value="([^"]+)"', deployment.page.get(path).text).group(1)


def person(phone="+447700900888", **more):
    return {"name": "Form Person", "phone": phone, **more}


def test_forms_of_a_session_want_a_token(deployment):
    before = deployment.listed("customers")
    token = form_token(deployment)
    head, tail = token[:-1], "0" if token[-1] != "0" else "1"
    for wrong in ({}, {"form_token": ""}, {"form_token": "x.1.y"}, {"form_token": head + tail},
                  {"form_token": token.replace(token.split(".")[1], "99999999999")}):
        answer = deployment.page.form("/customers", person(**wrong))
        assert answer.status == 403 and "Form Person" in answer.text, answer
    assert deployment.listed("customers") == before


def test_other_sites_cannot_post(deployment):
    before = deployment.listed("customers")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"},
                    {"Origin": "null"}):
        fields = person(form_token=form_token(deployment))
        assert deployment.page.form("/customers", fields, headers).status == 403, headers
        answer = deployment.page.request("POST", "/api/v1/customers", b'{"name":"x","phone":"+447700900888"}',
                                         {"Content-Type": "application/json", **headers})
        assert answer.status == 401, headers
    assert deployment.listed("customers") == before


def test_a_form_sent_twice_acts_once(deployment):
    """As by a second click, or a reload."""
    before = len(deployment.listed("customers"))
    fields = person(form_token=form_token(deployment))
    assert [deployment.page.form("/customers", fields).status for _ in range(2)] == [303, 303]
    assert len(deployment.listed("customers")) == before + 1


def test_answers_are_not_for_other_sites(deployment):
    headers = deployment.page.get("/").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


def test_the_secrets_are_the_owners(deployment):
    for name in ("api-token", "admin-password", "keys", "signing-key"):
        assert (deployment.state / name).stat().st_mode & 0o777 == 0o600
    for folder in ("", "run", "data", "logs"):
        assert (deployment.state / folder).stat().st_mode & 0o777 == 0o700
