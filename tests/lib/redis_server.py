"""A private redis-server of one test file: cluster-enabled, so that a script
that touches two slots is refused; durable as the daemons demand; with a clock
that tests move by hand."""
import os
import random
import signal
import socket
import struct
import subprocess

import redis

from paths import FAKETIME, ROOT
from poll import wait_for

def free_port():
    """Below the range from which the system serves connections."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class RedisServer:
    """`cluster`: not where it has to follow another. It knows the daemons by
    users of their own, whose passwords stand in `folder`; the tests are its
    default user."""

    def __init__(self, folder, cluster=True):
        self.folder = folder
        self.cluster = cluster
        self.process = None
        self.offset_ms = 0
        self.offset_file = folder / "clock"
        self.offset_file.write_bytes(struct.pack("=qq", 0, 0))
        self.port = None
        self.client = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def password_file(self, service):
        return self.folder / "redis-passwords" / service

    def make_users(self):
        """One a service, as deploy/up does."""
        told = subprocess.run(
            [ROOT / "deploy/redis-users", "--state", self.folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
        (self.folder / "users").write_bytes(
            b"user default on nopass ~* &* +@all\n" + told.stdout)

    def start(self):
        self.make_users()
        for _ in range(10):
            self.port = self.port or free_port()
            if self._try_start():
                break
            self.port = None  # taken meanwhile
        assert self.port, "redis-server does not start"
        self.client = redis.Redis(port=self.port, decode_responses=False)
        if self.cluster:
            if self._cluster_says("cluster_slots_assigned:0"):
                self.client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0,
                                            16383)
            wait_for(self._writable, what="cluster up")
        return self

    def spawn(self, *options):
        assert FAKETIME.exists(), f"{FAKETIME} is not built"
        environment = dict(os.environ, LD_PRELOAD=str(FAKETIME),
                           FAKETIME_FILE=str(self.offset_file))
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port),
             "--bind", "127.0.0.1", *self._cluster_options(), "--save", "",
             "--appendonly", "yes", "--appendfsync", "always",
             "--maxmemory-policy", "noeviction", "--dir", str(self.folder),
             "--aclfile", str(self.folder / "users"),
             "--logfile", str(self.folder / "redis.log"), *options],
            env=environment, stdin=subprocess.DEVNULL)

    def _try_start(self):
        self.spawn()
        return self.wait_up()

    def wait_up(self):
        """"up"; or "gone", or "another's", where its port was taken."""
        with redis.Redis(port=self.port) as probe:
            return wait_for(lambda: self._up(probe),
                            what="redis-server up or gone") == "up"

    def _cluster_options(self):
        return ["--cluster-enabled", "yes",
                "--cluster-port", str(free_port())] if self.cluster else []

    def _up(self, probe):
        if self.process.poll() is not None:
            return "gone"
        try:
            pid = probe.info("server")["process_id"]
            probe.ping()
            return "up" if pid == self.process.pid else "another's"
        except (redis.ConnectionError, redis.BusyLoadingError):
            return None

    def _writable(self):
        """A cluster refuses writes for its first two seconds: its clock runs
        faster meanwhile."""
        if self._cluster_says("cluster_state:ok"):
            return True
        self._move(1000)
        return False

    def _cluster_says(self, line):
        info = self.client.execute_command("CLUSTER", "INFO")
        return line in info.decode().split("\r\n")

    # ---- time ----

    def now_ms(self):
        seconds, micros = self.client.time()
        return seconds * 1000 + micros // 1000

    def _move(self, ms):
        self.offset_ms += int(ms)
        with open(self.offset_file, "r+b") as f:
            f.write(struct.pack("=q", self.offset_ms))

    def move(self, days=0, hours=0, minutes=0, seconds=0, ms=0):
        """Time goes on by this much, at once; keys expire with it."""
        wanted = self.now_ms()
        by = ms + 1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days)))
        self._move(by)
        wait_for(lambda: self.now_ms() >= wanted + by,
                 what="the moved clock")

    def stand_still(self, at_ms):
        """From now on time goes on only by move(); it stands at `at_ms`."""
        with open(self.offset_file, "r+b") as f:
            f.write(struct.pack("=qq", self.offset_ms, at_ms - self.offset_ms))
        wait_for(lambda: self.now_ms() == at_ms, what="the clock stopped")

    # ---- life ----

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.client is not None:
            self.client.close()
        if self.process is not None and self.process.poll() is None:
            self.kill()
