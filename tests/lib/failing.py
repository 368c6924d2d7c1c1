"""System calls that fail: release binaries, and Redis, under libfiu's preload, which fails what a test asks for while the
process runs. (ASan ends under that preload.)"""

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from deployment import SERVICES
from paths import ROOT
from power import first_on_path

RELEASE = ROOT / "build/release/bin"
PRELOADS = "/usr/lib/fiu/fiu_run_preload.so /usr/lib/fiu/fiu_posix_preload.so"


class Failing:
    """Scripts in `folder` that start the daemons, and Redis, ready to fail."""

    def __init__(self, folder):
        assert (RELEASE / "gateway").exists(), "the release build is not there: tests/run builds it"
        self.fifos = folder / "fifos" / "fiu"
        self.fifos.parent.mkdir()
        self.fifos.parent.chmod(0o777)  # the daemons, which make them, need not be ours
        self.folder = folder / "failing"
        self.folder.mkdir()
        for name in SERVICES:
            self._script(name, RELEASE / name)
        # Under the preload a fork ends it, or leaves it hanging: its file is never rewritten. (It reads it slowly, too, so
        # that a trial is not to last for long.)
        self._script("redis-server", shutil.which("redis-server"), "--auto-aof-rewrite-percentage 0")

    def _script(self, name, program, more=""):
        path = self.folder / name
        path.write_text(
            f'#!/bin/sh\nexec env LD_PRELOAD={shlex.quote(PRELOADS)} FIU_ENABLE= '
            f'FIU_CTRL_FIFO={shlex.quote(str(self.fifos))} {shlex.quote(str(program))} "$@" {more}\n', encoding="ascii")
        path.chmod(0o755)

    @property
    def settings(self):
        """For deploy/up."""
        return {"BIRDCAR_BIN_DIR": str(self.folder), "PATH": first_on_path(self.folder)}

    def _order(self, pid, words):
        """False: that process has ended meanwhile, or just begins."""
        if not Path(f"{self.fifos}-{pid}.in").exists() or not Path(f"/proc/{pid}").exists():
            return False
        # A script that waits for the answer by another process, which would outlive it.
        with subprocess.Popen(["fiu-ctrl", "-f", self.fifos, "-c", words, str(pid)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True) as asked:
            try:
                return asked.wait(3) == 0
            except subprocess.TimeoutExpired:
                os.killpg(asked.pid, signal.SIGKILL)
                return False

    def begin(self, pid, call, chance):
        return self._order(pid, f"enable_random name={call},probability={chance}")

    def end(self, pid, call):
        return self._order(pid, f"disable name={call}")
