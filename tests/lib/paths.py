"""Where the tests find what was built, and where they may write."""
import os
import re
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("BIRDCAR_BIN", ROOT / "build/asan/bin")).resolve()
# Every named crash point.
FAULTS = re.findall(r'^FAULT_POINT\("(.+?)"\)',
                    (ROOT / "shared/faults.def").read_text(), re.MULTILINE)
FAKETIME = BIN.parent / "lib" / "libfaketime.so"

# In memory where there is room: how long a busy disk takes to sync is not what
# these tests ask, and a store that waits for it answers nobody in time.
MEMORY = Path("/dev/shm")
ROOM = 2 << 30


def script_of(path):
    """A Lua file of the tree with what it includes, as it is embedded."""
    def part(match):
        name = match[1]
        return ((ROOT if name.startswith("shared/") else (ROOT / path).parent)
                / name).read_text()
    return re.sub(r"^-- include (\S+)\n", part, (ROOT / path).read_text(),
                  flags=re.MULTILINE)


def scratch_place():
    """The folder for the folders of tests; BIRDCAR_SCRATCH has the last
    word."""
    if "BIRDCAR_SCRATCH" in os.environ:
        return os.environ["BIRDCAR_SCRATCH"]
    try:
        disk = os.statvfs(MEMORY)
    except OSError:
        return None
    free = disk.f_bavail * disk.f_frsize
    return MEMORY if free >= ROOM and os.access(MEMORY, os.W_OK) else None


def scratch_folder(prefix):
    """A new folder; whoever asked for it removes it."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=scratch_place()))
