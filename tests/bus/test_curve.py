"""Between machines: CURVE, and who is let in."""
import os
import subprocess
import time

import msgpack
import pytest
import zmq
from zmq.utils import z85

from bus import Bus, pack_header
from paths import BIN
from poll import wait_for
from scene import Scene
from world import World

SILENT_MS = 700


class Key:
    """A machine's key pair, as the daemons have it and as pyzmq does."""

    def __init__(self, folder, name):
        made = subprocess.run([BIN / "gateway", "--curve-key"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        self.path = folder / f"{name}.key"
        self.path.write_text(made)
        self.path.chmod(0o600)
        self.public = made.split("\n")[0].removeprefix("# public ")
        self.secret = made.split("\n")[1]

    def z85(self):
        return [z85.encode(bytes.fromhex(key))
                for key in (self.public, self.secret)]


class Machines:
    """A world whose daemons may be on different machines: each has a key."""

    def __init__(self, world):
        self.world = world
        self.keys = {name: Key(world.folder, name)
                     for name in ("one", "two", "stranger")}
        self.allowed = world.folder / "allowed"
        self.allow("one", "two")

    def allow(self, *names):
        new = self.allowed.with_suffix(".new")
        new.write_text("# of all machines\n\n" + "".join(
            f"{self.keys[name].public} {name}\n" for name in names))
        new.chmod(0o644)
        new.replace(self.allowed)

    def settings(self, name, listen="tcp://127.0.0.1:*"):
        return {"CURVE_KEY_FILE": str(self.keys[name].path),
                "CURVE_ALLOWED_FILE": str(self.allowed),
                "BUS_LISTEN": listen}

    def announced(self, service):
        """{instance: endpoint}, as the registry has it."""
        found = self.world.redis.client.hgetall(f"service:{service}")
        return {k.decode(): v.decode().split(" ", 2)[2]
                for k, v in found.items()}

    def endpoint(self, service):
        """(address, public key) of the one copy."""
        (text,) = self.announced(service).values()
        return text.split("#")


@pytest.fixture(scope="module")
def machines():
    world = World(cluster=False)
    world.redis.start()
    machines = Machines(world)
    world.start("pool-svc", "pool-1", **machines.settings("two"))
    world.start("ride-svc", "ride-1", **machines.settings("one", ""))
    world.wait_sees(world.daemons[1], "pool-svc")
    yield machines
    world.close(failed=False)


def client(address, server=None, key=None):
    """A Bus over tcp; `server`, `key`: its public key and our pair."""
    bus = Bus.__new__(Bus)
    Bus.__init__(bus, "inproc://nobody")
    bus.socket.close()
    bus.socket = zmq.Context.instance().socket(zmq.DEALER)
    bus.socket.setsockopt(zmq.LINGER, 0)
    if key is not None:
        bus.socket.curve_publickey, bus.socket.curve_secretkey = key
        bus.socket.curve_serverkey = z85.encode(bytes.fromhex(server))
    bus.socket.connect(address)
    return bus


def hears_nothing(bus):
    bus.send(pack_header("PING", 1), msgpack.packb({}))
    heard = bus.socket.poll(SILENT_MS)
    bus.close()
    return not heard


def test_over_tcp_from_one_daemon_to_another(machines):
    """A number is asked for by ride-svc, at pool-svc."""
    pool, ride = machines.world.daemons
    address, key = machines.endpoint("pool-svc")
    assert address.startswith("tcp://127.0.0.1:")
    assert key == machines.keys["two"].public
    assert ride.metric("bus_copies") == 1
    scene = Scene(machines.world)
    scene.number()
    asked = pool.metric("bus_requests_total")
    name, body = ride.bus.ask(
        "RIDE_CREATE", scene.request(scene.customer(), scene.driver()))
    assert name == "RIDE", body
    assert pool.metric("bus_requests_total") > asked


def test_who_is_let_in(machines):
    address, key = machines.endpoint("pool-svc")
    bus = client(address, key, machines.keys["one"].z85())
    assert bus.ask("PING")[0] == "PONG"
    bus.close()


@pytest.mark.parametrize("server, own, event", [
    ("two", "stranger", "bus.stranger"),
    ("stranger", "one", "bus.handshake"),
    (None, None, "bus.handshake")],
    ids=["a key that is not on the list", "another server key", "no key"])
def test_who_is_not(machines, server, own, event):
    pool = machines.world.daemons[0]
    time.sleep(1.1)  # a line a second at most
    before = pool.log().count(event)
    address, _ = machines.endpoint("pool-svc")
    key = server and machines.keys[server].public
    assert hears_nothing(client(address, key,
                                own and machines.keys[own].z85()))
    wait_for(lambda: pool.log().count(event) > before, what=event)
    # They try again and again: a line a second, no more.
    lines = pool.log().count(event)
    assert lines - before <= 3
    assert pool.alive()


def test_a_list_that_changes(machines):
    """Without a restart; a broken one changes nothing."""
    address, key = machines.endpoint("pool-svc")
    machines.allow("one", "two", "stranger")
    bus = client(address, key, machines.keys["stranger"].z85())
    assert bus.ask("PING")[0] == "PONG"
    bus.close()
    machines.allow("one", "two")
    assert hears_nothing(client(address, key,
                                machines.keys["stranger"].z85()))
    machines.allowed.write_text("nonsense\n")
    bus = client(address, key, machines.keys["one"].z85())
    assert bus.ask("PING")[0] == "PONG"
    bus.close()
    machines.allow("one", "two")


class Stranger:
    """A server that plays pool-svc, on any address, with a key or without."""

    def __init__(self, address, key=None):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        if key is not None:
            self.socket.curve_server = True
            self.socket.curve_publickey, self.socket.curve_secretkey = key
        self.socket.bind(address)
        self.endpoint = self.socket.getsockopt(zmq.LAST_ENDPOINT) \
            .rstrip(b"\0").decode()

    def was_asked(self, ms=1500):
        return self.socket.poll(ms) != 0

    def close(self):
        self.socket.close()


def forge(machines, instance, endpoint):
    now = machines.world.redis.now_ms()
    machines.world.redis.client.hset("service:pool-svc", instance,
                                     f"{now + 60000} live {endpoint}")


@pytest.mark.parametrize("instance", ["pool-1", "pool-9"],
                         ids=["in another's name", "a new name"])
@pytest.mark.parametrize("kind", ["plain", "its own key", "another's key",
                                  "ipc", "inproc"])
def test_a_forged_entry_of_the_registry(machines, instance, kind, tmp_path):
    """Nobody is asked there, and who was known goes on being asked."""
    ride = machines.world.daemons[1]
    stranger, key = machines.keys["stranger"], None
    address = "tcp://127.0.0.1:*"
    if kind == "ipc":  # in a folder that others may open
        tmp_path.chmod(0o755)
        address = f"ipc://{tmp_path}/sock"
    if kind not in ("plain", "ipc", "inproc"):
        key = stranger.z85()
    fake = Stranger(address, key)
    endpoint = {"plain": fake.endpoint, "ipc": fake.endpoint,
                "inproc": "inproc://monitor-0",
                "its own key": f"{fake.endpoint}#{stranger.public}",
                "another's key": fake.endpoint + "#"
                                 + machines.keys["two"].public}[kind]
    honest = machines.announced("pool-svc").get("pool-1")
    before = ride.log().count("bus.untrusted")
    dropped = ride.log().count("bus.set_aside")
    try:
        until = time.monotonic() + 2.5
        asked = False
        while time.monotonic() < until and not asked:
            forge(machines, instance, endpoint)  # its owner writes it, too
            asked = fake.was_asked(50)
        assert not asked
        if kind == "another's key":
            wait_for(lambda: "bus.handshake" in ride.log(), what="a word")
        else:
            assert ride.log().count("bus.untrusted") > before
            assert ride.log().count("bus.set_aside") == dropped
    finally:
        fake.close()
        machines.world.redis.client.hdel("service:pool-svc", instance)
    wait_for(lambda: machines.announced("pool-svc") == {"pool-1": honest},
             what="the honest entry")
    wait_for(lambda: ride.metric("bus_copies") == 1, what="pool-svc usable")


def test_a_service_without_curve_asks_nobody_else(machines):
    """One that has no key passes over who is on another machine."""
    world = machines.world
    alone = world.start("ride-svc", "alone")
    wait_for(lambda: "bus.untrusted" in alone.log(), what="a word")
    assert alone.metric("bus_copies") == 0
    alone.stop()


@pytest.mark.parametrize("change, word", [
    ({"CURVE_KEY_FILE": ""}, "unencrypted TCP is refused"),
    ({"CURVE_KEY_FILE": "", "CURVE_ALLOWED_FILE": ""},
     "unencrypted TCP is refused"),
    ({"CURVE_KEY_FILE": "", "BUS_LISTEN": ""}, "CURVE_KEY_FILE"),
    ({"CURVE_ALLOWED_FILE": "", "BUS_LISTEN": ""}, "CURVE_ALLOWED_FILE"),
    ({"BUS_LISTEN": "tcp://0.0.0.0:*"}, "BUS_LISTEN: must name"),
    ({"BUS_LISTEN": "tcp://*:5555"}, "BUS_LISTEN: must name"),
    ({"BUS_LISTEN": "10.0.0.1:5555"}, "BUS_LISTEN: must be tcp"),
    ({"BUS_LISTEN": "ipc:///tmp/x"}, "BUS_LISTEN: must be tcp"),
    ({"BUS_LISTEN": "tcp://192.0.2.1:5555"}, "check=BUS_LISTEN"),
    ({"CURVE_KEY_FILE": "/nowhere"}, "CURVE_KEY_FILE: No such file")])
def test_settings_that_do_not_fit(machines, change, word):
    daemon = machines.world.start(
        "voice-svc", "refused", ready=False,
        **{**machines.settings("one"), **change})
    assert daemon.wait_dead() == 1
    assert word in daemon.log(), daemon.log()


@pytest.mark.parametrize("of, text, mode, word", [
    ("CURVE_KEY_FILE", None, 0o644, "open to others"),
    ("CURVE_KEY_FILE", "# nothing\n", 0o600, "must hold one secret key"),
    ("CURVE_KEY_FILE", "ab" * 31 + "\n", 0o600, "must hold one secret key"),
    ("CURVE_KEY_FILE", ("ab" * 32 + "\n") * 2, 0o600, "must hold one"),
    ("CURVE_ALLOWED_FILE", None, 0o666, "others may write it"),
    ("CURVE_ALLOWED_FILE", "ab" * 31, 0o644, "does not begin with a public"),
    ("CURVE_ALLOWED_FILE", ("ab" * 32 + "\n") * 300, 0o644, "too many keys")])
def test_files_that_do_not_fit(machines, tmp_path, of, text, mode, word):
    settings = machines.settings("one")
    path = tmp_path / "file"
    with open(settings[of], encoding="ascii") as file:
        path.write_text(file.read() if text is None else text)
    path.chmod(mode)
    daemon = machines.world.start("voice-svc", "refused", ready=False,
                                  **{**settings, of: str(path)})
    assert daemon.wait_dead() == 1
    assert f"{of}: " in daemon.log() and word in daemon.log(), daemon.log()
    assert "abab" not in daemon.log()


def test_a_folder_that_others_may_open(machines, tmp_path):
    tmp_path.chmod(0o750)
    daemon = machines.world.start("voice-svc", "refused", ready=False,
                                  RUN_DIR=str(tmp_path))
    assert daemon.wait_dead() == 1
    assert "RUN_DIR: must be a folder of this user with mode 0700" \
        in daemon.log()
    assert os.listdir(tmp_path) == []
