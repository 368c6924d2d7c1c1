"""Secrets that come by file, and where none may be seen."""

import os
from pathlib import Path

import pytest
from deployment import Deployment
from poll import wait_for
from provider import Provider
from test_provider import send

SECRETS = {"MESSAGEBIRD_API_KEY": "live_by-file-0001", "MESSAGEBIRD_SIGNING_KEY": "signing-by-file-0002",
           "MESSAGEBIRD_SIGNING_KEY_OLD": "old-signing-by-file-0003", "WEBHOOK_TOKEN": "token-by-file-0004",
           "ALERT_SECRET": "whsec_" + "QmlyZENhckJpcmRDYXJCaXJkQ2FyQmlyZENhcg=="}


@pytest.fixture(scope="module", name="provider")
def a_provider():
    provider = Provider().start()
    yield provider
    provider.stop()


@pytest.fixture(scope="module", name="files")
def the_files(tmp_path_factory):
    """As an operator keeps them: root's, mode 0600, in a folder that is closed."""
    folder = tmp_path_factory.mktemp("secrets")
    folder.chmod(0o700)
    for name, secret in SECRETS.items():
        (folder / name).write_text(secret + "\n", encoding="ascii")
        (folder / name).chmod(0o600)
    return {f"{name}_FILE": str(folder / name) for name in SECRETS}


@pytest.fixture(scope="module", name="place")
def a_deployment(provider, files):
    with Deployment(MESSAGEBIRD_API_URL=provider.url, ALERT_URL=provider.url, SAMPLES="on", **files) as place:
        yield place


def all_secrets(place):
    """What must not be seen, those that deploy/up made included."""
    made = [place.secret(name) for name in ("api-token", "admin-password")]
    made += [path.read_text(encoding="ascii") for path in (place.state / "redis-passwords").iterdir()]
    made += [line.split()[-1] for line in place.secret("keys").splitlines()]
    return [secret.encode() for secret in (*SECRETS.values(), *made)]


def test_they_are_taken(place, provider):
    """Signed with the key of the file, and the one before; by the token; and sent with the access key."""
    ride = place.ride()
    wait_for(lambda: len(provider.taken) == 2, what="both notices")
    for name in ("MESSAGEBIRD_SIGNING_KEY", "MESSAGEBIRD_SIGNING_KEY_OLD"):
        place.settings["MESSAGEBIRD_SIGNING_KEY"] = SECRETS[name]
        assert send(place, ride, "447700900101", name).status == 200
    place.settings["MESSAGEBIRD_SIGNING_KEY"] = "another"
    assert send(place, ride, "447700900101", "by another").status == 401
    del place.settings["MESSAGEBIRD_SIGNING_KEY"]
    body = b"message_id=t&originator=447700900101&recipient=%s&payload=token" % ride["proxy"][1:].encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    path = f"/webhook/{SECRETS['WEBHOOK_TOKEN']}"
    assert place.open.request("POST", path, body, form).status == 200
    wait_for(lambda: len(provider.taken) == 5, what="three texts")
    assert provider.headers["Authorization"] == f"AccessKey {SECRETS['MESSAGEBIRD_API_KEY']}"


def test_no_command_line_shows_any(place):
    """Of any process of this machine."""
    secrets = all_secrets(place)
    seen = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        seen += 1
        assert not [secret for secret in secrets if secret in words], (pid, words)
    assert seen > 10


def test_no_environment_holds_any(place):
    for pid in place.members():
        words = Path(f"/proc/{pid}/environ").read_bytes()
        assert not [secret for secret in all_secrets(place) if secret in words], pid


def test_no_log_and_no_open_file_holds_any(place):
    secrets = all_secrets(place)
    for line in place.log_lines():
        assert not [secret for secret in secrets if secret in line], line
    for path in place.state.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o077:
            assert not [secret for secret in secrets if secret in path.read_bytes()], path
    assert not [secret for secret in secrets if secret in (place.state / "settings").read_bytes()]


def test_a_secret_that_changes(place, provider, files):
    """The file is read anew at a start; and that it changed, not to what, is in the audit log."""
    place.down()
    Path(files["WEBHOOK_TOKEN_FILE"]).write_text("another-token-0005\n", encoding="ascii")
    place.up()
    def noted():
        return [entry["detail"] for entry in place.listed("audit", what="settings.changed")]
    assert wait_for(noted, 10, "an entry")[0] == "WEBHOOK_TOKEN"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"message_id=u&originator=447700900101&recipient=447700900999&payload=token"
    assert place.open.request("POST", f"/webhook/{SECRETS['WEBHOOK_TOKEN']}", body, form).status == 401
    assert place.open.request("POST", "/webhook/another-token-0005", body, form).status == 200
    ride = place.ride(customer=2, driver=2)
    wait_for(lambda: len(provider.taken) >= 7, what="both notices")
    assert ride["proxy"]


@pytest.mark.parametrize("content, mode, word", [
    (b"sss-secret\n", 0o644, "open to others"), (b"", 0o600, "one line"), (b"sss-1\nsss-2\n", 0o600, "one line"),
    (b"s" * 500, 0o600, "too large"), (None, 0, "is there")])
def test_a_file_that_is_wrong(tmp_path, content, mode, word):
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    place = Deployment(WEBHOOK_TOKEN_FILE=str(path))
    try:
        done = place.up(check=False)
        assert done.returncode == 1 and "WEBHOOK_TOKEN" in done.stderr and word in done.stderr, done.stderr
        assert "sss" not in done.stdout + done.stderr
    finally:
        place.close()
