"""Redis: closed to the network, and to each service but for its own keys and commands."""

import os
import re

import pytest
import redis
from deployment import DEPLOY, SERVICES
from poll import wait_for

SAID_NO = "(?i)no permissions"

# A key of each kind, and who may read it and write it.
KEYS = {
    "keys": (SERVICES, SERVICES),
    **{f"service:{name}": (SERVICES, (name,)) for name in SERVICES},
    **dict.fromkeys(("customer:1", "customers", "{drivers}:last", "request:x", "rides:{3}", "seen:{3}:x", "jti:{3}:x",
                     "duties:{3}", "person-rides:x", "unrouted:{3}", "once:{3}:x", "job:1"), (("ride-svc",),) * 2),
    **dict.fromkeys(("{access}:accounts", "{access}:token:x", "{audit}:x"), (("gateway",),) * 2),
    **dict.fromkeys(("pools", "pool:{NL}:numbers", "number:{3}:31"), (("pool-svc",),) * 2),
    **dict.fromkeys(("status:{3}:x", "epoch:{3}"), (("notifier",),) * 2),
    **dict.fromkeys(("outbox:{3}", "lease:{3}", "waiting:{3}", "told:{3}:x", "letter:{3}:x", "sending:{3}", "parked:{3}",
                     "dead:{3}"), (("ride-svc", "notifier"),) * 2),
    "{erasures}:due": (("ride-svc",),) * 2,
    "{texts}:today": (("gateway", "notifier"), ("notifier",)),
    "route:{3}:31:x": (("ride-svc", "voice-svc"), ("ride-svc",)),
    "ride:{3}:x": (("ride-svc", "voice-svc", "notifier"), ("ride-svc", "notifier")),
    "timeline:{3}:x": (("ride-svc", "notifier"), ("ride-svc", "voice-svc", "notifier")),
    "{alerts}:due": (("pool-svc", "notifier"),) * 2,
    "somebody:else": ((), ()),
}
FORBIDDEN = (
    "CONFIG SET appendfsync no", "CONFIG REWRITE", "KEYS *", "SCAN 0", "RANDOMKEY", "FLUSHALL", "FLUSHDB", "SWAPDB 0 1",
    "SCRIPT FLUSH", "SCRIPT KILL", "FUNCTION FLUSH", "DEBUG SLEEP 0", "ACL WHOAMI", "ACL LIST", "ACL SETUSER x", "CLIENT LIST",
    "CLIENT KILL ID 1", "MONITOR", "SHUTDOWN NOSAVE", "SAVE", "BGSAVE", "BGREWRITEAOF", "REPLICAOF no one", "MODULE LIST",
    "SLOWLOG GET", "LATENCY LATEST", "PUBLISH a b", "SUBSCRIBE a", "MIGRATE h 1 k 0 1", "DUMP keys", "RENAME keys k",
    "OBJECT ENCODING keys", "MEMORY USAGE keys", "COPY keys k", "SORT keys")


@pytest.fixture(name="users", scope="module")
def the_users(deployment):
    """{service: Redis, signed in as that one}"""
    return {name: redis.Redis(unix_socket_path=str(deployment.redis_path), username=name,
                              password=(deployment.state / "redis-passwords" / name).read_text(encoding="ascii"))
            for name in SERVICES}


def allowed(client, *words):
    try:
        client.execute_command(*words)
        return True
    except redis.exceptions.NoPermissionError:
        return False
    except redis.exceptions.ResponseError as error:
        return not re.search(SAID_NO + "|executing the script|not allowed", str(error))


def test_no_port_and_a_private_socket(deployment):
    assert deployment.redis.config_get("port")["port"] == "0"
    pid = deployment.pids("redis")[0][1]
    sockets = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as tcp, open(f"/proc/{pid}/net/tcp6", encoding="ascii") as tcp6:
        lines = tcp.readlines()[1:] + tcp6.readlines()[1:]
    assert not [line for line in lines if f"socket:[{line.split()[9]}]" in sockets]
    assert deployment.redis_path.stat().st_mode & 0o777 == 0o700


def test_passwords_are_kept_well(deployment):
    folder = deployment.state / "redis-passwords"
    assert folder.stat().st_mode & 0o777 == 0o700
    words = {name: (folder / name).read_text(encoding="ascii") for name in SERVICES}
    assert all(re.fullmatch("[0-9a-f]{64}", word) for word in words.values()) and len(set(words.values())) == len(SERVICES)
    assert all((folder / name).stat().st_mode & 0o777 == 0o600 for name in SERVICES)
    told = (deployment.state / "redis-users").read_text(encoding="ascii")
    assert not [word for word in words.values() if word in told]


@pytest.mark.parametrize("service", SERVICES)
def test_keys_of_others(users, service):
    """By a command, and by a script, which may say what it likes of its keys."""
    client = users[service]
    for key, (readers, writers) in KEYS.items():
        both = service in readers and service in writers
        script = "return redis.call('{}', {})"
        assert allowed(client, "EVAL", "return 1", 1, key) == both, key
        assert allowed(client, "EVAL", script.format("GET", f"'{key}'"), 0) == (service in readers), key
        assert allowed(client, "EVAL", script.format("LTRIM", f"'{key}', 0, -1"), 0) \
            == (service in writers and service not in ("gateway",)), key
        assert allowed(client, "GET", key) == (service in readers), key
        assert allowed(client, "PEXPIRE", key, 10**12) == (service in writers), key


@pytest.mark.parametrize("service", SERVICES)
def test_commands_that_nobody_needs(users, service):
    for words in FORBIDDEN:
        # What was erased leaves the disk with the file's next rewrite.
        may = (service, words) == ("ride-svc", "BGREWRITEAOF")
        assert allowed(users[service], *words.split()) == may, words
    # In a script as well.
    assert not allowed(users[service], "EVAL", "return redis.call('FLUSHALL')", 0)
    assert allowed(users[service], "CONFIG", "GET", "appendfsync") and allowed(users[service], "INFO", "memory")


def test_who_is_signed_in(deployment):
    """Each daemon as itself, also after Redis was killed alone; nobody as the default user but us."""
    def who():
        found = {client["user"]: 0 for client in deployment.redis.client_list()}
        return set(found)
    wait_for(lambda: who() == {*SERVICES, "default"}, 5, "all of them")
    for client in deployment.redis.client_list():
        assert client["user"] != "default" or client["id"] == str(deployment.redis.client_id())
    os.kill(deployment.pids("redis")[0][1], 9)
    deployment.wait_ready()
    wait_for(lambda: who() == {*SERVICES, "default"}, 5, "all of them again")


def test_a_right_that_is_missing_is_told(deployment):
    """As with an ACL file that was printed before an upgrade. It goes on once it is mended."""
    deployment.redis.execute_command("ACL", "SETUSER", "ride-svc", "-zadd")
    try:
        answer = deployment.api.post("/api/v1/customers", {"name": "A", "phone": "+447700900777"})
        assert answer.status == 503
        told = wait_for(lambda: [line for line in deployment.log_lines() if b"redis.denied" in line], 5, "a word")[0]
        assert b"deploy/redis-users" in told and b"447700900777" not in told
    finally:
        deployment.redis.execute_command("ACL", "SETUSER", "ride-svc", "+zadd")
    assert deployment.api.post("/api/v1/customers", {"name": "A", "phone": "+447700900777"}).status == 201
    for path in deployment.state.glob("logs/ride-svc-*/current"):
        path.write_bytes(path.read_bytes().replace(b"redis.denied", b"seen").replace(b"NOPERM", b"seen"))


def test_a_password_that_is_wrong(deployment):
    """Nothing is asked as whoever the connection is without it."""
    deployment.redis.execute_command("ACL", "SETUSER", "voice-svc", "resetpass", ">another")
    deployment.redis.execute_command("CLIENT", "KILL", "USER", "voice-svc")
    wait_for(lambda: [line for line in deployment.log_lines() if b"redis.hello" in line], 5, "a word in the log")
    assert not [client for client in deployment.redis.client_list()
                if client["user"] == "default" and client["id"] != str(deployment.redis.client_id())
                and client["cmd"] not in ("auth", "NULL")]
    deployment.redis.execute_command("ACL", "LOAD")
    wait_for(lambda: "voice-svc" in {client["user"] for client in deployment.redis.client_list()}, 5, "the sign-in")


def test_lines_for_a_redis_of_ones_own(deployment):
    """Printed with the same passwords each time, and what Redis takes."""
    told = deployment.run("redis-users").stdout
    assert told == deployment.run("redis-users").stdout
    assert told.splitlines() == (deployment.state / "redis-users").read_text(encoding="ascii").splitlines()[1:]
    for line in told.splitlines():
        deployment.redis.execute_command("ACL", "SETUSER", *line.split()[1:])
    assert (DEPLOY / "redis-rights").exists()
