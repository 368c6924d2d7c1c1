"""Redis as it should not be: silent, gone, busy, full, read-only, emptied.
Meanwhile nothing is acknowledged; afterwards everything goes on by itself, in
seconds, and the log tells of it in few lines. One that would not keep what it
acknowledges is refused at the start."""
import re
import time

import pytest
import redis as redis_py

from bus import Silence
from poll import wait_for

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
CLUSTER = False  # a cluster follows nobody
SECONDS = 3
WITHIN = 5  # seconds to be back
NOT_NOW = {"store_away", "busy", "late"}
# Lines of a daemon that are no mere information, a second: each event at most
# one, and there are few.
LINES_A_SECOND = 6


class Pause:
    def begin(self, redis):
        redis.pause()

    def end(self, redis):
        redis.resume()


class Restart:
    def begin(self, redis):
        redis.kill()

    def end(self, redis):
        redis.start()


def refuses(redis, error, word=""):
    try:
        redis.client.ping()
    except error as said:
        return str(said).startswith(word)
    except redis_py.ConnectionError:
        pass  # not there yet
    return False


class Busy:
    """Somebody's script that runs and runs."""

    def begin(self, redis):
        redis.client.config_set("busy-reply-threshold", 50)
        self.connection = redis_py.Connection(port=redis.port)
        self.connection.send_command("EVAL", "while true do end", 0)
        wait_for(lambda: refuses(redis, redis_py.ResponseError, "BUSY"),
                 what="busy")

    def end(self, redis):
        redis.client.script_kill()
        self.connection.disconnect()


class Full:
    def begin(self, redis):
        redis.client.config_set("maxmemory", "100kb")

    def end(self, redis):
        redis.client.config_set("maxmemory", 0)


class ReadOnly:
    """A replica of one that is dead."""

    def begin(self, redis):
        redis.client.replicaof("127.0.0.1", 1)

    def end(self, redis):
        redis.client.replicaof("NO", "ONE")


class Loading:
    """A large one that comes back reads its file for a while."""
    KEYS = 3000
    SLOWLY = ("--key-load-delay", "2000",  # µs each
              "--loading-process-events-interval-bytes", "1024")

    def begin(self, redis):
        client = redis.client
        pipe = client.pipeline(transaction=False)
        for number in range(self.KEYS):
            pipe.set(f"load:{number}", "x" * 100)
        pipe.execute()
        client.bgrewriteaof()
        wait_for(lambda: not client.info("persistence")[
            "aof_rewrite_in_progress"], what="the file rewritten")
        redis.kill()
        redis.spawn(*self.SLOWLY)
        wait_for(lambda: refuses(redis, redis_py.BusyLoadingError),
                 what="loading")

    def end(self, redis):
        redis.client.config_set("key-load-delay", 0)
        redis.wait_up()


class Misconf:
    """Its disk does not take the snapshots that it is to make."""

    def begin(self, redis):
        self.folder = redis.folder / "dump.rdb"
        self.folder.mkdir()
        redis.client.config_set("save", "3600 1")
        redis.client.bgsave()
        wait_for(lambda: redis.client.info("persistence")[
            "rdb_last_bgsave_status"] == "err", what="a failed snapshot")

    def end(self, redis):
        redis.client.config_set("save", "")
        self.folder.rmdir()


FAULTS = [Pause, Restart, Busy, Full, ReadOnly, Loading, Misconf]


@pytest.fixture
def ride(scene, notifier, provider):
    scene.number()
    scene.ann, scene.dan = scene.customer(), scene.driver()
    ride = scene.ride(scene.ann, scene.dan)
    wait_for(lambda: len(provider.texts()) == 2, what="both notices")
    return ride


def fate(scene, text):
    """Of a text; None: it was not acknowledged."""
    try:
        name, body = scene.ask("ride-svc", "SMS_RECEIVED", **text)
    except Silence:
        return None
    if name != "PROBLEM":
        return body["fate"]
    assert body["code"] in NOT_NOW, body
    return None


def loud_lines(daemon):
    return re.findall(r"^\S+ (?:warn|error) .*$", daemon.log(), re.MULTILINE)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__.lower())
def test_it_heals(world, scene, redis, ride, provider, fault):
    texts = [scene.text_from(scene.ann.phone, ride["proxy"], text=f"{n}")
             for n in range(5)]
    assert fate(scene, texts[0]) == "forwarded"
    wait_for(lambda: "0" in provider.texts(scene.dan.phone), what="a text")
    before = {d: len(loud_lines(d)) for d in world.living()}
    fault = fault()
    fault.begin(redis)
    began, asked = time.monotonic(), 0
    while time.monotonic() - began < SECONDS:
        assert fate(scene, texts[1 + asked % 4]) is None, "acknowledged"
        asked += 1
    fault.end(redis)
    ended = time.monotonic()
    for text in texts[1:]:
        # A silent Redis carries out what it was asked, once it speaks again.
        assert wait_for(lambda t=text: fate(scene, t), WITHIN,
                        "an acknowledgement") in ("forwarded", "repeat")
    wait_for(lambda: sorted(provider.texts(scene.dan.phone)[1:]) ==
             list("01234"), WITHIN, "all texts, once")
    call = {"from": scene.ann.phone, "to": ride["proxy"]}
    flow = wait_for(lambda: (got := scene.ask("voice-svc", "CALL_RECEIVED",
                                              **call))[0] == "CALL_FLOW"
                    and got[1], WITHIN, "calls again")
    assert flow["destination"] == scene.dan.phone
    assert scene.ride(scene.customer(), scene.driver())
    took = time.monotonic() - began
    for daemon, count in before.items():
        lines = loud_lines(daemon)[count:]
        assert len(lines) <= LINES_A_SECOND * took + 5, "\n".join(lines)
    assert time.monotonic() - ended < 2 * WITHIN


def test_wiped(world, scene, redis, ride, provider):
    """Whoever does that loses rides and texts; not the service."""
    redis.client.flushall()
    redis.client.script_flush()
    texts = len(provider.texts())
    scene.number()
    ann, dan = scene.customer(), scene.driver()
    again = scene.ride(ann, dan)
    assert scene.text(ann.phone, again["proxy"], text="Again?") == "forwarded"
    wait_for(lambda: len(provider.texts()) == texts + 3, WITHIN,
             "notices and a text")
    assert provider.texts(dan.phone)[-1] == "Again?"
    assert scene.call(ann.phone, again["proxy"]) == dan.phone


# ---- at the start ----

UNSAFE = [("appendonly", "no", "yes"), ("appendfsync", "everysec", "always"),
          ("appendfsync", "no", "always"),
          ("maxmemory-policy", "allkeys-lru", "noeviction"),
          ("maxmemory-policy", "volatile-ttl", "noeviction")]


@pytest.fixture
def unsafe(world, redis):
    """Sets it so, for the length of a test."""
    changed = {}

    def set_so(setting, value):
        changed[setting] = redis.client.config_get(setting)[setting]
        redis.client.config_set(setting, value)

    yield set_so
    for setting, value in changed.items():
        redis.client.config_set(setting, value)


@pytest.mark.parametrize("setting, value, wanted", UNSAFE)
def test_an_unsafe_store_is_refused(world, unsafe, setting, value, wanted):
    unsafe(setting, value)
    daemon = world.start("ride-svc", "unsafe", ready=False)
    assert daemon.wait_dead() == 1
    line = daemon.log().splitlines()[-1]
    assert "redis.unsafe" in line
    assert f"setting={setting} is={value} wanted={wanted}" in line


@pytest.mark.parametrize("service", ["pool-svc", "voice-svc", "notifier"])
def test_every_daemon_refuses_it(world, unsafe, service):
    unsafe("appendfsync", "everysec")
    daemon = world.start(service, "unsafe", ready=False)
    assert daemon.wait_dead() == 1
    assert "setting=appendfsync" in daemon.log()
