"""A power cut, as far as Redis is concerned: it is killed, and of its append-only files only what was synced is left.

`redis-server` is looked up on the caller's PATH at each of its starts: there stands a script of ours, which waits while
the power is off, and starts the real one under tests/lib/synced.c.
"""

import fcntl
import os
import shlex
import shutil
import signal
import struct
from contextlib import contextmanager

from paths import BIN
from poll import wait_for

SYNCED = BIN.parent / "lib" / "libsynced.so"
NOTE = struct.Struct("=QQ")  # inode, bytes


def first_on_path(folder):
    return f"{folder}:{os.environ['PATH']}"


class Power:
    def __init__(self, folder):
        self.gate, self.notes, self.path = folder / "power", folder / "synced", folder / "bin"
        self.gate.touch()
        self.path.mkdir()
        self.notes.touch()
        self.notes.chmod(0o666)  # Redis need not be ours
        real = shutil.which("redis-server")
        assert real and SYNCED.exists(), f"redis-server: {real}; {SYNCED} is {'' if SYNCED.exists() else 'not '}built"
        script = self.path / "redis-server"
        script.write_text(
            f'#!/bin/sh\nflock -s {shlex.quote(str(self.gate))} true\n'
            f'exec env LD_PRELOAD={shlex.quote(str(SYNCED))} SYNCED_FILE={shlex.quote(str(self.notes))} {real} "$@"\n')
        script.chmod(0o755)

    @property
    def settings(self):
        """For deploy/up."""
        return {"PATH": first_on_path(self.path)}

    @contextmanager
    def _off(self):
        """No Redis starts meanwhile."""
        with open(self.gate, "rb") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield

    def cut(self, deployment):
        """How many bytes were lost with it."""
        with self._off():
            pid = deployment.processes()["redis"]
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: deployment.processes().get("redis") != pid, 5, "the end of Redis")
            synced = dict(NOTE.iter_unpack(self.notes.read_bytes()))
            lost = 0
            for path in (deployment.state / "data" / "appendonlydir").iterdir():
                file = path.stat()
                kept = min(file.st_size, synced.get(file.st_ino, 0))
                os.truncate(path, kept)
                lost += file.st_size - kept
            return lost
