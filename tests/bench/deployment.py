"""A private deployment to measure: brought up, filled, looked into, and taken down again. Decides nothing about what is
measured."""

import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import redis

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
TOOLS = os.path.join(ROOT, "build", "bench", "bin", "bench_")
SIGNING_KEY = "bench-signing-key-0123456789abcdef"
PARTITIONS = 64


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port):
    for _ in range(500):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port}")


def tool(name, *words, **how):
    return subprocess.run([TOOLS + name, *map(str, words)], check=True, **how)


def start_tool(name, *words):
    return subprocess.Popen([TOOLS + name, *map(str, words)])


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(20)


class Deployment:
    def __init__(self, proxies, provider_rate=500, **settings):
        os.makedirs(os.path.join(ROOT, "build", "bench"), exist_ok=True)
        # Beside the build, not in a temporary folder: that may lie in memory, where an fsync costs nothing.
        self.folder = tempfile.mkdtemp(prefix="run-", dir=os.path.join(ROOT, "build", "bench"))
        self.state = os.path.join(self.folder, "state")
        self.proxies, self.settings = proxies, settings
        self.rides = 0
        self.provider = None
        self.provider_port, self.port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        try:
            self.start_provider(0, provider_rate)
            self.up()
        except BaseException:
            self.down()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    # ---- life

    def start_provider(self, delay_ms, rate):
        self.stop_provider()
        self.provider = start_tool("provider", self.provider_port, delay_ms, rate, self.path("arrivals"))
        wait_for_port(self.provider_port)

    def stop_provider(self):
        if self.provider:
            stop(self.provider)
        self.provider = None

    def up(self):
        environment = {
            **os.environ,
            "MESSAGEBIRD_API_KEY": "test_bench",
            "MESSAGEBIRD_API_URL": f"http://127.0.0.1:{self.provider_port}",
            "MESSAGEBIRD_SIGNING_KEY": SIGNING_KEY,
            "PUBLIC_URL": self.url,
            "REDIS_URL": "",
            "LISTEN": "",
            "SAMPLES": "off",
            "SEND_RATE": "0",  # the bench's provider sets the pace
            "TEXTS_PER_MINUTE": "0",
            **self.settings,
            "TOKEN_RATE": "0",
        }
        subprocess.run(
            [f"{ROOT}/deploy/up", "--detach", "--state", self.state, "--port", str(self.port)],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with open(f"{self.state}/api-token", encoding="ascii") as file:
            self.token = file.read()
        self.socket = self.find_socket()
        self.redis = redis.Redis(unix_socket_path=self.socket)

    def find_socket(self):
        with open(f"{self.state}/settings", encoding="utf-8") as file:
            settings = dict(line.rstrip("\n").split("=", 1) for line in file)
        return os.path.join(settings.get("run_dir", f"{self.state}/run"), "redis.sock")

    def down(self):
        subprocess.run([f"{ROOT}/deploy/down", "--state", self.state], check=False, stdout=subprocess.DEVNULL)
        self.stop_provider()
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    # ---- filling it

    def load(self, routes):
        """Brings the live rides up to half of `routes`. The fsync of each write is left out meanwhile."""
        rides = routes // 2 - self.rides
        if rides > 0:
            self.write_rides(self.rides, rides)
            self.rides += rides

    def load_past(self, rides):
        """What is left of so many rides that closed in the last weeks, of other people."""
        if rides > 0:
            self.write_rides(self.rides + 1_000_000, rides, "past")

    def write_rides(self, first, rides, *past):
        self.redis.config_set("appendfsync", "no")
        words = [TOOLS + "load", f"{self.state}/keys", str(first), str(rides), str(self.proxies), *past]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as loader:
            done = subprocess.run(
                ["redis-cli", "-s", self.socket, "--pipe"], stdin=loader.stdout, capture_output=True, check=True
            )
        self.redis.config_set("appendfsync", "always")
        if loader.returncode != 0 or b"errors: 0," not in done.stdout:
            raise RuntimeError(f"loading failed: {done.stdout.decode()}")

    def loaded_rides(self, most):
        """Ids of rides that the loader wrote: the oldest ones."""
        for tag in self.tags():
            for ride in self.redis.zrange(f"rides:{tag}", 0, 0):
                if most > 0:
                    yield ride.decode()
                most -= 1

    def make_numbers(self):
        self.post_all("numbers", [{"phone": f"+3197{i:08d}"} for i in range(self.proxies)])

    def api_request(self, path, body, key=None):
        """A whole request for bench_player."""
        text = json.dumps(body)
        head = (
            f"POST /api/v1/{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        )
        if key:
            head += f"Idempotency-Key: {key}\r\n"
        request = f"{head}\r\n{text}".encode()
        return struct.pack("=I", len(request)) + request

    def post_all(self, path, bodies):
        """Posts each; all must be taken."""
        requests = self.path("requests")
        with open(requests, "wb") as file:
            for body in bodies:
                file.write(self.api_request(path, body))
        result = self.play(requests, 600)
        if set(result["statuses"]) != {"201"} or result["broken"]:
            raise RuntimeError(f"{path}: {result}")

    def api(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request(method, f"/api/v1/{path}", body and json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text)

    def play(self, requests, seconds, connections=64, rate=()):
        out = tool("player", self.port, requests, connections, seconds, *rate, capture_output=True)
        return json.loads(out.stdout)

    @staticmethod
    def tags():
        return [f"{{{partition}}}" for partition in range(PARTITIONS)]

    def settle(self):
        """Takes away what waits to be sent, and waits until no attempt begins or ends any more."""
        before = None
        for _ in range(60):
            pipe = self.redis.pipeline(transaction=False)
            for tag in self.tags():
                pipe.xtrim(f"outbox:{tag}", maxlen=0, approximate=False)
                pipe.hlen(f"sending:{tag}")
            now = pipe.execute()
            if now == before and not any(now[::2]):
                break
            before = now
            time.sleep(0.7)
        else:
            raise RuntimeError("texts are still being sent after 40 s")
        # What was taken away under an attempt leaves its mark there.
        self.redis.delete(*(f"sending:{tag}" for tag in self.tags()))

    # ---- looking into it

    def used_memory(self):
        return self.redis.info("memory")["used_memory"]

    def processes(self):
        out = subprocess.run(
            [f"{ROOT}/deploy/status", "--json", "--state", self.state], check=True, capture_output=True
        )
        return [(p["service"], p["pid"]) for p in json.loads(out.stdout) if p["pid"]]

    def resident_mb(self):
        """The resident memory of each process, the largest of a service."""
        found = {}
        for service, pid in self.processes():
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                kb = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
            found[service] = max(found.get(service, 0), kb / 1024)
        return found

    def cpu_seconds(self):
        """What each service has used so far, its children not counted."""
        found = {}
        for service, pid in self.processes():
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            ticks = int(fields[11]) + int(fields[12])
            found[service] = found.get(service, 0) + ticks / os.sysconf("SC_CLK_TCK")
        return found
