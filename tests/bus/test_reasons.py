"""Why this number: what the pool's walk would choose, what it would pass over,
and that asking changes nothing."""
import random

import msgpack
import pytest

from test_pool import Pool

SERVICES = ["pool-svc", "ride-svc"]
MINUTE, HOUR = 60_000, 3_600_000
NOBODY = "17-" + "x" * 22


@pytest.fixture
def pool(scene):
    return Pool(scene, 4)


def reasons(pool, a="a", b="b", limit=200):
    got = pool.scene.done("pool-svc", "NUMBER_WHY", pool=pool.name, customer=a,
                          driver=b, limit=limit)
    return got, unpacked(got)


def unpacked(got):
    """[(number, verdict, until)]"""
    listed = [msgpack.unpackb(item) if isinstance(item, bytes) else item
              for item in got["numbers"]]
    return [(n["number"], n["verdict"], n["until"]) for n in listed]


class Stored:
    """All keys as they are, but for those that end in a moment, and what the
    daemons write by themselves."""

    def __init__(self, redis):
        self.client = redis.client
        self.keys = self._keys()
        self.dumps = {key: self._dump(key) for key in self.keys
                      if not 0 <= self.client.pttl(key) < 10_000}

    def _keys(self):
        return {key for key in self.client.keys("*")
                if not key.startswith((b"service:", b"lease:", b"duties:",
                                       b"{alerts}:"))
                and not key.endswith((b":low", b":busy", b":alerts"))}

    def _dump(self, key):
        """What it holds, and until when."""
        return (self.client.dump(key),
                self.client.execute_command("PEXPIRETIME", key))

    def stands(self):
        return self._keys() <= self.keys and self.dumps == {
            key: self._dump(key) for key in self.dumps}


def state(scene, number, state):
    scene.done("pool-svc", "NUMBER_EDIT", phone=number, state=state)


def drain(scene, number):
    state(scene, number, "draining")


# ---- the pool's answer ----

def test_a_new_pair_gets_the_first(pool):
    got, listed = reasons(pool)
    assert got["number"] == pool.numbers[0]
    assert listed == [(pool.numbers[0], "chosen", 0)]
    assert (got["more"], got["left_out"], got["next_free"]) == (3, 0, 0)


@pytest.mark.parametrize("a, b, verdict", [
    ("a", "x", "held_by_customer"), ("x", "b", "held_by_driver"),
    ("a", "b", "held_by_both")])
def test_who_holds_it(pool, redis, a, b, verdict):
    until = redis.now_ms() + 5 * HOUR
    number = pool.take(a, b, until, wanted=pool.numbers[0])[1]
    # A number that was given is the last to be looked at.
    for other in pool.numbers[1:]:
        pool.take("x", "y" + other, until + HOUR, wanted=other)
    got, listed = reasons(pool)
    assert listed[1] == (number, verdict, until)
    assert got["number"] == listed[0][0] == pool.numbers[1]


def test_held_for_good(pool, redis):
    taken = [pool.take("a", f"x{i}", -1)[1] for i in range(4)]
    got, listed = reasons(pool)
    assert (got["number"], got["next_free"]) == ("", 0)
    assert listed == [(n, "held_by_customer", -1) for n in taken]


def test_none_is_free_before(pool, redis):
    now = redis.now_ms()
    taken = [pool.take("a", f"x{i}", now + (5 - i) * HOUR)[1]
             for i in range(4)]
    got, listed = reasons(pool)
    assert (got["number"], got["next_free"]) == ("", now + 2 * HOUR)
    assert listed == [(n, "held_by_customer", now + (5 - i) * HOUR)
                      for i, n in enumerate(taken)]
    assert (got["more"], got["left_out"]) == (0, 0)


def test_remembered(pool, redis):
    """All are: the one of longest ago is chosen, and says since when."""
    now = redis.now_ms()
    ends = [now + (3 if i == 1 else 5 + i) * MINUTE for i in range(4)]
    taken = [pool.take("a" if i % 2 else "b", f"x{i}", ends[i])[1]
             for i in range(4)]
    redis.move(hours=1)
    got, listed = reasons(pool)
    assert got["number"] == taken[1]
    assert listed == [(taken[1], "chosen", ends[1])] + [
        (taken[i], "remembered", ends[i]) for i in (0, 2, 3)]


def test_draining(pool, redis):
    until = redis.now_ms() + HOUR
    held = pool.take("a", "b", until)[1]
    drain(pool.scene, held)
    drain(pool.scene, pool.numbers[2])
    got, listed = reasons(pool)
    assert listed == [(pool.numbers[1], "chosen", 0),
                      (held, "draining", until),
                      (pool.numbers[2], "draining", 0)]
    assert (got["more"], got["left_out"]) == (1, 0)
    redis.move(hours=2)
    for number in pool.numbers:
        drain(pool.scene, number)
    got, listed = reasons(pool)
    assert got["number"] == ""
    assert listed == [(n, "draining", 0) for n in sorted(pool.numbers)]


def test_set_aside(pool, redis):
    """By a state that nobody sets by hand."""
    number = pool.numbers[1]
    drain(pool.scene, number)
    about = redis.client.hget("pool:{default}:about", number)
    redis.client.hset("pool:{default}:about", number, msgpack.packb(
        ["set_aside", *msgpack.unpackb(about)[1:]]))
    assert reasons(pool)[1][1:] == [(number, "set_aside", 0)]


def test_an_empty_pool(scene):
    scene.pool("default")
    got, listed = reasons(Pool(scene, 0))
    assert (got["number"], got["next_free"], listed) == ("", 0, [])


@pytest.mark.parametrize("body, code", [
    ({"pool": "nowhere"}, ("unknown_pool", "pool")),
    ({"pool": "a b"}, ("unknown_pool", "pool")),
    ({"driver": "a"}, ("same_phone", "driver")),
    ({"customer": ""}, ("same_phone", "driver")),
    ({"limit": 0}, ("invalid", "limit")),
    ({"limit": 201}, ("invalid", "limit"))])
def test_questions_that_make_no_sense(pool, body, code):
    assert pool.scene.refused("pool-svc", "NUMBER_WHY", **{
        "pool": "default", "customer": "a", "driver": "b", "limit": 200,
        **body}) == code


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
def test_it_looks_at_no_more_than_it_must(scene, redis, limit):
    """And says no more than it is asked for: the one that it chooses always."""
    pool, until = Pool(scene, 40), redis.now_ms() + HOUR
    for i, number in enumerate(pool.numbers[:7]):
        pool.take("a" if i % 2 else "b", f"x{i}", until, wanted=number)
        # Given, it would be looked at last.
        redis.client.zadd("pool:{default}:numbers", {number: i - 10})
    drain(pool.scene, pool.numbers[39])
    got, listed = reasons(pool, limit=limit)
    assert got["number"] == listed[0][0] == pool.numbers[7]
    assert len(listed) == min(limit, 9)
    assert got["left_out"] == 9 - len(listed)
    assert got["more"] == 40 - 8 - 1


@pytest.mark.parametrize("numbers, people, seed",
                         [(3, 3, 1), (9, 4, 2), (30, 6, 3)])
def test_it_says_what_is_then_given(scene, redis, numbers, people, seed):
    """In whatever state: the same number, or none until the same time. What
    it was asked stands as it stood."""
    random_, pool = random.Random(seed), Pool(scene, numbers)
    live = []
    for step in range(250):
        redis.move(ms=random_.choice((7, 977, 61_001)))
        if live and random_.random() < 0.3:
            claim, number, a, b = live.pop(random_.randrange(len(live)))
            pool.hold(claim, number, a, b, 0, revision=2)
        if random_.random() < 0.05:
            drain(pool.scene, random_.choice(pool.numbers))
        if random_.random() < 0.05:
            state(scene, random_.choice(pool.numbers), "active")
        a, b = random_.sample([f"p{i}" for i in range(people)], 2)
        before = Stored(redis) if step % 10 == 0 else None
        said, listed = reasons(pool, a, b)
        assert before is None or before.stands()
        claim, got = pool.ask(a, b)
        if any(said["now"] <= until <= redis.now_ms() for _, _, until in listed):
            if claim:
                pool.hold(claim, got["number"], a, b, 0, revision=2)
            continue  # it lapsed between the two
        if claim is None:
            assert (said["number"], said["next_free"]) == ("", got["detail"])
            continue
        assert said["number"] == got["number"], f"step {step}"
        verdicts = dict((n, v) for n, v, _ in listed)
        assert verdicts.pop(got["number"]) == "chosen"
        assert "chosen" not in verdicts.values()
        until = redis.now_ms() + random_.randrange(MINUTE, 40 * MINUTE)
        pool.hold(claim, got["number"], a, b, until)
        live.append((claim, got["number"], a, b))


# ---- for people and rides ----

def test_a_pair_that_is_considered(scene, redis):
    scene.numbers(3)
    a, b, c = scene.customer(), scene.driver(), scene.driver()
    first = scene.ride(a, b)
    before = Stored(redis)
    for _ in range(3):
        got = scene.done("ride-svc", "RIDE_WHY", customer=a.id, driver=c.id)
    assert before.stands()
    assert (got["id"], got["proxy"], got["pool"]) == ("", "", "default")
    assert (got["customer"], got["customer_name"]) == (a.id, a.name)
    assert (got["driver"], got["driver_name"]) == (c.id, c.name)
    assert a.phone[:-2] not in str(got) and c.phone[:-2] not in str(got)
    assert 0 <= redis.now_ms() - got["now"] < 5000
    second = scene.ride(a, c)
    assert second["proxy"] == got["number"] != first["proxy"]


def test_a_ride_that_exists(scene):
    numbers = scene.numbers(2)
    a, b = scene.customer(), scene.driver()
    ride = scene.ride(a, b)
    other = scene.ride(a, scene.driver())
    got = scene.done("ride-svc", "RIDE_WHY", id=ride["id"])
    assert (got["id"], got["proxy"], got["number"]) == (
        ride["id"], ride["proxy"], "")
    assert [n[:2] for n in unpacked(got)] == [
        (ride["proxy"], "held_by_both"), (other["proxy"], "held_by_customer")]
    assert sorted(n[0] for n in unpacked(got)) == sorted(numbers)


def test_another_pool_may_be_named(scene):
    scene.pool("NL", "31")
    scene.pool("default")
    scene.number("default")
    there = scene.number("NL")
    pair = {"customer": scene.customer().id, "driver": scene.driver().id}
    got = scene.done("ride-svc", "RIDE_WHY", **pair, pool="NL")
    assert (got["pool"], got["number"]) == ("NL", there)
    assert scene.refused("ride-svc", "RIDE_WHY", **pair,
                         pool="BE") == ("unknown_pool", "pool")


def test_nobody_serves_the_customer(scene):
    scene.pool("NL", "31")
    got = scene.done("ride-svc", "RIDE_WHY", customer=scene.customer().id,
                     driver=scene.driver().id)
    assert (got["pool"], got["number"], got["numbers"]) == ("", "", [])


@pytest.mark.parametrize("body, code", [
    ({"id": "x"}, ("not_found", "id")), ({"id": NOBODY}, ("not_found", "id")),
    ({"customer": 9, "driver": 1}, ("unknown_person", "customer")),
    ({"customer": 1, "driver": 9}, ("unknown_person", "driver")),
    ({"customer": 1, "driver": 1}, ("same_phone", "driver")),
    ({}, ("unknown_person", "customer"))])
def test_of_whom(scene, body, code):
    scene.numbers(1)
    phone = scene.customer().phone
    scene.driver(phone=phone)
    assert scene.refused("ride-svc", "RIDE_WHY", **body) == code
