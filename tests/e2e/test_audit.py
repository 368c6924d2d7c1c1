"""The audit log: who did what; and that what was changed in it shows."""

import os
import re
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from deployment import DEPLOY
from poll import wait_for

SETTINGS = {"TOKEN_RATE": "0"}


def entries(deployment, **query):
    return deployment.listed("audit", **query)


def last(deployment, what, **query):
    return entries(deployment, what=what, **query)[0]


def verify(deployment, trail="access"):
    """The answer of the last piece."""
    answer = deployment.api.get(f"/api/v1/audit/verify?trail={trail}").json
    while answer["next"]:
        answer = deployment.api.get(f"/api/v1/audit/verify?trail={trail}&cursor={answer['next']}").json
    return answer


def test_what_is_done_is_noted(deployment):
    ride = deployment.ride()
    made = last(deployment, "ride.create", trail="rides")
    assert {**made, "at": None, "trace": None, "number": None, "seal": None} == {
        "number": None, "seal": None, "at": None, "what": "ride.create", "outcome": "done", "who": "api-token", "with": "token",
        "address": "127.0.0.1", "object": ride["id"], "trace": None}
    assert deployment.api.post(f"/api/v1/rides/{ride['id']}/end").status == 200
    assert last(deployment, "ride.end", trail="rides")["object"] == ride["id"]
    assert deployment.api.post("/api/v1/rides/17-nosuch/end").status == 404
    assert last(deployment, "ride.end", trail="rides")["outcome"] == "not_found"
    deployment.page.get("/")
    entry = last(deployment, "signin")
    assert (entry["who"], entry["with"], entry["outcome"]) == ("admin", "session", "done")
    deployment.open.sign_in("admin", "not the password")
    assert last(deployment, "signin")["outcome"] == "signin_wrong"
    deployment.open.sign_in("my-password-typed-here", "x")
    assert "my-password-typed-here" not in deployment.api.get("/api/v1/audit").text
    deployment.api.post("/api/v1/pools", {"name": "NL", "prefixes": ["31"]})
    assert last(deployment, "pool.add")["outcome"] == "done"
    token = deployment.api.post("/api/v1/tokens", {"name": "a program", "scopes": ["read"]}).json
    assert last(deployment, "token.add")["object"] == token["id"]
    assert last(deployment, "token.add")["detail"] == "a program"
    customer = deployment.api.post("/api/v1/customers", {"name": "Nina Noted", "phone": "+447700900661"}).json
    entry = last(deployment, "customer.add")
    assert entry["object"] == str(customer["id"]) and "Nina" not in str(entry) and "900661" not in str(entry)


def test_many_at_once(deployment):
    """More acts in one turn of the gateway than one append takes: each is noted, and nobody ends."""
    token = deployment.secret("api-token")
    pids = deployment.pids()
    gateway = deployment.pids("gateway")[0][1]
    peers = [socket.create_connection(("127.0.0.1", deployment.port), timeout=20) for _ in range(100)]
    os.kill(gateway, signal.SIGSTOP)
    try:
        for i, peer in enumerate(peers):
            body = f'{{"name":"At Once","phone":"+44770091{i:04d}"}}'
            peer.sendall((f"POST /api/v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                          f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
    finally:
        os.kill(gateway, signal.SIGCONT)
    answers = [peer.recv(4096).split(b" ", 2)[1] for peer in peers]
    for peer in peers:
        peer.close()
    assert set(answers) == {b"201"}
    assert deployment.pids() == pids
    assert verify(deployment)["holds"]


def test_filters(deployment):
    for i in range(3):
        deployment.api.post("/api/v1/pools", {"name": f"F{i}", "prefixes": [f"99{i}"]})
    all_of_them = entries(deployment)
    assert [e["number"] for e in all_of_them] == list(range(len(all_of_them), 0, -1))
    assert entries(deployment, limit=2) == all_of_them  # by pages
    assert {e["what"] for e in entries(deployment, what="pool.")} == {"pool.add"}
    assert not entries(deployment, who="nobody")
    assert all(e["who"] == "api-token" for e in entries(deployment, who="api-token"))
    at = all_of_them[1]["at"]
    assert all(e["at"] >= at for e in entries(deployment, since=at))
    assert all(e["at"] < at for e in entries(deployment, until=at))
    for query, field in (("trail=x", "trail"), ("cursor=x", "cursor"), ("limit=0", "limit"), ("since=soon", "since")):
        answer = deployment.api.get(f"/api/v1/audit?{query}")
        assert (answer.status, answer.json["field"]) == (422, field), query
    for cursor in ("x", "1-1.x", "1-1.1.short"):
        assert deployment.api.get(f"/api/v1/audit/verify?cursor={cursor}").status == 422, cursor


def test_the_page(deployment):
    deployment.api.post("/api/v1/pools", {"name": "PG", "prefixes": ["998"]})
    page = deployment.page.get("/audit?what=pool.add&who=&object=")
    assert page.status == 200 and "<b>pool.add</b>" in page.text and "ride.create" not in page.text.split("<article")[1]
    assert deployment.page.get("/audit?trail=rides").status == 200
    assert deployment.page.get("/audit?trail=nonsense").status == 422


# ---- what was changed shows

TRAIL = "{audit}:access"


@pytest.fixture(name="kept")
def put_back(deployment):
    """Twenty entries; what a test does to them is undone."""
    for i in range(20):
        deployment.api.json("PATCH", "/api/v1/pools/default", {"low_water": i + 1})
    saved = deployment.redis.dump(TRAIL), deployment.redis.get(TRAIL + ":head")
    assert verify(deployment)["holds"]
    yield deployment.redis.xrange(TRAIL)
    deployment.redis.restore(TRAIL, 0, saved[0], replace=True)
    deployment.redis.set(TRAIL + ":head", saved[1])
    assert verify(deployment)["holds"]


def fault(deployment):
    answer = verify(deployment)
    assert not answer["holds"], answer
    return answer["fault"], answer["fault_at"]


def rewrite(deployment, kept, at, fields):
    """The stream with one entry replaced."""
    deployment.redis.delete(TRAIL)
    for i, (name, old) in enumerate(kept):
        deployment.redis.xadd(TRAIL, fields if i == at else old, name)


def test_an_entry_left_out(deployment, kept):
    deployment.redis.xdel(TRAIL, kept[-5][0])
    assert fault(deployment) == ("missing", len(kept) - 4)


def test_the_last_ones_cut_off(deployment, kept):
    for name, _ in kept[-3:]:
        deployment.redis.xdel(TRAIL, name)
    assert fault(deployment) == ("missing", len(kept) - 2)


def test_the_first_ones_cut_off(deployment, kept):
    for name, _ in kept[:3]:
        deployment.redis.xdel(TRAIL, name)
    assert fault(deployment) == ("missing", 3)


def test_an_entry_altered(deployment, kept):
    old = dict(kept[-5][1])
    assert b"api-token" in old[b"e"]
    rewrite(deployment, kept, len(kept) - 5, {**old, b"e": old[b"e"].replace(b"api-token", b"api-taken")})
    assert fault(deployment) == ("altered", len(kept) - 4)


def test_an_entry_put_in(deployment, kept):
    """An old one again, with its good MAC."""
    rewrite(deployment, kept, len(kept) - 5, dict(kept[-7][1]))
    assert fault(deployment) == ("missing", len(kept) - 4)


def test_all_of_it_gone(deployment, kept):
    deployment.redis.delete(TRAIL)
    assert fault(deployment) == ("missing", 1)


def test_gateways_that_write_at_once(deployment):
    deployment.scale(gateway=3)
    deployment.wait_ready()
    before = len(entries(deployment))

    def change(i):
        client = deployment.api.copy()
        return [client.json("PATCH", "/api/v1/pools/default", {"low_water": 1 + (i + k) % 9}).status for k in range(20)]
    with ThreadPoolExecutor(8) as pool:
        statuses = [status for each in pool.map(change, range(8)) for status in each]
    assert set(statuses) == {200}
    answer = verify(deployment)
    assert answer["holds"] and answer["last"] == before + len(statuses)


def test_no_answer_without_its_entry(deployment):
    """What cannot be noted is not shown."""
    deployment.redis.rename(TRAIL, "{audit}:aside")
    deployment.redis.set(TRAIL, "in the way")  # an append fails
    answer = deployment.api.post("/api/v1/customers/1/reveal", {"reason": "to see whether it is noted"})
    assert answer.status >= 500 and "447700" not in answer.text, answer
    deployment.redis.delete(TRAIL)
    deployment.redis.rename("{audit}:aside", TRAIL)
    assert deployment.api.post("/api/v1/customers/1/reveal", {"reason": "to see whether it is noted"}).status == 200


def test_settings_that_changed(deployment):
    """Noted by name when a gateway starts with others; what they are stays secret."""
    assert entries(deployment, what="settings.first")
    before = len(entries(deployment, what="settings."))
    deployment.down()
    deployment.settings.update(RIDE_HOURS="7", CLOSED_ANSWER="A secret word.")
    deployment.up()
    wait_for(lambda: len(entries(deployment, what="settings.")) > before, 10, "the settings that changed")
    entry = last(deployment, "settings.changed")
    assert {"RIDE_HOURS", "CLOSED_ANSWER"} <= set(entry["detail"].split()) and "WEBHOOK_TOKEN" not in entry["detail"]
    assert "secret word" not in deployment.api.get("/api/v1/audit").text


# ---- the command

def command(deployment, *words):
    return subprocess.run([DEPLOY / "audit", *words, "--state", deployment.state], capture_output=True, text=True, timeout=60,
                          check=False)


def test_the_command(deployment):
    done = command(deployment, "verify")
    assert done.returncode == 0 and re.search(r"access: \d+ entries, .* all hold", done.stdout), done
    exported = command(deployment, "export")
    lines = exported.stdout.splitlines()
    assert exported.returncode == 0 and len(lines) == len(entries(deployment))
    assert '"number":1,' in lines[0]
    name, fields = deployment.redis.xrange(TRAIL)[2]
    saved = deployment.redis.dump(TRAIL)
    deployment.redis.xdel(TRAIL, name)
    done = command(deployment, "verify")
    assert done.returncode == 1 and "access: MISSING at entry 3" in done.stdout, done
    deployment.redis.restore(TRAIL, 0, saved, replace=True)
    assert fields


def test_a_noted_seal(deployment):
    """Who takes the end away, and Redis's note of it, leaves a log that holds; not against what was noted."""
    deployment.api.json("PATCH", "/api/v1/pools/default", {"low_water": 3})
    noted = re.search(r"access: .* number (\d+), seal (\S+)", command(deployment, "verify").stdout).groups()
    assert command(deployment, "verify", "--against", ":".join(noted)).returncode == 0
    deployment.api.json("PATCH", "/api/v1/pools/default", {"low_water": 4})
    done = command(deployment, "verify", "--against", ":".join(noted))
    assert done.returncode == 0 and "is as it was noted" in done.stdout
    saved = deployment.redis.dump(TRAIL), deployment.redis.get(TRAIL + ":head")
    kept = deployment.redis.xrange(TRAIL)
    for name, _ in kept[-2:]:
        deployment.redis.xdel(TRAIL, name)
    name, fields = kept[-3]
    at, number = name.decode().split("-")
    deployment.redis.set(TRAIL + ":head", f"{at} {number} {fields[b'm'].decode()}")
    for _ in range(3):
        deployment.api.json("PATCH", "/api/v1/pools/default", {"low_water": 5})
    assert command(deployment, "verify").returncode == 0
    done = command(deployment, "verify", "--against", ":".join(noted))
    assert done.returncode == 1 and "HAS ANOTHER SEAL" in done.stdout, done
    deployment.redis.restore(TRAIL, 0, saved[0], replace=True)
    deployment.redis.set(TRAIL + ":head", saved[1])


def test_the_other_trail_in_its_place(deployment):
    deployment.ride()
    saved = deployment.redis.dump(TRAIL), deployment.redis.get(TRAIL + ":head")
    deployment.redis.copy("{audit}:rides", TRAIL, replace=True)
    deployment.redis.copy("{audit}:rides:head", TRAIL + ":head", replace=True)
    assert fault(deployment) == ("altered", 1)
    deployment.redis.restore(TRAIL, 0, saved[0], replace=True)
    deployment.redis.set(TRAIL + ":head", saved[1])

