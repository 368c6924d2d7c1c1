"""ride-svc: a pool's rides of the last 30 days, played again with another
grace and cool-down."""
import pytest

from poll import wait_for
from scene import HOUR, MINUTE

SERVICES = ["pool-svc", "ride-svc"]
DAY = 24 * HOUR
AS_SET = -2


def replay(scene, pool="default", grace=AS_SET, cooldown=AS_SET, key=None):
    return scene.done("ride-svc", "POOL_REPLAY", pool=pool, grace=grace,
                      cooldown=cooldown, key=key or next(scene.keys))


def result(scene, job):
    """When it is over; it only ever comes nearer."""
    seen = []

    def over():
        seen.append(scene.done("ride-svc", "JOB_GET", id=job["id"]))
        return seen[-1]["state"] != "running"
    wait_for(over, 60, "the end of the replay")
    percents = [s["percent"] for s in seen]
    assert percents == sorted(percents)
    assert seen[-1]["state"] == "done" and percents[-1] == 100
    return tuple(seen[-1][k] for k in ("rides", "numbers", "as_was",
                                       "busiest"))


def test_another_grace_and_cool_down(scene, redis):
    """A driver rides every 12 hours, for one hour: with two days behind each
    its number is held through four rides more."""
    scene.pool("default")
    scene.pool("US", "1")
    scene.numbers(12)
    scene.numbers(3, "US")
    driver = scene.driver()
    redis.move(days=40)
    stranger = scene.customer(phone="14155550100")
    for _ in range(8):
        scene.ride(scene.customer(), driver, ends=redis.now_ms() + HOUR)
        redis.move(hours=12)
    scene.ride(stranger, driver, ends=redis.now_ms() + HOUR)
    assert result(scene, replay(scene)) == (8, 5, 5, 5)
    assert result(scene, replay(scene, cooldown=0)) == (8, 3, 5, 3)
    assert result(scene, replay(scene, cooldown=0, grace=0)) == (8, 1, 5, 1)
    assert result(scene, replay(scene, cooldown=0, grace=12 * HOUR)) == \
        (8, 2, 5, 2)
    assert result(scene, replay(scene, cooldown=-1)) == (8, 8, 5, 8)
    assert result(scene, replay(scene, pool="US")) == (1, 1, 1, 1)


def test_in_the_order_in_which_they_were_made(scene, redis):
    """Through whatever number: none is held while the next one is made."""
    scene.numbers(12)
    pair = scene.customer(), scene.driver()
    for _ in range(9):
        scene.ride(*pair, ends=redis.now_ms() + 4 * MINUTE)
        redis.move(minutes=5)
    assert result(scene, replay(scene, cooldown=0, grace=0)) == (9, 1, 17, 1)


def test_only_the_last_thirty_days(scene, redis):
    scene.numbers(12)
    scene.ride(scene.customer(), scene.driver(), ends=redis.now_ms() + HOUR)
    redis.move(days=20)
    scene.ride(scene.customer(), scene.driver(), ends=redis.now_ms() + HOUR)
    assert result(scene, replay(scene))[0] == 2
    redis.move(days=11)
    assert result(scene, replay(scene))[0] == 1


def test_many_rides_in_one_hour(scene, redis):
    """More than a piece takes of one partition: it is taken in halves."""
    scene.number()
    pairs = [(scene.customer(), scene.driver()) for _ in range(130)]
    asked = [("RIDE_CREATE", scene.request(*pair, ends=redis.now_ms() + HOUR))
             for pair in pairs]
    for name, body in scene.daemon("ride-svc").bus.ask_all(asked):
        assert name == "RIDE", body
    assert result(scene, replay(scene)) == (130, 1, 1, 1)


def test_the_same_key_is_the_same_job(scene):
    scene.numbers(1)
    job = replay(scene, key="k", cooldown=0)
    result(scene, job)
    again = replay(scene, key="k", cooldown=0)
    assert (again["id"], again["state"]) == (job["id"], "done")
    scene.pool("NL", "31")
    for other in ({"grace": 0}, {"cooldown": 1}, {"pool": "NL"}):
        assert scene.refused("ride-svc", "POOL_REPLAY", **{
            "pool": "default", "grace": AS_SET, "cooldown": 0, "key": "k",
            **other}) == ("key_reused", "Idempotency-Key")


def test_one_at_a_time(scene):
    scene.numbers(1)
    job = replay(scene)
    assert scene.refused("ride-svc", "POOL_REPLAY", pool="default", grace=0,
                         cooldown=0, key="other")[0] == "busy"
    result(scene, job)
    result(scene, replay(scene, key="other"))


@pytest.mark.parametrize("body, code, field", [
    ({"pool": "nowhere"}, "not_found", "name"),
    ({"grace": -1}, "invalid", "grace_hours"),
    ({"grace": 8785 * HOUR}, "invalid", "grace_hours"),
    ({"cooldown": -3}, "invalid", "cooldown_hours"),
    ({"key": ""}, "missing", "key")])
def test_what_makes_no_sense(scene, body, code, field):
    scene.pool("default")
    assert scene.refused("ride-svc", "POOL_REPLAY", **{
        "pool": "default", "grace": 0, "cooldown": 0, "key": "k",
        **body})[0] == code


@pytest.mark.parametrize("job", ["", "x", "a" * 22, "{" * 22])
def test_no_such_job(scene, job):
    assert scene.refused("ride-svc", "JOB_GET", id=job) == ("not_found", "id")


def test_nobody_works_at_it_any_more(scene, redis, world):
    """Whoever did was killed: it does not run for ever."""
    scene.numbers(1)
    job = replay(scene)
    world.start("ride-svc", "ride-svc-1")
    world.wait_sees(world.living("ride-svc")[0], "pool-svc")
    assert scene.done("ride-svc", "JOB_GET",
                      id=job["id"])["state"] == "running"
    redis.move(minutes=2)
    assert scene.done("ride-svc", "JOB_GET", id=job["id"])["state"] == "failed"
