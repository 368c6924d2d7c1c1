"""After a tour through all that it can do, and all that can be done wrong, no person's number and no text stands in
anything that the system writes: its store, logs, metrics, answers, command lines. In all usual spellings."""

import base64
import contextlib
import itertools
import json
import sqlite3
import subprocess
import threading
from pathlib import Path

import http_client
import pytest
import redis
from deployment import DEPLOY
from needles import Needles
from poll import wait_for

ANN, DAN, JAN, EVE, BOB, ZOE = "447700900151", "447700900251", "31697012345", "12025550147", "4915550123456", "33638998877"
STRANGER, TYPED, TAKEN_OVER = "447700900977", "61491570156", "353209100019"
PHONES = (ANN, DAN, JAN, EVE, BOB, ZOE, STRANGER, TYPED, TAKEN_OVER)
WORDS, FAILING, LOST, ODD = "xyzzy plugh", "meet me at the fountain", "hello, is anybody there", "où est l’entrée ?"
TEXTS = (WORDS, FAILING, LOST, ODD)
SETTINGS = {"LOG_LEVEL": "debug"}
NEEDLES = Needles(PHONES, TEXTS)

# Answers that may show a number: to who has asked for just that, to the provider that puts a call through, and to who
# typed it a moment ago.
MAY_SHOW = ("/export", "/reveal", "/webhook-voice", "/numbers/import")


class Tape:
    """All that is said over HTTP, and every command line, while it runs."""

    def __init__(self, deployment):
        self.url, self.answers, self.processes = deployment.url, [], {}
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        real, tape = http_client.Http.request, self

        def request(http, method, path, body=None, headers=None):
            answer = real(http, method, path, body, headers)
            if http.url == tape.url:
                tape.answers.append((method, path, body or b"", answer))
            return answer
        self._real, http_client.Http.request = real, request
        self._thread.start()
        return self

    def __exit__(self, *_):
        http_client.Http.request = self._real
        self._ends.set()
        self._thread.join()

    def _watch(self):
        while not self._ends.wait(0.05):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    self.processes[folder.name] = (folder / "cmdline").read_bytes()
                except OSError:
                    continue  # it has ended, or is another's


def spellings(digits, country):
    rest = digits[len(country):]
    return (f"+{digits}", f"00{digits}", digits, f"+{country} {rest[:3]} {rest[3:]}", f"+{country} ({rest[:2]}) {rest[2:]}",
            f"00{country}-{rest[:4]}-{rest[4:]}", f"\u00a0+{country}\u00a0{rest}")


def make_people(deployment):
    """Each written otherwise."""
    api, made = deployment.api, {}
    for kind, phone, country, spelt in (
            ("customers", ANN, "44", 3), ("drivers", DAN, "44", 1), ("customers", JAN, "31", 4), ("drivers", EVE, "1", 5),
            ("customers", BOB, "49", 6), ("drivers", ZOE, "33", 0)):
        answer = api.post(f"/api/v1/{kind}", {"name": "Somebody", "phone": spellings(phone, country)[spelt]})
        assert answer.status == 201, answer
        made[phone] = answer.json["id"]
    return made


def go_wrong(deployment, ride, ids):
    """A number where none belongs, in each field, address and header; forms and JSON that are none."""
    api, page, open_door = deployment.api, deployment.page, deployment.open
    for spelt in itertools.chain(spellings(ANN, "44"), ("0" + ANN[2:], ANN + "x", f"tel:+{ANN}", ANN * 2)):
        for path, field in (("customers", "phone"), ("drivers", "phone"), ("numbers", "phone"), ("numbers", "pool"),
                            ("pools", "prefixes"), ("rides", "proxy"), ("rides", "customer"), ("rides", "ends_at"),
                            ("rides", "pool"), ("export", "cursor"), ("erase", "end_rides"), ("tokens", "scopes"),
                            ("accounts", "role")):
            for value in (spelt, [spelt], {spelt: spelt}):
                api.post(f"/api/v1/{path}", {"name": "", field: value})
    for phone in (ANN, JAN, TYPED):
        for path in (f"customers/{phone}", f"customers/+{phone}", f"drivers/{phone}", f"numbers/+{phone}", f"numbers/{phone}",
                     f"rides/{phone}", f"rides/{phone}/timeline", f"pools/{phone}", f"jobs/{phone}", f"messages/{phone}",
                     f"customers?cursor={phone}", f"rides?cursor={phone}.{phone}", f"rides?limit={phone}",
                     f"rides/why?customer={phone}&driver=+{phone}", f"nothing/{phone}", f"messages?state={phone}",
                     f"customers/{phone}/export", f"audit?object={phone}"):
            for method in ("GET", "DELETE", "PATCH", "POST"):
                api.request(method, f"/api/v1/{path}")
            open_door.get(f"/api/v1/{path}")
            page.get(f"/{path}")
        for name in ("Idempotency-Key", "User-Agent", "X-Request-Id", "X-Forwarded-For", "traceparent", "Referer", "Cookie",
                     "Content-Type", "MessageBird-Signature-JWT", "Authorization"):
            open_door.post("/api/v1/rides", {"customer": 1}, {name: f"+{phone}"})
            api.post("/api/v1/customers", {"name": "x"}, {name: phone})
        for body in (phone, f'{{"phone": "+{phone}"', f'{{"{phone}": 1}}', f'{{"phone": {phone}}}', f'[["+{phone}"]]',
                     f'{{"phone": "+{phone}\\u0000"}}'):
            api.request("POST", "/api/v1/customers", body.encode(), {"Content-Type": "application/json"})
        for path in ("/signin", "/customers", "/createride", f"/customers/{ids[ANN]}", "/numbers", "/privacy/erase"):
            page.form(path, {"phone": "0" + phone, "name": phone, "password": phone, phone: phone, "customer": phone})
            open_door.form(path, {"name": phone, "password": f"+{phone}"})
        open_door.basic(phone, phone).get("/")
    api.post(f"/api/v1/rides/{ride['id']}/extend", {"ends_at": f"+{ANN}"})


def texts_and_calls(deployment, ride):
    sandbox = deployment.sandbox
    for sender in (ANN, DAN, JAN, STRANGER, "", "Restricted"):
        for to in (ride["proxy"], ANN, TYPED):
            sandbox.text(sender, to, WORDS if sender != STRANGER else LOST)
            sandbox.call(sender, to)
    for options in ({"signed": False}, {"signed": "wrong"}, {"format": "query"}, {"format": "json"}, {"created": "never"},
                    {"extra": [["originator", "0" + ANN[2:]], ["body", ODD]]}, {"extra": [["recipient", TYPED]]}):
        sandbox.text(ANN, ride["proxy"], ODD, **options)
    sandbox.text(ANN, ride["proxy"], WORDS * 1000)
    sandbox.call(ANN, ride["proxy"], signed="wrong")
    for path in ("/webhook", "/webhook-status", "/webhook-voice", f"/webhook/{ANN}", f"/webhook-voice/{ANN}"):
        for method in ("GET", "POST"):
            deployment.open.request(method, f"{path}?originator={ANN}&recipient=%2B{DAN}&body=xyzzy+plugh&reference={ANN}&"
                                    f"status={ANN}&mac={ANN}&source={ANN}&statusReason=meet+me+at+the+fountain")
    # As MessageBird sends them, the recipient in the address.
    for message in sandbox.accepted()[-2:]:
        path = message["report_url"].replace(deployment.public_url, "")
        deployment.open.get(f"{path}&id=1&recipient={message['recipients'][0]}&reference={message['reference']}&"
                            f"status=delivered&statusDatetime=odd")


def letters(deployment, ride):
    """Texts that fail in every way; the dead ones are sent again and dropped."""
    sandbox, api = deployment.sandbox, deployment.api
    for mode in ("422", "500", "drop", "drop_after", "429"):
        sandbox.fault(mode, count=1)
        sandbox.text(DAN, ride["proxy"], f"{FAILING} {mode}")
        sandbox.text(ANN, ride["proxy"], f"{FAILING} {mode}")
        if mode == "422":
            wait_for(lambda: api.get("/api/v1/messages?state=dead").json["items"], 20, "a dead letter")
    dead = api.get("/api/v1/messages?state=dead").json["items"]
    deployment.page.get("/messages")
    api.post(f"/api/v1/messages/{dead[0]['reference']}/resend")
    wait_for(lambda: len([m for m in sandbox.accepted() if m["body"].startswith(FAILING)]) >= 6, 90, "the texts")
    sandbox.fault("422", count=1)
    sandbox.text(DAN, ride["proxy"], FAILING)
    wait_for(lambda: api.get("/api/v1/messages?state=dead").json["items"], 20, "one more")
    api.post("/api/v1/messages/drop?state=dead")
    for status in ("delivered", "delivery_failed"):
        sandbox.report(reference=sandbox.accepted()[-1]["reference"], status=status)


def import_things(deployment, folder):
    """Numbers by CSV, people by the tutorial's database; with rows that cannot be taken."""
    csv = f"+{ANN}\n0{ANN[2:]}\n+{TYPED},nowhere\n{JAN};{JAN}\n+447700900391,default,a label\n".encode()
    for query in ("?dry_run=1", ""):
        deployment.api.request("POST", "/api/v1/numbers/import" + query, csv, {"Content-Type": "text/csv"})
    database = folder / "ridesharing.db"
    db = sqlite3.connect(database)
    db.executescript("""CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, number TEXT);
        CREATE TABLE drivers (id INTEGER PRIMARY KEY, name TEXT, number TEXT);
        CREATE TABLE proxy_numbers (id INTEGER PRIMARY KEY, number TEXT);
        CREATE TABLE rides (id INTEGER PRIMARY KEY, start TEXT, destination TEXT, datetime TEXT, customer_id INTEGER,
        driver_id INTEGER, number_id INTEGER);""")
    db.executemany("INSERT INTO customers VALUES (?, ?, ?)", [
        (1, "Taken over", "+" + TAKEN_OVER), (2, "National", "0" + ANN[2:]), (3, "A proxy", "447700900392")])
    db.executemany("INSERT INTO proxy_numbers VALUES (?, ?)", [(1, "447700900392"), (2, "+" + ANN)])
    db.commit()
    db.close()
    said = [subprocess.run([DEPLOY / "import-tutorial", *flags, database, "--state", deployment.state], check=False,
                           stdin=subprocess.DEVNULL, capture_output=True) for flags in ((), ("--yes",))]
    assert any(done.returncode == 0 for done in said), said
    database.unlink()
    return b"".join(done.stdout + done.stderr for done in said)


def a_life(deployment, ride, ids):
    """What else is done with rides and people."""
    api = deployment.api
    api.json("PATCH", f"/api/v1/rides/{ride['id']}", {"driver": ids[ZOE]})
    api.json("PATCH", f"/api/v1/drivers/{ids[EVE]}", {"phone": "+" + ZOE})
    api.json("PATCH", f"/api/v1/drivers/{ids[EVE]}", {"phone": "+" + EVE})
    other = deployment.ride(ids[JAN], ids[EVE])
    for act, body in (("extend", {"ends_at": "2031-12-01T00:00:00Z"}), ("end", None), ("reopen", {"ends_at": "never"}),
                      ("cancel", None)):
        api.post(f"/api/v1/rides/{other['id']}/{act}", body)
    deployment.sandbox.text(JAN, other["proxy"], WORDS)
    deployment.sandbox.call(JAN, other["proxy"])
    job = api.post("/api/v1/pools/default/replay", {"grace_hours": 1}).json
    wait_for(lambda: api.get(f"/api/v1/jobs/{job['id']}").json["state"] != "running", 20, "the replay")
    deployment.page.get(f"/jobs/{job['id']}")
    api.post(f"/api/v1/customers/{ids[ANN]}/reveal", {"reason": "they asked at the desk"})
    api.get(f"/api/v1/customers/{ids[ANN]}/export")
    api.post("/api/v1/export", {"phone": f"+{STRANGER}"})
    api.post("/api/v1/erase", {"phone": f"+{STRANGER}"})
    api.post(f"/api/v1/customers/{ids[BOB]}/erase", {"end_rides": True})
    api.json("DELETE", f"/api/v1/drivers/{ids[DAN]}")


def look_around(deployment, ride, ids):
    """Every page and list."""
    for path in ("", "customers", "drivers", "rides", "numbers", "pools", "messages?state=dead", "audit", "audit?trail=rides",
                 "tokens", "accounts", f"rides/{ride['id']}", f"rides/{ride['id']}/timeline", f"rides/{ride['id']}/why",
                 f"customers/{ids[ANN]}", f"drivers/{ids[ZOE]}", f"rides/why?customer={ids[ANN]}&driver={ids[ZOE]}"):
        deployment.api.get(f"/api/v1/{path}")
        deployment.page.get(f"/{path}")
    for path in ("/readyz", "/healthz", "/metrics", "/privacy", "/numbers/import"):
        deployment.api.get(path)
        deployment.open.get(path)
        deployment.page.get(path)


@pytest.fixture(scope="module", name="tour", autouse=True)
def the_whole_tour(deployment, tmp_path_factory):
    with Tape(deployment) as tape:
        ids = make_people(deployment)
        ride = deployment.ride(ids[ANN], ids[DAN])
        deployment.ride(ids[BOB], ids[EVE], channels=["voice"])
        texts_and_calls(deployment, ride)
        letters(deployment, ride)
        tape.printed = import_things(deployment, tmp_path_factory.mktemp("tutorial"))
        go_wrong(deployment, ride, ids)
        a_life(deployment, ride, ids)
        look_around(deployment, ride, ids)
    return tape


def test_the_needles_are_found():
    """In each spelling, wherever they stand."""
    for spelt in (*spellings(JAN, "31"), "0697012345", "97012345", "0031 6 97 01 23 45", f"%2B{JAN}", "7012345",
                  json.dumps({"phone": "+" + JAN}), JAN.encode().hex()):
        assert NEEDLES.find(f"x={spelt}&y".encode()), spelt
    for before in range(3):
        for thing in (JAN, WORDS):
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                assert NEEDLES.find(encode(b"." * before + thing.encode() + b"!?"))
    assert NEEDLES.find(b"\xcf" + int(JAN).to_bytes(8, "big")) and NEEDLES.find(WORDS.encode("utf-16-le"))
    for fine in ("+31 6 •••• ••45", "1795837642124", "447700900301", "+44 7 •••• •••51", "17-Aw4XfhmD6C7EHMS6nYiFbQ"):
        assert not NEEDLES.find(fine.encode()), fine


def test_logs(deployment):
    lines = deployment.log_lines()
    assert len(lines) > 100
    assert not [line for line in lines if b"Somebody" in line or b"Schiphol" in line], "a name, or a place"
    NEEDLES.check("the log", b"\n".join(line for line in lines if not line.startswith(b"sandbox |")))


def test_files(deployment):
    """The append-only file too: what is there has been written to disk. The sandbox plays the provider."""
    files = [path for path in deployment.state.rglob("*") if path.is_file() and "sandbox" not in path.parts]
    assert any("appendonly" in path.name for path in files)
    for path in files:
        with contextlib.suppress(FileNotFoundError):  # written anew just now
            NEEDLES.check(path, path.read_bytes())


def rewritten(store):
    try:
        store.bgrewriteaof()
    except redis.ResponseError:  # one of the system's own is under way
        return False
    return wait_for(lambda: store.info("persistence")["aof_rewrite_in_progress"] == 0, 20, "the rewritten file")


def test_snapshot(deployment):
    """As a backup would hold it; not compressed, so that nothing hides."""
    store = deployment.redis
    store.config_set("rdbcompression", "no")
    wait_for(lambda: not store.info("persistence")["aof_rewrite_in_progress"], 20, "an earlier rewrite")
    store.bgsave()
    path = Path(store.config_get("dir")["dir"]) / store.config_get("dbfilename")["dbfilename"]
    wait_for(lambda: path.exists() and not store.info("persistence")["rdb_bgsave_in_progress"], 20, "a snapshot")
    NEEDLES.check("the snapshot", path.read_bytes())
    wait_for(lambda: rewritten(store), 20, "the rewritten file")
    for part in path.parent.rglob("appendonlydir/*"):
        NEEDLES.check(part, part.read_bytes())


def flat(value):
    """All bytes in a reply."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from flat([*value, *value.values()])
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from flat(item)


def test_memory_of_the_store(deployment):
    store = deployment.redis
    read = {b"string": store.get, b"hash": store.hgetall, b"list": lambda key: store.lrange(key, 0, -1),
            b"zset": lambda key: store.zrange(key, 0, -1), b"set": store.smembers, b"stream": store.xrange}
    keys = list(store.scan_iter(count=1000))
    assert len(keys) > 100
    for key in keys:
        NEEDLES.check(key, key)
        value = read[store.type(key)](key) if store.exists(key) else b""
        NEEDLES.check(key, b"\n".join(flat(value)))
    for slow in deployment.redis.slowlog_get(128):
        NEEDLES.check("the slow log", slow["command"])


def echoes(method, path, body, answer):
    """A form that is refused shows what was typed; so does the audit log's filter."""
    typed = body if method == "POST" and answer.status >= 400 else path.encode() if path.startswith("/audit?") else b""
    return answer.type == "text/html" and bool(NEEDLES.find(typed))


def test_answers(tour):
    """Nor does the API or a page show a person's whole number, or a text."""
    assert len(tour.answers) > 900
    for method, path, body, answer in tour.answers:
        where = f"{method} {path.split('?')[0]} {answer.status}"
        if not any(place in path for place in MAY_SHOW) and not echoes(method, path, body, answer):
            NEEDLES.check(where, answer.body)
        if not NEEDLES.find(path.encode()):  # what was typed into the address bar
            NEEDLES.check(where, str(answer.headers).encode())


def test_who_may_see_a_number_sees_that_one_alone(tour):
    shown = {name: [] for name in ("reveal", "export")}
    for method, path, body, answer in tour.answers:
        for name, found in shown.items():
            if path.endswith(f"/{name}") and answer.status == 200:
                found.append(NEEDLES.find(answer.body))
    assert len(shown["reveal"]) == 1 and all(ANN in entry for entry in shown["reveal"][0])
    assert len(shown["export"]) == 2
    assert all(ANN in entry or entry.startswith("text") for entry in shown["export"][0])
    assert all(STRANGER in entry or LOST in entry for entry in shown["export"][1]) and shown["export"][1]


def test_metrics_and_status(deployment):
    NEEDLES.check("/metrics", deployment.api.get("/metrics").body)
    NEEDLES.check("status", deployment.run("status").stdout.encode())
    NEEDLES.check("status --json", deployment.run("status", "--json").stdout.encode())
    NEEDLES.check("the audit log", subprocess.run(
        [DEPLOY / "audit", "--state", deployment.state], check=False, capture_output=True, stdin=subprocess.DEVNULL).stdout)


def test_what_commands_print(tour):
    NEEDLES.check("import-tutorial", tour.printed)


def test_command_lines(deployment, tour):
    """Of all that ran meanwhile, its children too; and what those that live were given."""
    assert len(tour.processes) > 10
    for pid, line in tour.processes.items():
        NEEDLES.check(f"cmdline of {pid}", line)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
            if str(deployment.state).encode() in environ + (folder / "cmdline").read_bytes():
                for name in ("cmdline", "environ", "comm"):
                    NEEDLES.check(f"{name} of {folder.name}", (folder / name).read_bytes())
        except OSError:
            continue


def test_own_urls_hide_them(deployment):
    """The report's URL is ours, and may end in anybody's log."""
    for message in deployment.sandbox.accepted():
        NEEDLES.check("a report URL", message["report_url"].encode())
        NEEDLES.check("a reference", message["reference"].encode())


def test_no_core_dumps(deployment):
    for service, pid in deployment.pids():
        if service not in ("redis", "sandbox"):
            limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
            assert next(line for line in limits.splitlines() if "core file" in line).split()[4] == "0"
