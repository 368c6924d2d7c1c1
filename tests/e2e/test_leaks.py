"""After a day's work no person's number and no text stands in any log, file, metric or command line."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from poll import wait_for

PEOPLE = ("447700900101", "447700900201", "31612345678", "447700900999")
SECRET = "xyzzy plugh"


def spellings():
    """What would give somebody away; the country's code is left out of some."""
    for phone in PEOPLE:
        area, rest = phone[-10:-6], phone[-6:]
        yield from (area + rest, f"{area} {rest}", f"{area} {rest[:3]} {rest[3:]}", f"{area}-{rest}")
        yield base64.b64encode(phone.encode()).decode().rstrip("=")
        yield phone.encode().hex()
    yield from (SECRET, quote(SECRET), SECRET.replace(" ", "+"), SECRET.split()[1], SECRET.encode().hex())
    yield base64.b64encode(SECRET.encode()).decode()[:12]


NEEDLES = [needle.encode() for needle in spellings()]


def check(where, blob):
    found = [needle for needle in NEEDLES if needle in blob]
    assert not found, f"{where} holds {found}"


@pytest.fixture(scope="module", name="busy", autouse=True)
def a_days_work(deployment):
    """All that could leave a trace, what fails more than what works."""
    sandbox, api = deployment.sandbox, deployment.api
    ride = deployment.ride()
    customer, driver, dutch, stranger = (f"+{phone}" for phone in PEOPLE)
    api.post("/api/v1/customers", {"name": "Jan", "phone": dutch})
    api.json("PATCH", "/api/v1/drivers/3", {"phone": dutch})
    api.post("/api/v1/numbers", {"phone": customer})
    for path in (f"/api/v1/customers/{customer}", f"/{driver}", f"/rides/{customer}?cursor={driver}"):
        api.get(path)
        deployment.open.get(path)
    api.form("/customers", {"name": "x", "phone": "0" + PEOPLE[0][2:]})
    for sender in (customer, driver, dutch, stranger):
        for to in (ride["proxy"], customer):
            sandbox.text(sender, to, SECRET)
            sandbox.call(sender, to)
    sandbox.text(customer, ride["proxy"], SECRET, signed=False)
    sandbox.text(customer, ride["proxy"], SECRET, signed="wrong")
    sandbox.text(customer, ride["proxy"], SECRET, format="query")
    sandbox.text(customer, ride["proxy"], SECRET * 1000)
    sandbox.call(customer, ride["proxy"], signed="wrong")
    for mode in ("422", "500", "drop", "drop_after", "429"):
        mark = sandbox.last()
        sandbox.fault(mode, count=1)
        sandbox.text(driver, ride["proxy"], f"{SECRET} {mode}")
        sandbox.text(customer, ride["proxy"], f"{SECRET} {mode}")
        if mode == "422":
            sandbox.wait_texts(1, mark)
    wait_for(lambda: len(sandbox.accepted()) >= 12, 40, "the texts")
    for status in ("delivered", "delivery_failed"):
        sandbox.report(reference=sandbox.accepted()[-1]["reference"], status=status)
    wait_for(lambda: any(e["what"] == "text.delivered" for e in deployment.timeline(ride)), what="a report")
    return ride


def test_logs(deployment):
    lines = deployment.log_lines()
    assert len(lines) > 20
    for line in lines:
        if line.startswith(b"sandbox |"):
            continue  # it plays the provider, who knows both
        check("a log", line)


def test_files(deployment):
    """The append-only file too: what is there has been written to disk."""
    files = [path for path in deployment.state.rglob("*") if path.is_file() and "sandbox" not in path.parts]
    assert any("appendonly" in path.name for path in files)
    for path in files:
        check(path, path.read_bytes())


def test_memory_of_the_store(deployment):
    keys = list(deployment.redis.scan_iter(count=1000))
    assert len(keys) > 30
    for key in keys:
        check(key, key)
        check(key, deployment.redis.dump(key) or b"")


def test_metrics_and_status(deployment):
    check("/metrics", deployment.api.get("/metrics").body)
    check("status", deployment.run("status").stdout.encode())
    check("status --json", deployment.run("status", "--json").stdout.encode())


def test_command_lines(deployment):
    pids = [pid for _, pid in deployment.pids()]
    for pid in pids:
        for name in ("cmdline", "environ", "comm"):
            check(f"{name} of {pid}", Path(f"/proc/{pid}/{name}").read_bytes())


def test_answers(deployment, busy):
    """Nor does the API or a page show a person's whole number."""
    for path in ("/api/v1/customers", "/api/v1/drivers", "/api/v1/rides", f"/api/v1/rides/{busy['id']}/timeline", "/",
                 f"/rides/{busy['id']}", "/customers/1", "/drivers/3"):
        check(path, deployment.api.get(path).body)


def test_own_urls_hide_them(deployment):
    """The report's URL is ours, and may end in anybody's log."""
    for message in deployment.sandbox.accepted():
        check("a report URL", message["report_url"].encode())
        check("a reference", message["reference"].encode())


def test_no_core_dumps(deployment):
    for service, pid in deployment.pids():
        if service not in ("redis", "sandbox"):
            limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
            assert next(line for line in limits.splitlines() if "core file" in line).split()[4] == "0"
