"""pool-svc: what a pool needs. What assigning saw of each day, what is held,
and when it will be too small."""
import pytest

from test_pool import HOUR, MINUTE, Pool

SERVICES = ["pool-svc"]
DAY = 24 * HOUR


@pytest.fixture(autouse=True)
def in_the_middle_of_a_day(redis):
    """So that no day begins during a test, unless it moves there."""
    redis.move(ms=(DAY // 2 - redis.now_ms()) % DAY)


def figures(scene, pool="default"):
    """The pool as POOL_STATS shows it, and its days."""
    got = scene.done("pool-svc", "POOL_STATS", name=pool)
    return got["pool"][0], [(d["need"], d["busiest"], d["refused"])
                            for d in got["days"]]


def seen_today(scene):
    return figures(scene)[1][-1]


def held(scene):
    return figures(scene)[0]["held"]


# ---- what assigning saw ----

def test_nothing_was_seen_yet(scene):
    scene.numbers(3)
    pool, days = figures(scene)
    assert days == []
    assert {k: pool[k] for k in ("numbers", "held", "busiest", "need",
                                 "refused", "short_in", "low_water",
                                 "low")} == {
        "numbers": 3, "held": 0, "busiest": 0, "need": 0, "refused": False,
        "short_in": -1, "low_water": -1, "low": False}
    assert scene.done("pool-svc", "POOL_LIST")["pools"] == [pool]
    assert scene.refused("pool-svc", "POOL_STATS",
                         name="nowhere") == ("not_found", "name")
    assert scene.refused("pool-svc", "POOL_STATS",
                         name="a b") == ("not_found", "name")


def test_the_peak_of_a_day(scene, redis):
    pool, now = Pool(scene, 9), redis.now_ms()
    claim, number = pool.take("a", "b", now + HOUR)
    assert seen_today(scene) == (1, 1, False)
    pool.take("a", "c", now + HOUR)
    assert seen_today(scene) == (2, 2, False)
    pool.take("b", "a", now + HOUR)
    assert seen_today(scene) == (4, 3, False)
    pool.hold(claim, number, "a", "b", 0, revision=2)
    pool.take("c", "d", now + HOUR)
    assert seen_today(scene) == (4, 3, False), "it is a peak"
    pool.ask("a", "b", claim)
    assert seen_today(scene) == (4, 3, False), "a repeat asks for nothing"


def test_what_is_only_remembered_is_not_needed(scene, redis):
    pool = Pool(scene, 9)
    for other in "bcd":
        pool.take("a", other, redis.now_ms() + HOUR)
    redis.move(days=1)
    pool.take("a", "b", redis.now_ms() + HOUR)
    assert figures(scene)[1] == [(3, 3, False), (1, 1, False)]


def test_for_good_is_held_for_ever(scene, redis):
    pool = Pool(scene, 9)
    pool.take("a", "b", -1)
    redis.move(days=400)
    pool.take("a", "c", redis.now_ms() + HOUR)
    assert figures(scene)[1] == [(2, 2, False)], "400 days ago is forgotten"


def test_a_refused_one_counts(scene, redis):
    pool, now = Pool(scene, 2), redis.now_ms()
    pool.take("a", "b", now + HOUR)
    pool.take("a", "b", now + HOUR)
    assert seen_today(scene) == (3, 2, False)
    assert pool.ask("a", "b")[0] is None
    assert seen_today(scene) == (5, 2, True)
    assert figures(scene)[0]["refused"]


def test_one_that_wants_a_certain_number(scene, redis):
    """It says nothing of the pool where it does not get it; and who has that
    number already needs no other."""
    pool, now = Pool(scene, 9), redis.now_ms()
    _, number = pool.take("a", "b", now + HOUR)
    assert pool.ask("a", "b", wanted=number)[0] is None
    assert seen_today(scene) == (1, 1, False)
    assert pool.ask("a", "c", wanted=number, spared="customer")[0]
    assert seen_today(scene) == (1, 1, False)


def test_days_are_kept_for_sixty_days(scene, redis):
    pool = Pool(scene, 3)
    for _ in range(70):
        pool.take("a", "b", redis.now_ms() + HOUR)
        redis.move(days=1)
    assert redis.client.hlen("pool:{default}:need") == 60
    assert len(figures(scene)[1]) == 29, "today has none yet"
    redis.move(days=61)
    assert not redis.client.exists("pool:{default}:need"), "nobody came"


# ---- held now ----

def test_held_now(scene, redis):
    pool, now = Pool(scene, 3), redis.now_ms()
    claim, got = pool.ask("a", "b")
    assert held(scene) == 1
    pool.hold(claim, got["number"], "a", "b", now + HOUR)
    pool.take("c", "d", now + 2 * HOUR)
    assert held(scene) == 2
    redis.move(hours=1, seconds=1)
    assert held(scene) == 1
    redis.move(hours=1)
    assert held(scene) == 0


def test_a_claim_that_lapses_holds_no_more(scene, redis):
    Pool(scene, 3).ask("a", "b")
    redis.move(minutes=2)
    assert held(scene) == 0


def test_a_number_is_held_until_the_last_of_its_rides_ends(scene, redis):
    pool, now = Pool(scene, 1), redis.now_ms()
    first = pool.take("a", "b", now + HOUR)
    second = pool.take("c", "d", now + 2 * HOUR)
    assert held(scene) == 1
    pool.hold(*second, "c", "d", 0, revision=2)
    assert held(scene) == 1
    pool.hold(*first, "a", "b", 0, revision=2)
    assert held(scene) == 0


def test_a_claim_that_is_given_back(scene, redis):
    pool, now = Pool(scene, 1), redis.now_ms()
    pool.take("c", "d", now + MINUTE)
    claim, got = pool.ask("a", "b")
    drop = {"pool": "default", "claim": claim, "number": got["number"],
            "customer": "a", "driver": "b"}
    scene.done("pool-svc", "CLAIM_DROP", **drop)
    assert held(scene) == 1
    redis.move(minutes=1)
    assert held(scene) == 0
    claim, got = pool.ask("a", "b")
    scene.done("pool-svc", "CLAIM_DROP", **{**drop, "claim": claim})
    assert held(scene) == 0


def test_held_by_a_store_older_than_that(scene, redis):
    """Numbers appear with their next use."""
    pool, now = Pool(scene, 2), redis.now_ms()
    claim, number = pool.take("a", "b", now + HOUR)
    redis.client.delete("pool:{default}:busy", "pool:{default}:need")
    assert held(scene) == 0 and figures(scene)[1] == []
    pool.hold(claim, number, "a", "b", now + 2 * HOUR, revision=2)
    assert held(scene) == 1


def test_for_good_does_not_keep_a_number_busy(scene, redis):
    pool, now = Pool(scene, 2), redis.now_ms()
    claim, got = pool.ask("a", "b")
    scene.done("pool-svc", "HOLD_SET", pool="default", claim=claim,
               number=got["number"], customer="a", driver="b", until=-1,
               grace=now + HOUR, revision=1)
    assert held(scene) == 1
    redis.move(hours=1, seconds=1)
    assert held(scene) == 0


# ---- the forecast ----

def test_short_in_days(scene, redis):
    """A pair rides once more each day, to the day's end: it needs two numbers
    more each day."""
    pool, said = Pool(scene, 22), []
    for rides in range(1, 9):
        said.append(figures(scene)[0]["short_in"])
        for _ in range(rides):
            pool.take("a", "b", redis.now_ms() + HOUR)
        redis.move(days=1)
    said.append(figures(scene)[0]["short_in"])
    assert said == 7 * [-1] + [4, 3]
    scene.numbers(100)
    assert figures(scene)[0]["short_in"] == 53
    for _ in range(23):
        pool.take("c", "d", redis.now_ms() + HOUR)
    assert figures(scene)[0]["short_in"] == 53, "today is not over"
