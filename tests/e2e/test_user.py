"""Whose the processes are: where root starts a deployment, nothing that stays is root's."""

import os
import pwd
import shutil
import stat
import subprocess

import pytest
from deployment import DEPLOY, Deployment, default_settings
from paths import scratch_folder
from poll import wait_for
from test_restart import check_flows

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to go on as")

USER = "birdcar"
SEARCH = 1 << 2  # CAP_DAC_READ_SEARCH
EVERYTHING = {"gateway", "ride-svc", "pool-svc", "voice-svc", "notifier", "redis-server", "python3", "s6-svscan",
              "s6-supervise", "s6-log"}


def owner():
    return pwd.getpwnam(USER).pw_uid


def check_members(deployment, uid, capabilities=0):
    members = deployment.members().values()
    assert {member["Name"].strip() for member in members} >= EVERYTHING
    for member in members:
        assert set(member["Uid"].split()) == {str(uid)}, member
        assert not {"0"} & {*member["Gid"].split(), *member["Groups"].split()}, member
        for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
            assert int(member[kind], 16) == capabilities, member
        assert member["NoNewPrivs"].strip() == "1" or uid != owner()


def check_files(deployment, uid):
    for path in (deployment.state, *deployment.state.rglob("*")):
        status = path.lstat()
        assert status.st_uid == uid, path
        # Below supervise/ s6 has its own, in folders that are closed.
        assert stat.S_ISLNK(status.st_mode) or "supervise" in path.parts or status.st_mode & 0o077 == 0, path


def test_nothing_is_roots(deployment):
    check_members(deployment, owner())
    check_files(deployment, owner())
    assert f"User     {USER}" in deployment.up().stdout


def test_commands_of_root_and_of_the_user(deployment):
    deployment.scale(voice_svc=2)
    as_user = ["setpriv", f"--reuid={owner()}", f"--regid={USER}", "--clear-groups"]
    done = subprocess.run([*as_user, DEPLOY / "scale", "voice-svc=1", "--state", deployment.state],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(deployment.pids("voice-svc")) == 1
    check_members(deployment, owner())
    check_files(deployment, owner())
    deployment.wait_ready()


def test_what_root_left_is_taken_over():
    """As an earlier version did, all as root; and, later, a file from a backup."""
    with Deployment() as place:
        ride = place.ride()
        place.sandbox.wait_texts(2)
        place.down()
        for path in (place.state, *place.state.rglob("*")):
            os.chown(path, 0, 0, follow_symlinks=False)
        place.up()
        check_members(place, owner())
        check_files(place, owner())
        check_flows(place, ride, "after an upgrade")
        place.down()
        os.chown(place.state / "keys", 0, 0)
        place.up()
        check_flows(place, ride, "after a restored file")


def test_what_root_did_not_make_stays_roots():
    """A folder that held other things before; and one of the system's."""
    place = Deployment()
    place.state.mkdir()
    (place.state / "notes").write_text("mine")
    with place:
        assert (place.state / "notes").stat().st_uid == 0
        check_members(place, owner())
    refused = Deployment(state="/tmp")
    assert "of its own" in refused.up(check=False).stderr


def test_behind_a_closed_folder(tmp_path):
    """Like one that mktemp made: the one capability with which it is passed by, and a line that says so."""
    tmp_path.chmod(0o700)
    place = Deployment(state=tmp_path / "state")
    try:
        said = place.up().stdout
        assert "CAP_DAC_READ_SEARCH" in said
        check_members(place, owner(), SEARCH)
        check_files(place, owner())
        place.scale(notifier=2)
        assert len(place.pids("notifier")) == 2
        os.kill(place.pids("redis")[0][1], 9)
        wait_for(lambda: not place.ready(), 5, "the loss of Redis")
        place.wait_ready()
    finally:
        place.close()


def test_programs_that_only_root_may_run(tmp_path):
    """They run, with a warning: which of the programs on PATH is taken does not depend on the user."""
    script = tmp_path / "redis-server"
    script.write_text(f'#!/bin/sh\nexec {shutil.which("redis-server")} "$@"\n')
    script.chmod(0o700)
    place = Deployment(PATH=f"{tmp_path}:{os.environ['PATH']}")
    try:
        assert f"{script} may be used by root only" in place.up().stderr
        assert all(member["Uid"].split()[0] != "0" for member in place.members().values())
    finally:
        place.close()


def test_a_port_of_root(deployment):
    """Below 1024: bound by deploy/up, and nobody keeps the right to."""
    for port in range(1020, 900, -1):
        place = Deployment(port=port)
        if place.up(check=False).returncode == 0:
            break
        place.close()
    try:
        check_members(place, owner())
    finally:
        place.close()
    assert deployment.ready()


def test_of_an_ordinary_user():
    """As themselves, as ever."""
    folder = scratch_folder("birdcar-")
    try:
        os.chown(folder, 65534, 65534)
        place = Deployment(state=folder / "state")
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", DEPLOY / "up", "--detach", "--port",
                 str(place.port), "--state", place.state]
        done = subprocess.run(words, env={**os.environ, **default_settings()}, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        try:
            assert done.returncode == 0, done.stderr
            place._connect()
            check_members(place, 65534)
            assert f"User     {pwd.getpwuid(65534).pw_name}" in done.stdout
        finally:
            place.close()
    finally:
        shutil.rmtree(folder)
