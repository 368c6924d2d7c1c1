"""A whole deployment whose services talk as they would between machines."""

import os
import shutil
import subprocess

import pytest
from deployment import DEPLOY, Deployment
from paths import scratch_folder
from test_restart import check_flows


@pytest.fixture(name="folder")
def a_folder():
    folder = scratch_folder("birdcar-")
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def make_key(path):
    return subprocess.run([DEPLOY / "curve-key", path], capture_output=True, text=True, check=True).stdout


def test_a_key(folder):
    """Made once, mode 0600; what is printed is its public half alone."""
    path = folder / "curve.key"
    line = make_key(path)
    public, name = line.split()
    assert path.stat().st_mode & 0o777 == 0o600 and name == os.uname().nodename
    assert len(public) == 64 and public not in path.read_text(encoding="ascii").splitlines()[1]
    assert make_key(path) == line


def test_all_of_it_over_tcp(folder):
    """Root's key, and the list, as the README says; texts and calls, a copy more, and Redis away in between."""
    (folder / "curve.allowed").write_text(make_key(folder / "curve.key"), encoding="ascii")
    (folder / "curve.allowed").chmod(0o644)
    with Deployment(CURVE_KEY_FILE=str(folder / "curve.key"), CURVE_ALLOWED_FILE=str(folder / "curve.allowed"),
                    BUS_LISTEN="tcp://127.0.0.1:*") as place:
        for service in ("ride-svc", "pool-svc", "voice-svc", "notifier"):
            (said,) = place.redis.hvals(f"service:{service}")
            assert said.split()[2].startswith(b"tcp://127.0.0.1:"), said
        ride = place.ride()
        place.sandbox.wait_texts(2)
        check_flows(place, ride, "between machines")
        place.scale(ride_svc=2)
        assert all(process["state"] == "up" for process in place.status())
        os.kill(place.pids("redis")[0][1], 9)
        place.wait_ready()
        check_flows(place, ride, "after Redis was away")
        secret = (folder / "curve.key").read_text(encoding="ascii").splitlines()[1].encode()
        assert not [line for line in place.log_lines() if secret in line or b"bus.untrusted" in line]


def test_unencrypted_is_refused():
    place = Deployment(BUS_LISTEN="tcp://127.0.0.1:*")
    done = place.up(check=False)
    place.close()
    assert done.returncode == 1 and "unencrypted TCP is refused" in done.stderr
