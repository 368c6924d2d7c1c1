"""One daemon under test: started as the supervisor would, its log kept."""
import os
import re
import signal
import subprocess

from bus import Bus, Silence
from paths import BIN
from poll import wait_for

# What no daemon may ever log, whatever a test did to it.
DEFECTS = re.compile(r"Sanitizer|runtime error|Assertion|redis\.defect"
                     r"|redis\.denied"
                     r"|\.unreadable")


class Daemon:
    """`world` gives the folder, the keys and Redis; `settings` are further
    environment variables."""

    def __init__(self, world, service, instance, settings):
        self.service = service
        self.instance = instance
        self.run_dir = world.folder
        self.log_path = world.folder / f"{instance}.log"
        self.fault_file = world.folder / f"{instance}.fault"
        self.environment = {
            **os.environ, "REDIS_URL": world.redis.url,
            "REDIS_USER": service, "REDIS_PASSWORD": "",
            "REDIS_PASSWORD_FILE": str(world.redis.password_file(service)),
            "RUN_DIR": str(world.folder), "KEYS_FILE": str(world.keys_file),
            "INSTANCE": instance, "LOG_LEVEL": "debug",
            "FAULT_FILE": str(self.fault_file), **settings}
        self.process = None
        self.bus = None

    def start(self, ready=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BIN / self.service], env=self.environment, stderr=log,
                stdin=subprocess.DEVNULL)
        if ready:
            self.wait_ready()
        return self

    @property
    def endpoint(self):
        return f"ipc://{self.run_dir}/{self.instance}.{self.process.pid}.sock"

    def wait_ready(self):
        path = self.endpoint[len("ipc://"):]
        wait_for(lambda: os.path.exists(path)
                 or self.process.poll() is not None,
                 what=f"socket of {self.instance}")
        assert self.process.poll() is None, f"{self.instance} ended:\n" \
            + self.log_path.read_text()
        self.bus = Bus(self.endpoint)
        name, _ = self.bus.ask("PING")
        assert name == "PONG"

    def connect(self):
        """A client of its own, for another thread."""
        return Bus(self.endpoint)

    def alive(self):
        try:
            return self.bus.ask("PING", ms=2000)[0] == "PONG"
        except Silence:
            return False

    def log(self):
        return self.log_path.read_text(errors="replace")

    def metric(self, name):
        _, stats = self.bus.ask("STATS")
        found = re.search(rf"^birdcar_{name}{{[^}}]*}} (\S+)$", stats["text"],
                          re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    # ---- death ----

    def arm(self, fault):
        """It kills itself at that crash point, once; "<point> stop": it
        freezes there."""
        self.fault_file.write_text(fault)

    def struck(self):
        """It came by the point that it was armed for."""
        return not self.fault_file.exists()

    def wait_dead(self):
        wait_for(lambda: self.process.poll() is not None,
                 what=f"end of {self.instance}")
        self._close()
        return self.process.returncode

    def kill(self):
        self.process.kill()
        return self.wait_dead()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def terminate(self):
        """As the supervisor ends it: it drains and ends well."""
        self.process.terminate()
        status = self.wait_dead()
        assert status == 0, f"{self.instance} ended with {status}"

    def stop(self, at_once=False):
        """For the end of a test, in whatever state it is."""
        if self.process is not None and self.process.poll() is None:
            self.resume()
            if not at_once:
                self.process.terminate()
            try:
                self.process.wait(0 if at_once else 12)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close()

    def _close(self):
        if self.bus is not None:
            self.bus.close()
            self.bus = None

    def check_log(self):
        found = DEFECTS.search(self.log())
        assert not found, f"{self.instance} logged a defect:\n{self.log()}"
