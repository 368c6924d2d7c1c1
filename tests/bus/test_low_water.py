"""pool-svc: a pool that is low is told of, once, and so is its end."""
import json

import msgpack
import pytest

from poll import holds, wait_for
from test_need import figures, in_the_middle_of_a_day  # noqa: F401
from test_pool import HOUR, Pool

SERVICES = ["pool-svc", "pool-svc"]


def mark(scene, low_water, pool="default"):
    return scene.done("pool-svc", "POOL_EDIT", name=pool, remark=True,
                      low_water=low_water)


def alerts(redis):
    """All that were raised, in their order: (type, data)."""
    due = redis.client.zrange("{alerts}:due", 0, -1)
    raised = [redis.client.get(b"{alerts}:alert:" + i) for i in due]
    raised = [msgpack.unpackb(r) for r in raised if r]  # two days old: gone
    bodies = [json.loads(body) for _, body, *_ in
              sorted(raised, key=lambda r: r[2])]
    return [(b["type"], b["data"]) for b in bodies]


def wait_alerts(redis, *types):
    wait_for(lambda: [t for t, _ in alerts(redis)] == list(types),
             what=f"{types}")
    return alerts(redis)[-1][1]


def low(scene, pool="default"):
    return figures(scene, pool)[0]["low"]


# ---- the mark ----

def test_a_mark_is_set_and_taken_away(scene):
    scene.numbers(3)
    assert mark(scene, 2)["low_water"] == 2
    assert scene.done("pool-svc", "POOL_EDIT",
                      name="default")["low_water"] == 2
    got = mark(scene, -1)
    assert got == scene.done("pool-svc", "POOL_LIST")["pools"][0]
    assert got["low_water"] == -1 and got["numbers"] == 3


@pytest.mark.parametrize("body, code, field", [
    ({"name": "nowhere"}, "not_found", "name"),
    ({"name": "a/b"}, "not_found", "name"),
    ({"name": "default", "remark": True, "low_water": -2}, "invalid",
     "low_water"),
    ({"name": "default", "remark": True, "low_water": 100_001}, "invalid",
     "low_water")])
def test_marks_that_make_no_sense(scene, redis, body, code, field):
    scene.pool("default")
    assert scene.refused("pool-svc", "POOL_EDIT", **body) == (code, field)
    assert not redis.client.exists("pool:{default}:settings") or \
        not redis.client.hexists("pool:{default}:settings", "low_water")


# ---- low, and enough ----

def test_under_the_mark(scene, redis, world):
    pool, now = Pool(scene, 4), redis.now_ms()
    mark(scene, 2)
    pool.take("a", "b", now + HOUR)
    pool.take("a", "c", now + HOUR)
    assert not low(scene), "two are left over"
    pool.take("a", "d", now + HOUR)
    assert low(scene)
    assert wait_alerts(redis, "pool.low") == {
        "pool": "default", "numbers": 4, "peak_need": 3, "low_water": 2,
        "refused": False}
    pool.take("a", "e", now + HOUR)
    for daemon in world.living("pool-svc"):
        wait_for(lambda: 'pool="default"} 1' in stats(daemon, "pool_low"),
                 what="the metric")
        assert 'pool="default"} 4' in stats(daemon, "pool_numbers")
        wait_for(lambda: 'pool="default"} 4' in stats(daemon,
                                                      "pool_peak_need"),
                 what="the metric")
    assert len(alerts(redis)) == 1, "told once"
    scene.numbers(2)
    assert wait_alerts(redis, "pool.low", "pool.enough") == {
        "pool": "default", "numbers": 6, "peak_need": 4, "low_water": 2,
        "refused": False}
    assert not low(scene)
    assert redis.client.llen("pool:{default}:alerts") == 0


def stats(daemon, metric):
    return next((line for line in
                 daemon.bus.ask("STATS")[1]["text"].splitlines()
                 if line.startswith(f"birdcar_{metric}{{")), "")


def test_a_refused_ride_without_a_mark(scene, redis):
    pool, now = Pool(scene, 1), redis.now_ms()
    pool.take("a", "b", now + HOUR)
    assert not low(scene)
    assert pool.ask("a", "c")[0] is None
    assert wait_alerts(redis, "pool.low") == {
        "pool": "default", "numbers": 1, "peak_need": 2, "low_water": None,
        "refused": True}
    scene.number()
    wait_alerts(redis, "pool.low", "pool.enough")


def test_low_until_a_whole_day_was_enough(scene, redis):
    """A new day has seen nothing yet."""
    pool = Pool(scene, 2)
    mark(scene, 1)
    pool.take("a", "b", redis.now_ms() + HOUR)
    pool.take("a", "c", redis.now_ms() + HOUR)
    wait_alerts(redis, "pool.low")
    redis.move(days=1)
    assert low(scene)
    pool.take("a", "b", redis.now_ms() + HOUR)
    holds(lambda: low(scene) and len(alerts(redis)) == 1, 3)
    redis.move(days=1)
    assert not low(scene)
    wait_alerts(redis, "pool.enough")


def test_a_mark_that_is_taken_away(scene, redis):
    scene.numbers(2)
    assert mark(scene, 3)["low"]
    wait_alerts(redis, "pool.low")
    assert not mark(scene, -1)["low"]
    wait_alerts(redis, "pool.low", "pool.enough")


def test_what_was_raised_and_not_taken_off(scene, redis):
    """Whoever died in between is followed by one that raises it again."""
    scene.numbers(2)
    mark(scene, 3)
    wait_alerts(redis, "pool.low")
    wait_for(lambda: redis.client.llen("pool:{default}:alerts") == 0,
             what="taken off")
    first, = redis.client.zrange("{alerts}:due", 0, -1)
    again = msgpack.packb([first.decode(), "pool.low", redis.now_ms(),
                           "default", 2, 0, 3, False])
    redis.client.zrem("{alerts}:due", first)  # it was sent
    redis.client.rpush("pool:{default}:alerts", again)
    wait_for(lambda: redis.client.llen("pool:{default}:alerts") == 0,
             what="taken off")
    assert alerts(redis) == []


def test_pools_are_told_of_apart(scene, redis):
    for name, prefix in (("A", "31"), ("B", "32")):
        scene.pool(name, prefix)
        scene.number(name)
        mark(scene, 2, name)
    wait_for(lambda: len(alerts(redis)) == 2, what="two alerts")
    assert {data["pool"] for _, data in alerts(redis)} == {"A", "B"}


def test_a_low_pool_that_is_removed(scene, redis):
    """It leaves nothing behind; one of its name begins anew."""
    scene.pool("A", "31")
    mark(scene, 1, "A")
    wait_alerts(redis, "pool.low")
    wait_for(lambda: not redis.client.exists("pool:{A}:alerts"), what="told")
    scene.done("pool-svc", "POOL_REMOVE", name="A")
    redis.move(minutes=2)
    assert redis.client.keys("pool:{A}:*") == []
    scene.pool("A", "31")
    holds(lambda: len(alerts(redis)) == 1 and not low(scene, "A"), 2.5)
