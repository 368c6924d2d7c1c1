"""What must not come in: every route with every kind of nonsense, and what is said to it.

A row is a request and what it is answered with. At the end nothing was made, nothing was sent, and no page ever showed
what was typed as anything but text.
"""

import itertools
import json
import select
import socket
from urllib.parse import quote, urlencode, urlsplit

import pytest
from http_client import FORM, Answer

JSON = "application/json"
SCRIPT = "<script>alert('x')</script>"
UNKNOWN_RIDE = "17-0123456789abcdef0123456789abcdef"

NUMBER = "+447700900310"  # one of the samples

GOOD = {
    "customers": {"name": "Nadia", "phone": "+447700900777"},
    "drivers": {"name": "Nadia", "phone": "+447700900777"},
    "numbers": {"phone": "+447700900777", "pool": "default"},
    "pools": {"name": "north", "prefixes": ["31"]},
    "rides": {"customer": 1, "driver": 1, "start": "Dam", "destination": "Zoo", "datetime": "at noon"}}

MISSING = object()
NOT_TEXT = [(7, "wrong_kind"), (True, "wrong_kind"), ([], "wrong_kind"), (["x"], "wrong_kind"), ({}, "wrong_kind"),
            (1.5, "wrong_kind")]
NO_TEXT = [(MISSING, "missing"), (None, "missing"), ("", "missing"), (" \t\r\n ", "missing")]
NO_PHONE = [(value, "phone_invalid") for value in (
    "abc", "+31 6 abc", "123456", "+1234567890123456", "+0123456789", "++31612345678", "31612345678;", "☎️🚲",
    "+31612345678 or 1=1", SCRIPT, "٣١٦١٢٣٤٥٦٧٨", "+", "x" * 5000)]
NO_PHONE += [("0612345678", "phone_national"), ("06 1234 5678", "phone_national")]
NO_ID = [(-1, "unknown_person"), (0, "unknown_person"), (999999, "unknown_person"), (2**63 - 1, "unknown_person"),
         ("-1", "unknown_person"), ("4", "unknown_person"), (2**63, "invalid"), (10**30, "invalid"), (1.5, "invalid"),
         ("abc", "invalid"), ("1e0", "invalid"), ("0x1", "invalid"), ("1 or 1=1", "invalid"), ("🚲", "invalid"),
         (SCRIPT, "invalid"), (True, "wrong_kind"), ([1], "wrong_kind"), ({"id": 1}, "wrong_kind"), *NO_TEXT]


def no_words(most):
    return [*NO_TEXT, *NOT_TEXT, ("x" * (most + 1), "too_long"), ("🚲" * (most + 1), "too_long"),
            ("two\nlines", "invalid"), ("bell\x07", "invalid"), ("\x7f", "invalid")]


NO_TIME = [("tomorrow", "invalid"), ("2031-13-01T00:00:00Z", "invalid"), ("2031-02-30T00:00:00Z", "invalid"),
           ("99999-01-01T00:00:00Z", "invalid"), ("2001-01-01T00:00:00Z", "in_the_past"),
           *[(v, c) for v, c in NOT_TEXT], ("", "missing"), (SCRIPT, "invalid")]
NO_POOL = [("nowhere", "unknown_pool"), ("", "missing"), (7, "wrong_kind"), ([], "wrong_kind"),
           (SCRIPT, "unknown_pool"), ("x" * 5000, "unknown_pool")]
NO_POOL_NAME = [*NO_TEXT, *NOT_TEXT, ("x" * 33, "invalid"), ("a b", "invalid"), ("a/b", "invalid"), ("ü", "invalid"),
                (SCRIPT, "invalid"), ("{x}", "invalid"), ("a\nb", "invalid")]
NO_PREFIXES = [("31", "wrong_kind"), (31, "wrong_kind"), ({}, "wrong_kind"), ([31], "wrong_kind"), ([None], "wrong_kind"),
               ([["31"]], "wrong_kind"), (["031"], "invalid"), (["abc"], "invalid"), ([""], "invalid"),
               (["3" * 16], "invalid"), (["31,32"], "invalid"), ([SCRIPT], "invalid"), (["🚲"], "invalid"),
               ([str(n) for n in range(1, 200)], "invalid")]

NO_LABEL = [row for row in no_words(100) if row[0] not in (MISSING, None)]
NO_CAPABILITIES = [("sms", "wrong_kind"), ([1], "wrong_kind"), (["fax"], "invalid"), (["SMS"], "invalid"), ([""], "invalid"),
                   (["sms,voice"], "invalid"), ([SCRIPT], "invalid")]
NO_CHANNELS = [("sms", "wrong_kind"), (1, "wrong_kind"), ({}, "wrong_kind"), ([1], "wrong_kind"), ([["sms"]], "wrong_kind"),
               ([""], "invalid"), (["SMS"], "invalid"), (["sms", "fax"], "invalid"), ([SCRIPT], "invalid")]

FIELDS = {
    "customers": {"name": no_words(100), "phone": NO_TEXT + NOT_TEXT + NO_PHONE},
    "drivers": {"name": no_words(100), "phone": NO_TEXT + NOT_TEXT + NO_PHONE},
    "numbers": {"phone": NO_TEXT + NOT_TEXT + NO_PHONE, "pool": NO_POOL, "label": NO_LABEL,
                "capabilities": NO_CAPABILITIES},
    "pools": {"name": NO_POOL_NAME, "prefixes": NO_PREFIXES, "capabilities": NO_CAPABILITIES},
    "rides": {"customer": NO_ID, "driver": NO_ID, "start": no_words(200), "destination": no_words(200),
              "datetime": no_words(100), "ends_at": NO_TIME, "pool": NO_POOL,
              "channels": NO_CHANNELS}}

# Paths that take a JSON body, by method; then all that is known of each path.
BODIES = [*(("POST", f"/api/v1/{kind}") for kind in GOOD), ("PATCH", "/api/v1/customers/1"),
          ("PUT", "/api/v1/drivers/1"), ("PATCH", f"/api/v1/numbers/{NUMBER}"), ("PATCH", "/api/v1/pools/default"), ("POST", f"/api/v1/rides/{UNKNOWN_RIDE}/extend"),
          ("PATCH", f"/api/v1/rides/{UNKNOWN_RIDE}")]
PERSON, THINGS = "GET HEAD PATCH PUT DELETE", "GET HEAD POST"
UNKNOWN_TEXT = "17-0123456789abcdef"
METHODS = {
    "/api/v1/messages?state=dead": "GET HEAD", f"/api/v1/messages/{UNKNOWN_TEXT}": "DELETE",
    "/api/v1/messages/resend?state=dead": "POST DELETE", "/api/v1/messages/drop?state=dead": "POST DELETE",
    f"/api/v1/messages/{UNKNOWN_TEXT}/resend": "POST", "/messages": "GET HEAD", "/messages/resend": "POST",
    "/messages/drop": "POST", f"/messages/{UNKNOWN_TEXT}/resend": "POST", f"/messages/{UNKNOWN_TEXT}/drop": "POST",
    "/api/v1/customers": THINGS, "/api/v1/drivers": THINGS, "/api/v1/numbers": THINGS, "/api/v1/pools": THINGS,
    "/api/v1/pools/default": "GET HEAD PATCH DELETE", "/pools/default": THINGS, "/pools/default/delete": "POST",
    f"/api/v1/numbers/{NUMBER}": "GET HEAD PATCH DELETE", "/api/v1/numbers/import": "GET HEAD POST PATCH DELETE",
    "/numbers/import": THINGS, f"/numbers/{NUMBER}": THINGS, f"/numbers/{NUMBER}/delete": "POST",
    "/api/v1/rides": THINGS, "/api/v1/customers/1": PERSON, "/api/v1/drivers/1": PERSON,
    f"/api/v1/rides/{UNKNOWN_RIDE}": "GET HEAD PATCH", f"/api/v1/rides/{UNKNOWN_RIDE}/end": "POST",
    f"/api/v1/rides/{UNKNOWN_RIDE}/cancel": "POST", f"/api/v1/rides/{UNKNOWN_RIDE}/reopen": "POST",
    f"/api/v1/rides/{UNKNOWN_RIDE}/extend": "POST", f"/api/v1/rides/{UNKNOWN_RIDE}/timeline": "GET HEAD",
    "/": "GET HEAD", "/createride": "POST", "/customers": "POST", "/drivers": "POST", "/numbers": "POST", "/pools": "POST",
    "/customers/1": THINGS, "/customers/1/delete": "POST", "/drivers/1": THINGS, "/drivers/1/delete": "POST",
    f"/rides/{UNKNOWN_RIDE}": "GET HEAD", f"/rides/{UNKNOWN_RIDE}/end": "POST", f"/rides/{UNKNOWN_RIDE}/extend": "POST",
    f"/rides/{UNKNOWN_RIDE}/party": "POST", f"/rides/{UNKNOWN_RIDE}/cancel": "POST", f"/rides/{UNKNOWN_RIDE}/reopen": "POST",
    "/assets/style.css": "GET HEAD", "/webhook/token": THINGS, "/webhook-voice/token": "GET HEAD",
    "/webhook": "GET HEAD POST", "/webhook-voice": "GET HEAD",
    "/webhook-status": "GET HEAD POST", "/healthz": "GET HEAD", "/readyz": "GET HEAD", "/metrics": "GET HEAD"}
ALL_METHODS = "GET POST PUT PATCH DELETE OPTIONS TRACE CONNECT FOO".split()

MALFORMED = {
    "nothing": b"", "blank": b"  ", "cut": b'{"name": "Na', "array": b"[]", "text": b'"x"', "null": b"null",
    "number": b"7", "behind": b'{"name":"x"} x', "two": b"{}{}", "bad UTF-8": b'{"name":"\xff\xfe"}',
    "overlong UTF-8": b'{"name":"\xc0\xaf"}', "NUL": b'{"name":"a\x00b"}', "escaped NUL": b'{"name":"a\\u0000b"}',
    "half a pair": b'{"name":"\\ud800"}', "single quotes": b"{'name':'x'}", "NaN": b'{"name":NaN}',
    "deep": b'{"name":' + b"[" * 3000 + b"]" * 3000 + b"}", "many": json.dumps({f"k{n}": n for n in range(101)}).encode(),
    "form": b"name=x&phone=%2B447700900777"}
WRONG_TYPES = [None, "", "text/plain", "text/html", FORM, "multipart/form-data; boundary=x", "application/xml",
               "application/jsonx", "json", SCRIPT]
NO_THING = ["0", "-1", "999999", str(2**63 - 1), str(2**63), "9" * 40, "abc", "1.5", "1e0", "+1", "%20", "%00", "1%00",
            "%ff", "%zz", "%", "..", "%2e%2e%2f1", "1%2f2", quote(SCRIPT), quote("🚲"), "x" * 3000, "1;drop", "{17}"]
NO_QUERY = [("limit=0", 422, "invalid", "limit"), ("limit=-1", 422, "invalid", "limit"),
            ("limit=201", 422, "invalid", "limit"), ("limit=abc", 422, "invalid", "limit"),
            ("limit=", 422, "invalid", "limit"), (f"limit={10**30}", 422, "invalid", "limit"),
            ("limit=10&limit=x", 422, "invalid", "limit"), ("limit=%00", 400, "malformed", "limit"),
            ("limit=%zz", 400, "malformed", "limit"), ("cursor=%ff", 400, "malformed", "cursor"),
            ("&".join(f"k{n}=" for n in range(101)), 400, "malformed", None)]


class Row:
    """A request, and what is said to it; `field` None: none is named."""

    def __init__(self, name, method, path, body, status, code, field=None, **headers):
        self.name, self.method, self.path, self.body = name, method, path, body
        self.status, self.code, self.field = status, code, field
        self.headers = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}


def field_rows():
    for kind, fields in FIELDS.items():
        for field, values in fields.items():
            for value, code in values:
                if value is MISSING and field in ("pool", "prefixes", "ends_at"):
                    continue
                body = {**GOOD[kind], field: value}
                if value is MISSING:
                    del body[field]
                shown = "missing" if value is MISSING else repr(value)[:30]
                yield Row(f"{kind} {field}={shown}", "POST", f"/api/v1/{kind}", json.dumps(body).encode(), 422, code, field,
                          Content_Type=JSON)
    same = {**GOOD["customers"], "phone": "+447700900301"}
    for kind in ("customers", "drivers"):
        yield Row(f"{kind} with a proxy number", "POST", f"/api/v1/{kind}", json.dumps(same).encode(), 409, "phone_in_use",
                  "phone", Content_Type=JSON)
    person = {"phone": "+447700900101"}
    yield Row("a person's phone as number", "POST", "/api/v1/numbers", json.dumps(person).encode(), 409, "phone_in_use",
              "phone", Content_Type=JSON)
    again = b'{"name":"default","prefixes":["49"]}'
    yield Row("a pool anew", "POST", "/api/v1/pools", again, 409, "pool_exists", "name", Content_Type=JSON)
    twice = b'{"name":"Good","phone":"+447700900777","name":""}'
    yield Row("the last of two keys", "POST", "/api/v1/customers", twice, 422, "missing", "name", Content_Type=JSON)
    for kind in ("customers", "drivers"):
        for field, value, code in (("name", "", "missing"), ("name", 7, "wrong_kind"), ("name", "x" * 101, "too_long"),
                                   ("phone", "061234567", "phone_national"), ("phone", "abc", "phone_invalid"),
                                   ("phone", [], "wrong_kind")):
            for method in ("PATCH", "PUT"):
                body = json.dumps({**GOOD[kind], field: value}).encode()
                yield Row(f"{method} {kind}/1 {field}={value!r}"[:60], method, f"/api/v1/{kind}/1", body, 422, code, field,
                          Content_Type=JSON)


    for field, values in (("label", [row for row in NO_LABEL if str(row[0]).strip()]),
                          ("pool", [("nowhere", "unknown_pool"), ("", "missing"), (7, "wrong_kind"), (SCRIPT, "unknown_pool")]),
                          ("state", [("gone", "invalid"), ("", "missing"), (7, "wrong_kind"), (SCRIPT, "invalid")])):
        for value, code in values:
            yield Row(f"PATCH number {field}={value!r}"[:60], "PATCH", f"/api/v1/numbers/{NUMBER}",
                      json.dumps({field: value}).encode(), 422, code, field, Content_Type=JSON)


def import_rows():
    path = "/api/v1/numbers/import"
    for body, status, code, field in ((b"", 422, "missing", "csv"), (b"\n\n", 422, "missing", "csv"),
                                      (b"phone,colour\n1,red", 422, "unknown_column", "csv"),
                                      (b"1\n" * 10_001, 422, "too_long", "csv"), (b"1\n" * 40_000, 413, "too_large", None)):
        yield Row(f"import {body[:20]!r}", "POST", path, body, status, code, field, Content_Type="text/csv")
    for kind in (None, JSON, FORM, "text/plain"):
        yield Row(f"import as {kind}", "POST", path, b"+3197", 415, "wrong_type", None, Content_Type=kind)
    yield Row("import, odd dry_run", "POST", path + "?dry_run=perhaps", b"+3197", 422, "invalid", "dry_run",
              Content_Type="text/csv")


def body_rows():
    for (method, path), (name, body) in itertools.product(BODIES, MALFORMED.items()):
        yield Row(f"{method} {path} {name}", method, path, body, 400, "malformed", ..., Content_Type=JSON)
    for (method, path), kind in itertools.product(BODIES, WRONG_TYPES):
        yield Row(f"{method} {path} as {kind}", method, path, b"{}", 415, "wrong_type", Content_Type=kind)
    for method, path in BODIES:
        body = b'{"name":"' + b"x" * 65536 + b'"}'
        yield Row(f"{method} {path} 64 KiB", method, path, body, 413, "too_large", Content_Type=JSON)
    for key, code in (("x" * 256, "too_long"), ("a b", "invalid"), ("a\tb", "invalid"), ("caf\u00e9", "invalid")):
        for kind in ("customers", "rides"):
            yield Row(f"{kind} key {key[:5]}", "POST", f"/api/v1/{kind}", json.dumps(GOOD[kind]).encode(), 422, code,
                      "Idempotency-Key", Content_Type=JSON, Idempotency_Key=key)


def path_rows():
    for path, taken in METHODS.items():
        for method in ALL_METHODS:
            if method not in taken.split():
                yield Row(f"{method} {path}", method, path, b"", 405, "wrong_method")
    for thing, kind in itertools.product(NO_THING, ("customers", "drivers")):
        for method, body in (("GET", None), ("DELETE", None), ("PATCH", b'{"name":"x"}'),
                             ("PUT", json.dumps(GOOD[kind]).encode())):
            yield Row(f"{method} {kind}/{thing[:20]}", method, f"/api/v1/{kind}/{thing}", body, 404, "not_found", ...,
                      Content_Type=JSON)
    extend = b'{"ends_at":"2031-01-01T00:00:00Z"}'
    for thing in [*NO_THING, UNKNOWN_RIDE, "17-", "64-" + "0" * 32, "-1-x", "17-" + "0" * 64]:
        for method, act, body in (("GET", "", None), ("POST", "/end", b""), ("POST", "/extend", extend),
                                  ("POST", "/cancel", b""), ("POST", "/reopen", extend), ("PATCH", "", b'{"driver":1}'), ("GET", "/timeline", None)):
            yield Row(f"{method} rides/{thing[:20]}{act}", method, f"/api/v1/rides/{thing}{act}", body, 404, "not_found",
                      ..., Content_Type=JSON)
    for path in ("/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/rides", "/api/v1/rides/", "/api/v1//rides",
                 "/api/v1/customers/1/x", "/api/v1/rides/x/y", "/API/V1/rides"):
        yield Row(f"GET {path}", "GET", path, None, 404, "not_found" if path.startswith("/api") else None)
    for kind, (query, status, code, field) in itertools.product(GOOD, NO_QUERY):
        yield Row(f"{kind}?{query[:20]}", "GET", f"/api/v1/{kind}?{query}", None, status, code, field)
    for kind in ("customers", "drivers", "numbers", "rides"):
        for cursor in ("abc", quote(SCRIPT), "-", quote("🚲"), "9" * 40, "x" * 3000):
            yield Row(f"{kind}?cursor={cursor[:20]}", "GET", f"/api/v1/{kind}?cursor={cursor}", None, 422, "invalid",
                      "cursor")
    yield from message_rows()
    yield Row("a long address", "GET", "/api/v1/rides?cursor=" + "x" * 9000, None, 414, "malformed")
    yield Row("long headers", "GET", "/api/v1/rides", None, 431, "malformed", X_Long="x" * 9000)


def message_rows():
    for query, status, code, field in NO_QUERY:
        yield Row(f"messages?{query[:20]}", "GET", f"/api/v1/messages?state=dead&{query}", None, status, code, field)
    for cursor in ("abc", quote(SCRIPT), "-", "12.", "12.64-x", ".17-x", "9" * 40 + ".17-x", "12.17-" + "x" * 3000):
        yield Row(f"messages?cursor={cursor[:20]}", "GET", f"/api/v1/messages?state=dead&cursor={cursor}", None, 422,
                  "invalid", "cursor")
    for (query, status, code), (method, act) in itertools.product(
            [("", 422, "missing"), ("?state=", 422, "missing"), ("?state=%20", 422, "missing"), ("?state=live", 422, "invalid"),
             ("?state=Dead", 422, "invalid"), ("?state=dead&state=sent", 422, "invalid"), ("?state=" + quote(SCRIPT), 422, "invalid"),
             ("?state=%00", 400, "malformed"), ("?state=%zz", 400, "malformed")],
            [("GET", ""), ("POST", "/resend"), ("POST", "/drop")]):
        yield Row(f"{method} messages{act}{query[:20]}", method, f"/api/v1/messages{act}{query}", None, status, code, "state")
    for act, reason in itertools.product(("resend", "drop"), ("Refused", "x" * 33, "a-b", quote(SCRIPT), quote("🚲"))):
        yield Row(f"messages/{act} reason={reason[:20]}", "POST", f"/api/v1/messages/{act}?state=dead&reason={reason}", None,
                  422, "invalid", "reason")
    for act in ("resend", "drop"):
        yield Row(f"messages/{act} reason=", "POST", f"/api/v1/messages/{act}?state=dead&reason=", None, 422, "missing",
                  "reason")
        yield Row(f"messages/{act} state in the body", "POST", f"/api/v1/messages/{act}", b'{"state":"dead"}', 422, "missing",
                  "state", Content_Type=JSON)
        yield Row(f"messages/{act} no JSON", "POST", f"/api/v1/messages/{act}?state=dead", b"{", 400, "malformed", ...,
                  Content_Type=JSON)
        yield Row(f"messages/{act} a form", "POST", f"/api/v1/messages/{act}?state=dead", b"x=y", 415, "wrong_type",
                  Content_Type=FORM)
    for thing in [*NO_THING, UNKNOWN_TEXT, "17-", "64-" + "0" * 16, "17-" + "0" * 38, "17-{17}", "resend", "dead"]:
        for method, act in (("DELETE", ""), ("POST", "/resend")):
            yield Row(f"{method} messages/{thing[:20]}{act}", method, f"/api/v1/messages/{thing}{act}", None, 404,
                      "not_found", ...)


ROWS = [*field_rows(), *import_rows(), *body_rows(), *path_rows()]


def counts(deployment):
    return {kind: deployment.listed(kind) for kind in GOOD}, deployment.sandbox.last()


@pytest.fixture(scope="module", name="before", autouse=True)
def nothing_is_made(deployment):
    """By no test of this file."""
    before = counts(deployment)
    yield before
    assert counts(deployment) == before


def check_problem(answer, status, code, field=None):
    assert (answer.status, answer.type) == (status, "application/problem+json"), answer
    problem = answer.json
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["title"] and problem["type"]
    assert field is ... or problem.get("field") == field, problem


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_api(deployment, row):
    answer = deployment.api.request(row.method, row.path, row.body, row.headers)
    assert answer.status == row.status, answer
    if answer.status == 405:
        assert answer.headers["Allow"], answer
    if row.path.startswith("/api/") or row.status in (413, 414, 431):
        check_problem(answer, row.status, row.code, row.field)
    assert b"<script" not in answer.body


# ---- webhooks: signed, so that only their content is at fault

TEXT = {"message_id": "bad-1", "originator": "447700900101", "recipient": "447700900301", "payload": "hello"}
WEBHOOK = [
    ("no recipient", {**TEXT, "recipient": ""}, 422, "missing", "recipient"),
    ("no text", {**TEXT, "payload": ""}, 422, "missing", "payload"),
    ("nothing", {}, 422, "missing", "recipient"),
    ("long text", {**TEXT, "payload": "x" * 4097}, 422, "too_long", "payload"),
    ("long id", {**TEXT, "message_id": "x" * 129}, 422, "too_long", "message_id")]
# Known to nobody: taken and put on record, for a repeat would not better them.
ODD_PHONES = ["", "0612345678", "abc", "Restricted", "🚲", SCRIPT, "9" * 60]
RAW_FORMS = [("bad UTF-8", b"recipient=1&payload=%ff"), ("raw bad UTF-8", b"recipient=1&payload=\xff"),
             ("NUL", b"recipient=1&payload=a%00b"), ("raw NUL", b"recipient=1&payload=a\x00b"),
             ("broken escape", b"recipient=1&payload=%zz"), ("cut escape", b"recipient=1&payload=%4"),
             ("too many", b"&".join(b"k%d=" % n for n in range(101)))]


def send_signed(deployment, method, path, body=b"", **headers):
    sent = {**deployment.signature(path, body), **{n.replace("_", "-"): v for n, v in headers.items()}}
    return deployment.open.request(method, path, body or None, sent)


@pytest.mark.parametrize("name, fields, status, code, field", WEBHOOK, ids=[row[0] for row in WEBHOOK])
@pytest.mark.parametrize("shape", ["form", "json", "query"])
def test_webhook_fields(deployment, shape, name, fields, status, code, field):
    if shape == "form":
        answer = send_signed(deployment, "POST", "/webhook", urlencode(fields).encode(), Content_Type=FORM)
    elif shape == "json":
        answer = send_signed(deployment, "POST", "/webhook", json.dumps(fields).encode(), Content_Type=JSON)
    else:
        answer = send_signed(deployment, "GET", "/webhook?" + urlencode(fields))
    assert name
    check_problem(answer, status, code, field)


@pytest.mark.parametrize("phone", ODD_PHONES)
@pytest.mark.parametrize("field", ["originator", "recipient"])
def test_webhook_odd_phones(deployment, field, phone):
    fields = {**TEXT, field: phone, "message_id": f"odd-{field}-{ODD_PHONES.index(phone)}"}
    if field == "recipient" and not phone:
        return
    body = urlencode(fields).encode()
    assert send_signed(deployment, "POST", "/webhook", body, Content_Type=FORM).status == 200


@pytest.mark.parametrize("raw", [raw for _, raw in RAW_FORMS], ids=[name for name, _ in RAW_FORMS])
def test_webhook_raw(deployment, raw):
    check_problem(send_signed(deployment, "POST", "/webhook", raw, Content_Type=FORM), 400, "malformed", ...)


@pytest.mark.parametrize("name", [name for name in MALFORMED if name != "form"])
def test_webhook_malformed_json(deployment, name):
    check_problem(send_signed(deployment, "POST", "/webhook", MALFORMED[name], Content_Type=JSON), 400, "malformed", ...)


@pytest.mark.parametrize("kind", [kind for kind in WRONG_TYPES if kind not in (None, "", FORM)])
@pytest.mark.parametrize("path", ["/webhook", "/webhook-status"])
def test_webhook_wrong_type(deployment, path, kind):
    check_problem(send_signed(deployment, "POST", path, b"x=y", Content_Type=kind), 415, "wrong_type")


CALLS = ["", "source=&destination=", "source=abc&destination=xyz", "source=447700900101", "destination=447700900301",
         "source=%00&destination=%00", "source=%ff", "%zz", "source=" + "9" * 4000, "source=" + quote("🚲"),
         "source=" + quote(SCRIPT) + "&destination=" + quote(SCRIPT), "source=0612345678&destination=0612345678",
         "&".join(f"k{n}=" for n in range(101)), "source=447700900101&source=447700900102&destination=447700900301"]


@pytest.mark.parametrize("query", CALLS, ids=lambda q: q[:30] or "nothing")
def test_calls_always_hear_something(deployment, query):
    answer = send_signed(deployment, "GET", "/webhook-voice?" + query)
    assert (answer.status, answer.type) == (200, "application/xml"), answer
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?><Say language="en-GB" voice="female">Sorry, ')


REPORTS = [("", "reference"), ("reference=x", "status"), ("status=delivered", "reference"),
           ("reference=" + "x" * 129 + "&status=sent", "reference"), ("reference=x&status=" + "y" * 129, "status"),
           ("reference=17-x&status=nonsense", "status"), ("reference=x&status=sent", "reference"), ("reference=17-x&status=" + quote(SCRIPT), "status")]


@pytest.mark.parametrize("query, field", REPORTS)
def test_reports(deployment, query, field):
    answer = send_signed(deployment, "GET", "/webhook-status?" + query)
    assert answer.status == 422 and answer.json["field"] == field, answer


@pytest.mark.parametrize("query", ["reference=%00&status=sent", "reference=%ff&status=sent", "%zz"])
def test_malformed_reports(deployment, query):
    check_problem(send_signed(deployment, "GET", "/webhook-status?" + query), 400, "malformed", ...)


# ---- pages: a form at fault comes back as a page, with the words in it as text

RIDE_FORM = {"customer": "1", "driver": "1", "start": "Dam", "destination": "Zoo", "datetime": "at noon"}
FORMS = [("/createride", {**RIDE_FORM, field: value}, 422) for field, value in itertools.chain(
    ((field, "") for field in RIDE_FORM), (("customer", v) for v in ("0", "-1", "99", "abc", SCRIPT, "9" * 40)),
    (("driver", v) for v in ("99", "x")), ((f, SCRIPT * 20) for f in ("start", "destination", "datetime")))]
FORMS += [("/createride", {}, 422)]
FORMS += [(f"/{kind}", {"name": name, "phone": phone}, 422) for kind in ("customers", "drivers") for name, phone in (
    ("", "+447700900777"), (SCRIPT, "0612345678"), ("x" * 101, "+447700900777"), (SCRIPT, SCRIPT), ("🚲", "🚲"))]
FORMS += [("/numbers", {"phone": phone, "pool": pool}, 422) for phone, pool in (
    ("", "default"), ("061234567", "default"), (SCRIPT, "default"), ("+447700900777", SCRIPT))]
FORMS += [("/pools", {"name": name, "prefixes": prefixes}, 422) for name, prefixes in (
    ("", "31"), (SCRIPT, "31"), ("north", SCRIPT), ("north", "031"))]
FORMS += [("/customers", {"name": "x", "phone": "+447700900301"}, 409), ("/pools", {"name": "default", "prefixes": "3"}, 409)]
FORMS += [(f"/customers/{thing}", {"name": "x", "phone": ""}, 404) for thing in ("0", "99", "abc", quote(SCRIPT))]
FORMS += [(f"/drivers/{thing}/delete", {}, 404) for thing in ("0", "99", "abc", quote(SCRIPT))]
FORMS += [(f"/rides/{thing}/end", {}, 404) for thing in (UNKNOWN_RIDE, "x", quote(SCRIPT))]
FORMS += [(f"/rides/{thing}/{act}", {"ends_at": "2031-01-01T00:00"}, 404) for thing in (UNKNOWN_RIDE, "x")
          for act in ("extend", "reopen")]
FORMS += [(f"/rides/{thing}/party", {"customer": "", "driver": "1"}, 404) for thing in (UNKNOWN_RIDE, "x")]
FORMS += [(f"/messages/{thing}/{act}", {}, 404) for thing in (UNKNOWN_TEXT, "x", quote(SCRIPT)) for act in ("resend", "drop")]
FORMS += [(f"/messages/{act}", fields, 422) for act in ("resend", "drop") for fields in (
    {}, {"state": ""}, {"state": SCRIPT}, {"state": "dead", "reason": SCRIPT})]


@pytest.mark.parametrize("path, fields, status", FORMS, ids=lambda v: str(v)[:60])
def test_forms(deployment, path, fields, status):
    answer = deployment.api.form(path, fields)
    assert (answer.status, answer.type) == (status, "text/html"), answer
    assert b"<script" not in answer.body


@pytest.mark.parametrize("path", ["/createride", "/customers", "/numbers", "/pools"])
@pytest.mark.parametrize("body, kind, status", [
    (b"{}", JSON, 415), (b"x", "text/plain", 415), (b"x", "multipart/form-data; boundary=x", 415),
    (b"name=%ff", FORM, 400), (b"name=%00", FORM, 400), (b"name=%zz", FORM, 400), (b"name=" + b"x" * 65536, FORM, 413)])
def test_form_bodies(deployment, path, body, kind, status):
    answer = deployment.api.request("POST", path, body, {"Content-Type": kind})
    assert answer.status == status, answer


@pytest.mark.parametrize("path", [
    "/nothing", "/rides/x", "/rides/" + UNKNOWN_RIDE, "/rides/" + quote(SCRIPT), "/customers/99", "/customers/abc",
    "/drivers/0", "/messages/x", "/messages/resend/x/y", "/assets/nothing.css", "/assets/..%2fkeys", "/%00", "/%ff", "/" + quote(SCRIPT), "//", "/createride/x"])
def test_pages_that_are_not_there(deployment, path):
    answer = deployment.api.get(path)
    assert answer.status == 404, answer
    assert b"<script" not in answer.body


@pytest.mark.parametrize("query", ["?done=" + quote(SCRIPT), "?customers=" + quote(SCRIPT), "?x=%00", "?rides=" + "x" * 999])
def test_home_with_an_odd_query(deployment, query):
    answer = deployment.api.get("/" + query)
    assert answer.status < 500 and b"<script" not in answer.body


# ---- bodies that have no end

def send_until_answered(url, head, size):
    """Reads while it sends: who refuses a body does not wait for its end."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as peer:
        peer.sendall(head)
        left, chunk = size, b"x" * 65536
        while left > 0 and not select.select([peer], [], [], 0)[0]:
            try:
                left -= peer.send(chunk[:left])
            except (BrokenPipeError, ConnectionResetError):
                break
        answer = peer.recv(65536)
        return Answer(int(answer.split(b" ", 2)[1]), {}, answer)


LONG = [*(("POST", path) for path in (
    "/webhook", "/webhook/token", "/webhook-voice", "/webhook-status", "/createride", "/customers", "/drivers", "/numbers",
    "/pools", "/customers/1", "/customers/1/delete", "/rides/x/end", "/rides/x/cancel", "/rides/x/party", "/rides/x/extend", "/", "/nowhere",
    f"/api/v1/rides/{UNKNOWN_RIDE}/end")), *BODIES, ("GET", "/webhook-voice"), ("GET", "/"), ("DELETE", "/api/v1/customers/1")]


@pytest.mark.parametrize("method, path", LONG)
def test_ten_megabytes(deployment, method, path):
    size = 10 * 1024 * 1024
    token = deployment.api.headers["Authorization"]
    head = (f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Type: {JSON}\r\n"
            f"Content-Length: {size}\r\n\r\n").encode()
    assert send_until_answered(deployment.url, head, size).status == 413


def test_still_serves(deployment):
    """After all that: the same processes, ready, and no error in their logs."""
    assert deployment.ready()
    assert not [line for line in deployment.log_lines() if b" error " in line]
