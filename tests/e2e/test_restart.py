"""What survives a stop, a kill and a second start, and what two deployments have to do with each other."""

import os
import signal
import socket
import time

import pytest
from deployment import SERVICES, Deployment
from poll import wait_for

CUSTOMER, DRIVER = "+447700900101", "+447700900201"


@pytest.fixture(scope="module", name="ride")
def a_ride(deployment):
    ride = deployment.ride()
    deployment.sandbox.wait_texts(2)
    return ride


def check_flows(deployment, ride, words):
    """A text and a call each way; both may have to be tried again, as the provider and people do."""
    mark = deployment.sandbox.last()
    assert deployment.sandbox.text(CUSTOMER, ride["proxy"], words, retries=5, wait=True)["status"] == 200
    assert deployment.sandbox.text(DRIVER, ride["proxy"], words, retries=5, wait=True)["status"] == 200
    got = deployment.sandbox.wait_texts(2, mark)
    assert sorted(m["recipients"][0] for m in got) == [CUSTOMER[1:], DRIVER[1:]]
    for caller, other in ((CUSTOMER, DRIVER), (DRIVER, CUSTOMER)):
        rings = wait_for(lambda: deployment.sandbox.call(caller, ride["proxy"])["rings"], 5, "a call that rings")
        assert rings["phone"] == other[1:]


def test_status(deployment):
    status = deployment.status()
    assert sorted(p["service"] for p in status) == sorted([*SERVICES, "redis", "sandbox"])
    assert all(p["state"] == "up" and os.path.exists(f"/proc/{p['pid']}") for p in status)
    ends = {p["service"]: p["endpoint"] for p in status}
    assert ends["gateway"] == deployment.url and ends["ride-svc"].startswith("ipc:///")
    assert ends["redis"].startswith("unix:///")


def test_up_twice_is_harmless(deployment, ride):
    before = deployment.status()
    again = deployment.up()
    assert "already running" in again.stdout and deployment.url in again.stdout
    assert deployment.status() == before
    check_flows(deployment, ride, "after a second up")


def test_all_is_there_after_a_restart(deployment, ride, capsys):
    kept = {kind: deployment.listed(kind) for kind in ("customers", "drivers", "numbers", "pools", "rides")}
    story = deployment.timeline(ride)
    secrets = {name: deployment.secret(name) for name in ("api-token", "admin-password", "keys", "signing-key")}
    old = [pid for _, pid in deployment.pids()]
    deployment.down()
    assert deployment.status() == []
    assert not [pid for pid in old if os.path.exists(f"/proc/{pid}")]
    assert deployment.run("down").returncode == 0
    began = time.monotonic()
    deployment.up()
    with capsys.disabled():
        print(f" [up in {time.monotonic() - began:.2f} s] ", end="")
    assert {name: deployment.secret(name) for name in secrets} == secrets
    assert {kind: deployment.listed(kind) for kind in kept} == kept
    assert deployment.timeline(ride)[:len(story)] == story
    check_flows(deployment, ride, "after a restart")
    # The number is still held: the same two get another one.
    assert deployment.ride()["proxy"] != ride["proxy"]
    deployment.sandbox.wait_texts(2 + 2)


def test_what_was_taken_is_sent_after_a_restart(deployment, ride):
    """Taken while nobody sends; stopped; sent by who comes next."""
    deployment.scale(notifier=0)
    words = [f"patience {n}" for n in range(5)]
    for line in words:
        assert deployment.sandbox.text(CUSTOMER, ride["proxy"], line)["status"] == 200
    deployment.down()
    deployment.up()
    assert not deployment.pids("notifier")
    mark = deployment.sandbox.last()
    deployment.scale(notifier=1)
    assert [m["body"] for m in deployment.sandbox.wait_texts(5, mark)] == words
    deployment.wait_ready()


@pytest.mark.parametrize("service", ["redis", *SERVICES])
def test_killed_and_back(deployment, ride, service):
    victim = deployment.pids(service)[0][1]
    others = [p for p in deployment.pids() if p[0] != service]
    os.kill(victim, signal.SIGKILL)
    began = time.monotonic()
    wait_for(lambda: [pid for _, pid in deployment.pids(service) if pid != victim], 3, "a new process")
    assert time.monotonic() - began < 2.5
    deployment.wait_ready()
    check_flows(deployment, ride, f"after {service} was killed")
    assert [p for p in deployment.pids() if p[0] != service] == others


def test_redis_killed_between_taken_and_sent(deployment, ride):
    """Answered 200 is on disk."""
    mark = deployment.sandbox.last()
    deployment.sandbox.fault("429", retry_after=1)
    words = [f"on disk {n}" for n in range(10)]
    for line in words:
        assert deployment.sandbox.text(DRIVER, ride["proxy"], line)["status"] == 200
    os.kill(deployment.pids("redis")[0][1], signal.SIGKILL)
    deployment.sandbox.fault("ok")
    got = deployment.sandbox.wait_texts(10, mark, seconds=30)
    assert [m["body"] for m in got] == words


def test_all_killed_at_once(deployment, ride):
    mark = deployment.sandbox.last()
    deployment.sandbox.fault("429", retry_after=1)
    assert deployment.sandbox.text(CUSTOMER, ride["proxy"], "before the crash")["status"] == 200
    for service, pid in deployment.pids():
        if service != "sandbox":
            os.kill(pid, signal.SIGKILL)
    deployment.sandbox.fault("ok")
    deployment.wait_ready()
    assert [m["body"] for m in deployment.sandbox.wait_texts(1, mark, seconds=30)] == ["before the crash"]
    check_flows(deployment, ride, "after the crash")


def test_redis_away_and_back(deployment, ride):
    """Stopped, not ended: callers hear a sentence at once, texts are refused so that the provider repeats them."""
    redis = deployment.pids("redis")[0][1]
    os.kill(redis, signal.SIGSTOP)
    try:
        began = time.monotonic()
        call = deployment.sandbox.call(CUSTOMER, ride["proxy"])
        assert time.monotonic() - began < 2
        assert call["status"] == 200 and "Please try again in a minute" in call["body"]
        text = deployment.sandbox.text(CUSTOMER, ride["proxy"], "not now", message_id="held-up")
        assert text["status"] == 503
        assert deployment.open.get("/healthz").status == 200
        wait_for(lambda: not deployment.ready(), 5, "the gateway to notice")
    finally:
        os.kill(redis, signal.SIGCONT)
    deployment.wait_ready()
    mark = deployment.sandbox.last()
    again = deployment.sandbox.text(CUSTOMER, ride["proxy"], "not now", message_id="held-up")
    assert again["status"] == 200
    assert deployment.sandbox.text(CUSTOMER, ride["proxy"], "now")["status"] == 200
    bodies = [m["body"] for m in wait_for(
        lambda: [m for m in [deployment.sandbox.accepted(mark)] if m and m[-1]["body"] == "now"], 10, "the text")[0]]
    assert bodies in (["not now", "now"], ["now"])


def test_without_voice_svc(deployment, ride):
    """The gateway itself answers calls, in time; texts go on."""
    deployment.scale(voice_svc=0)
    path = f"/webhook-voice?callID=1&source={CUSTOMER[1:]}&destination={ride['proxy'][1:]}"
    signed = ("GET", path, None, deployment.signature(path))
    answer = deployment.open.request(*signed)
    assert (answer.status, answer.type) == (200, "application/xml") and b"Please try again" in answer.body
    assert not deployment.ready()
    deployment.sandbox.text(CUSTOMER, ride["proxy"], "nobody answers calls", wait=True)
    deployment.scale(voice_svc=1)
    deployment.wait_ready()
    wait_for(lambda: DRIVER[1:].encode() in deployment.open.request(*signed).body, 5, "calls again")


def test_port_in_use(deployment):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = Deployment(port=port)
        failed = other.up(check=False)
        assert failed.returncode == 1 and str(port) in failed.stderr and "in use" in failed.stderr
        assert other.status() == []
        other.close()
    # A running deployment's port is taken, too.
    other = Deployment(port=deployment.port)
    assert other.up(check=False).returncode == 1
    other.close()
    assert deployment.ready()


def test_two_side_by_side(deployment, ride):
    """Each has its own data, keys and token; stopping one is nothing to the other."""
    with Deployment(SAMPLES="on") as other:
        assert other.listed("rides") == [] and len(other.listed("customers")) == 3
        assert other.secret("api-token") != deployment.secret("api-token")
        assert other.open.bearer(deployment.secret("api-token")).get("/api/v1/rides").status == 401
        mine = other.ride()
        other.sandbox.wait_texts(2)
        check_flows(other, mine, "next door")
        other.down()
        check_flows(deployment, ride, "still here")
        other.up()
        check_flows(other, mine, "back again")
    assert deployment.ready()


def test_a_long_path_with_spaces(tmp_path):
    """Unix sockets end at 107 bytes; a state folder need not."""
    state = tmp_path / ("long folder with spaces & ünïcode " * 4).strip()
    with Deployment(state=state) as place:
        ride = place.ride()
        place.sandbox.wait_texts(2)
        check_flows(place, ride, "from afar")
        assert all(p["state"] == "up" for p in place.status())
    assert not os.path.lexists(place.redis_path)
