"""A whole deployment, started by deploy/up as a user does, in a folder and at a port of its own."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import redis

from http_client import Http
from paths import scratch_folder
from poll import wait_for
from sandbox import Sandbox
from signing import sign

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SERVICES = ("gateway", "ride-svc", "pool-svc", "voice-svc", "notifier")
BROKEN = re.compile(rb"AddressSanitizer|LeakSanitizer|runtime error:|Assertion .* failed|redis\.denied|NOPERM")
UP_SECONDS = 300  # of which the build may take most


def default_settings():
    """Every setting at its default, so that neither the caller's environment nor a .env reaches a test."""
    lines = (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines()
    found = dict(re.fullmatch(r"#([A-Z_]+)=(.*)", line).groups() for line in lines if re.match(r"#[A-Z_]+=", line))
    return {**{name: value.strip('"') for name, value in found.items()}, "PUBLIC_URL": ""}


def free_port():
    """Of two neighbours that are free now; the second is for the sandbox."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class Deployment:
    def __init__(self, state=None, port=None, **settings):
        self.folder = scratch_folder("birdcar-") if state is None else None
        if self.folder:
            self.folder.chmod(0o711)  # open, as where a deployment of root's usually lies
        self.state = Path(state) if state else self.folder / "state"
        self.port = port or free_port()
        self.settings = settings

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.close(failed=True)
            raise
        return self

    def __exit__(self, kind, error, trace):
        self.close(failed=kind is not None)

    # ---- deploy's commands

    def run(self, command, *arguments, check=True, **options):
        environment = {**os.environ, **default_settings(), **self.settings}
        done = subprocess.run(
            [DEPLOY / command, *arguments, "--state", self.state], env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=UP_SECONDS, check=False, **options)
        assert not check or done.returncode == 0, f"deploy/{command}: {done.stdout}{done.stderr}"
        return done

    def up(self, check=True):
        done = self.run("up", "--detach", "--port", str(self.port), check=check)
        if done.returncode == 0:
            self._connect()
        return done

    def down(self):
        self.run("down")

    def scale(self, **counts):
        """ride_svc=2 for ride-svc."""
        self.run("scale", *(f"{name.replace('_', '-')}={count}" for name, count in counts.items()))

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def pids(self, service=None):
        """(service, pid) of those that live."""
        return [(p["service"], p["pid"]) for p in self.status() if p["pid"] and service in (None, p["service"])]

    def processes(self):
        """{instance: pid} of those that live and are past their start; no program is asked, so it may be asked often."""
        found = {}
        for path in self.state.glob("run/*.pid"):
            with contextlib.suppress(OSError, ValueError):  # just now written, or dead
                pid, started = path.read_text(encoding="ascii").split()
                stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
                name, fields = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
                if fields[19] == started and fields[0] not in "ZX" and name in (*SERVICES, "redis-server"):
                    found[path.stem] = int(pid)
        return found

    def close(self, failed=False):
        """Ends it, checks that no sanitizer spoke, and tells what the logs said where a test failed."""
        self.down()
        broken = [line for line in self.log_lines() if BROKEN.search(line)]
        if failed or broken:
            for line in [line for line in self.log_lines() if not re.search(rb" (info|debug) ", line)][-80:]:
                print(line.decode(errors="replace"))
        if self.folder:
            shutil.rmtree(self.folder)
        assert not broken, broken[0]

    # ---- what it says and holds

    def members(self):
        """{pid: /proc/PID/status} of all that runs here, supervision too."""
        mark, found = f"BIRDCAR_DEPLOYMENT={self.state}".encode(), {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    lines = (folder / "status").read_text(encoding="utf-8").splitlines()
                    found[int(folder.name)] = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        return found

    def log_lines(self):
        return [path.parent.name.encode() + b" | " + line for path in sorted(self.state.glob("logs/*/*"))
                if path.is_file() for line in path.read_bytes().splitlines()]

    def secret(self, name):
        return (self.state / name).read_text(encoding="ascii").strip()

    def _connect(self):
        saved = dict(line.split("=", 1) for line in (self.state / "settings").read_text().splitlines())
        self.url, self.public_url = saved["url"], saved["public_url"]
        self.open = Http(self.url)  # without credentials
        self.api = self.open.bearer(self.secret("api-token"))
        self._page = None
        self.sandbox = Sandbox(Http(saved["sandbox_url"])) if "sandbox_url" in saved else None
        self.redis_path = Path(saved.get("run_dir", self.state / "run")) / "redis.sock"
        self.redis = redis.Redis(unix_socket_path=str(self.redis_path))

    @property
    def page(self):
        """An admin's browser, signed in."""
        if self._page is None:
            answer, self._page = self.open.sign_in("admin", self.secret("admin-password"))
            assert answer.status == 303, answer
        return self._page

    def signing_key(self):
        return self.settings.get("MESSAGEBIRD_SIGNING_KEY") or self.secret("signing-key")

    def signature(self, path, body=b"", key=None, **claims):
        """The header that a webhook bears."""
        token = sign(key or self.signing_key(), self.public_url + path, body, **claims)
        return {"MessageBird-Signature-JWT": token}

    def ready(self):
        return self.open.get("/readyz").status == 200

    def wait_ready(self, seconds=15):
        wait_for(self.ready, seconds, "readiness")

    # ---- what tests do all the time

    def listed(self, kind, **query):
        """All of a list, over its pages."""
        items, cursor = [], None
        while True:
            asked = {"limit": 200, **query, **({"cursor": cursor} if cursor else {})}
            answer = self.api.get(f"/api/v1/{kind}?{urlencode(asked)}")
            assert answer.status == 200, answer
            items += answer.json["items"]
            cursor = answer.json["next"]
            if cursor is None:
                return items

    def ride(self, customer=1, driver=1, datetime="2031-05-06T07:30", api=None, **more):
        """A new one, by the API."""
        fields = {"customer": customer, "driver": driver, "start": "Dam 1", "destination": "Schiphol",
                  "datetime": datetime, **more}
        answer = (api or self.api).post("/api/v1/rides", fields)
        assert answer.status == 201, answer
        return answer.json

    def person(self, role, number):
        """Its name and phone, from the samples."""
        with open(DEPLOY / "samples.json", encoding="utf-8") as file:
            return json.load(file)[role + "s"][number - 1]

    def timeline(self, ride):
        answer = self.api.get(f"/api/v1/rides/{ride['id']}/timeline")
        assert answer.status == 200, answer
        return answer.json["items"]
