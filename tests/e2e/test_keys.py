"""deploy/keys on a whole deployment: the seal key under traffic, the look-up key after deploy/down."""

import base64
import os
import re
import resource
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from deployment import DEPLOY, default_settings
from paths import BIN
from poll import wait_for
from rekey import open_all
from vault import Vault

CUSTOMER, DRIVER = "+447700900101", "+447700900201"
# A number comes back at once; nobody who writes much has to wait.
SETTINGS = {"COOLDOWN_HOURS": "0", "TEXTS_PER_MINUTE": "0"}


@pytest.fixture(scope="module", autouse=True)
def with_core_files():
    """Who starts it would have them written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


@pytest.fixture(scope="module", name="ride")
def a_ride(deployment):
    ride = deployment.ride()
    deployment.sandbox.wait_texts(2)
    return ride


class Store:
    """What open_all() looks at."""

    def __init__(self, deployment):
        self.vault = Vault(deployment.state / "keys")
        self.redis = self
        self.client = deployment.redis


def keys(deployment, *words, check=True):
    return deployment.run("keys", *words, check=check)


def begin(deployment, *words):
    return subprocess.Popen(
        [DEPLOY / "keys", *words, "--state", deployment.state], env={
            **os.environ, **default_settings(), **deployment.settings},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Traffic(threading.Thread):
    """Texts, calls and rides, one after another, until it is told to end."""

    def __init__(self, deployment, ride):
        super().__init__(daemon=True)
        self.sandbox, self.api = deployment.sandbox.copy(), deployment.api.copy()
        self.deployment, self.ride = deployment, ride
        self.over, self.sent, self.fault = threading.Event(), [], None

    def run(self):
        try:
            while not self.over.is_set():
                words = f"text {len(self.sent)}"
                assert self.sandbox.text(CUSTOMER, self.ride["proxy"], words)["status"] == 200
                self.sent.append(words)
                assert self.sandbox.call(DRIVER, self.ride["proxy"])["rings"]["phone"] == CUSTOMER[1:]
                other = self.deployment.ride(customer=2, driver=2, api=self.api)
                assert self.api.post(f"/api/v1/rides/{other['id']}/cancel", {}).status == 200
        except BaseException as fault:
            self.fault = fault
            raise

    def end(self):
        self.over.set()
        self.join(30)
        assert self.fault is None and self.sent
        return self.sent


def test_seal_key_under_traffic_and_kills(deployment, ride):
    """The command is killed again and again; no text is lost or late for good, no call fails."""
    mark = deployment.sandbox.last()
    traffic = Traffic(deployment, ride)
    traffic.start()
    for seconds in (0.3, 1.5, 3, 5):
        process = begin(deployment, "rotate-seal", "--settle", "1")
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()  # its program has ended, too
    done = keys(deployment, "rotate-seal", "--settle", "1")
    assert "Done." in done.stdout
    sent = traffic.end()
    wanted = {*sent}
    got = wait_for(lambda: wanted <= {m["body"] for m in deployment.sandbox.accepted(mark)} and
                   [m["body"] for m in deployment.sandbox.accepted(mark) if m["body"] in wanted], 30, "every text")
    assert got == sent
    assert open_all(Store(deployment))["ride"] >= 4
    assert len(Store(deployment).vault.seals) == 1
    assert all("has the key file as it is" in line for line in
               keys(deployment, "status").stdout.split("Daemons\n")[1].splitlines())


def test_look_up_key(deployment, ride):
    keys_before = (deployment.state / "keys").read_text()
    refused = keys(deployment, "rotate-lookup", check=False)
    assert refused.returncode == 1 and "deploy/down first" in refused.stderr
    assert (deployment.state / "keys").read_text() == keys_before
    deployment.down()
    # Killed with all that it started; what it left behind does not stand in the way.
    process = begin(deployment, "rotate-lookup")
    wait_for(lambda: (deployment.state / "keys").read_text() != keys_before, what="the new key")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deployment.run("up", "--detach", "--port", str(deployment.port), check=False)
    deployment.down()
    done = keys(deployment, "rotate-lookup")
    assert "Done" in done.stdout
    assert len(Vault(deployment.state / "keys").lookups) in (2, 3)
    assert not list(deployment.state.glob("run/*"))
    deployment.up()
    mark = deployment.sandbox.last()
    assert deployment.sandbox.text(CUSTOMER, ride["proxy"], "found again", wait=True)["status"] == 200
    deployment.sandbox.wait_text(DRIVER, "found again", mark)
    assert deployment.sandbox.call(DRIVER, ride["proxy"])["rings"]["phone"] == CUSTOMER[1:]
    other = deployment.ride()
    assert other["proxy"] != ride["proxy"], "the number is held"
    assert deployment.api.post("/api/v1/numbers", {"phone": CUSTOMER}).status == 409


def test_help():
    """As the other commands have it, and without a deployment."""
    said = subprocess.run([DEPLOY / "keys", "--help"], capture_output=True, text=True, check=True).stdout
    assert "rotate-seal" in said and "kill -9" in said
    for words in ((), ("rotate",), ("status", "--settle=1"), ("rotate-seal", "--all")):
        done = subprocess.run([DEPLOY / "keys", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "--help" in done.stderr
    assert subprocess.run([BIN / "birdcar-keys", "--help"], capture_output=True, text=True,
                          check=True).stdout.startswith("usage:")


def test_keys_are_locked_and_dumped_nowhere(deployment):
    """By the kernel's own word: locked memory, no core file, also of Redis and the sandbox."""
    for service, pid in deployment.pids():
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        assert re.search(r"Max core file size +0 +0 ", limits), service
        if service not in ("redis", "sandbox"):
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            assert int(re.search(r"VmLck:\s+(\d+)", status).group(1)) > 0, service


def test_no_key_leaves_the_key_file(deployment):
    """Not into Redis's files, a log, a command line or an environment."""
    found = Vault(deployment.state / "keys").keys()
    needles = [n for key in found for n in (key, key.hex().encode(), base64.b64encode(key)[:-2],
                                            base64.urlsafe_b64encode(key)[:-2])]
    paths = [p for p in deployment.state.rglob("*") if p.is_file() and not p.name.startswith("keys")]
    paths += [Path(f"/proc/{pid}/{name}") for _, pid in deployment.pids() for name in ("cmdline", "environ")]
    assert any("appendonly" in path.name for path in paths)
    for path in paths:
        held = path.read_bytes()
        assert not any(needle in held for needle in needles), path
