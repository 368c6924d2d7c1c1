"""Alerts: from the queue to the operator's URL, signed, at least once."""
import json

import msgpack
import pytest

from poll import holds, wait_for
from receiver import SECRET, Receiver

SERVICES = ["pool-svc"]
BODY = json.dumps({"type": "number.set_aside", "data": {"pool": "NL"}})


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()
    assert receiver.faults == []


@pytest.fixture
def notify(world, receiver):
    """Starts a notifier that knows the receiver; all are killed at the end."""
    started = []

    def start(name="notifier-1", **more):
        settings = {"ALERT_URL": receiver.url, "ALERT_SECRET": SECRET, **more}
        started.append(world.start("notifier", name, **settings))
        return started[-1]

    yield start
    for daemon in started:
        daemon.stop(at_once=True)


def queue(redis, *ids, raised=None):
    """As alert_queue.lua does."""
    now = redis.now_ms()
    for i in ids:
        redis.client.set(f"{{alerts}}:alert:{i}", msgpack.packb(
            ["number.set_aside", BODY, raised or now, 0]), ex=172800)
        redis.client.zadd("{alerts}:due", {i: now})


def due(redis):
    return {i.decode(): int(at) for i, at in
            redis.client.zrange("{alerts}:due", 0, -1, withscores=True)}


def wait_sent(receiver, *ids, seconds=10):
    wait_for(lambda: sorted(receiver.ids()) == sorted(ids), seconds,
             f"posts of {ids}")


def test_from_the_pool_to_the_operator(scene, redis, receiver, notify):
    notify()
    scene.numbers(2)
    before = redis.now_ms()
    scene.done("pool-svc", "POOL_EDIT", name="default", remark=True,
               low_water=3)
    wait_for(receiver.ids, what="the alert")
    body, = receiver.bodies()
    assert body.pop("timestamp") >= stamp(before)
    assert body == {"type": "pool.low", "data": {
        "pool": "default", "numbers": 2, "peak_need": 0, "low_water": 3,
        "refused": False}}
    assert receiver.path == "/alerts/?of=us"
    assert receiver.headers["Content-Type"] == "application/json"
    assert receiver.headers["User-Agent"] == "birdcar"
    wait_for(lambda: due(redis) == {}, what="the end of it")
    scene.number()
    wait_for(lambda: len(receiver.ids()) == 2, what="its end")
    assert receiver.bodies()[1]["type"] == "pool.enough"
    assert len(set(receiver.ids())) == 2


def test_a_number_set_aside_is_told_once(scene, receiver, notify):
    notify()
    phone = scene.number()
    for _ in range(3):
        scene.done("pool-svc", "NUMBER_SET_ASIDE", phone=phone)
    wait_for(receiver.ids, what="the alert")
    holds(lambda: len(receiver.ids()) == 1, 1, "one alert")
    body, = receiver.bodies()
    assert body["type"] == "number.set_aside"
    assert body["data"] == {"number": "+" + phone, "pool": "default"}


def test_what_nobody_fetches_does_not_stay(scene, redis):
    phone = scene.number()
    scene.done("pool-svc", "NUMBER_SET_ASIDE", phone=phone)
    assert len(due(redis)) == 1
    redis.move(hours=49)
    assert not redis.client.keys("{alerts}*")


def stamp(ms):
    import datetime
    return datetime.datetime.fromtimestamp(
        ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_until_it_is_taken_under_the_same_id(redis, receiver, notify):
    notifier = notify()
    receiver.statuses = [500, 302, 404]
    queue(redis, "a_1")
    for _ in range(3):
        count = len(receiver.ids())
        wait_for(lambda: len(receiver.ids()) > count, what="an attempt")
        wait_for(lambda: notifier.metric("alert_failures_total") == count + 1,
                 what="its end")
        pause = due(redis)["a_1"] - redis.now_ms()
        assert 2 ** count * 1000 - 500 <= pause <= 2 ** count * 2000
        redis.move(seconds=20)
    wait_sent(receiver, *4 * ["a_1"])
    wait_for(lambda: due(redis) == {}, what="the end of it")
    assert {body for _, body in receiver.posts} == {BODY.encode()}
    assert notifier.metric("alerts_sent_total") == 1
    redis.move(minutes=5)
    holds(lambda: len(receiver.ids()) == 4, 2)


def test_one_that_is_never_taken_is_given_up(redis, receiver, notify):
    notifier = notify()
    receiver.statuses = 999 * [503]
    queue(redis, "a_1")
    wait_for(lambda: notifier.metric("alert_failures_total") >= 1,
             what="an attempt")
    redis.move(hours=23, minutes=59)
    wait_for(lambda: notifier.metric("alert_failures_total") >= 2,
             what="an attempt")
    assert due(redis)
    redis.move(minutes=20)
    wait_for(lambda: due(redis) == {}, what="the end of it")
    assert notifier.metric("alerts_dead_total") == 1
    assert "alert.dead" in notifier.log() and "a_1" in notifier.log()


def test_nobody_listens(redis, receiver, notify):
    receiver.stop()
    notifier = notify()
    queue(redis, "a_1")
    wait_for(lambda: notifier.metric("alert_failures_total") >= 1,
             what="an attempt")
    assert due(redis)["a_1"] > redis.now_ms() - 1000


def test_many_notifiers_send_each_once(redis, receiver, notify):
    for n in range(3):
        notify(f"notifier-{n + 1}")
    receiver.hold = 1.5
    ids = [f"a_{n}" for n in range(20)]
    queue(redis, *ids)
    wait_for(lambda: due(redis) == {}, 20, "the end of all")
    assert sorted(receiver.ids()) == sorted(ids)


def test_one_that_dies_meanwhile(redis, receiver, notify):
    """Nobody knows whether it was taken: it is sent again, once the claim of
    the dead one is over."""
    dying = notify("notifier-1")
    receiver.hold = 2
    queue(redis, "a_1")
    wait_for(receiver.ids, what="an attempt")
    dying.kill()
    receiver.hold = 0
    notify("notifier-2")
    holds(lambda: receiver.ids() == ["a_1"], 2)
    redis.move(seconds=30)
    wait_sent(receiver, "a_1", "a_1")
    wait_for(lambda: due(redis) == {}, what="the end of it")


def test_without_a_url_they_wait_for_a_day(world, redis, receiver, notify):
    notifier = notify("without", ALERT_URL="")
    queue(redis, "a_1")
    holds(lambda: due(redis), 2)
    redis.move(days=1)
    wait_for(lambda: due(redis) == {}, what="the end of it")
    assert "alert.dead" not in notifier.log()
    assert receiver.ids() == []


def test_the_secret_of_a_file(world, redis, receiver, notify):
    path = world.folder / "alert-secret"
    path.touch(mode=0o600)
    path.write_text(SECRET + "\n")
    notify(ALERT_SECRET="", ALERT_SECRET_FILE=str(path))
    queue(redis, "a_1")
    wait_sent(receiver, "a_1")


@pytest.mark.parametrize("settings, said", [
    ({"ALERT_URL": "ftp://x"}, "ALERT_URL: must begin with"),
    ({"ALERT_URL": "http://x/ y"}, "ALERT_URL: must begin with"),
    ({"ALERT_SECRET": ""}, "ALERT_SECRET: is needed"),
    ({"ALERT_SECRET": "whsec_AAAA"}, "ALERT_SECRET: must be whsec_"),
    ({"ALERT_SECRET": "", "ALERT_SECRET_FILE": "/nowhere"},
     "ALERT_SECRET_FILE: No such file"),
])
def test_settings_that_are_refused(world, receiver, settings, said):
    daemon = world.start("notifier", "refused", ready=False, **{
        "ALERT_URL": receiver.url, "ALERT_SECRET": SECRET, **settings})
    assert daemon.wait_dead() == 1
    assert said in daemon.log()
    assert "AAAA" not in daemon.log()
