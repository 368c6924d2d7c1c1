"""pool-svc: pools and their prefixes, numbers, and which number may serve
which pair."""
import os
import random

import msgpack
import pytest

SERVICES = ["ride-svc", "pool-svc"]
MINUTE, HOUR = 60_000, 3_600_000
MEMORY = 32
STEPS = 20_000 if os.environ.get("BIRDCAR_LONG") else 1200


# ---- pools ----

def test_a_pool_is_added_once(scene):
    first = scene.pool("NL", "31", "+3197")
    assert first["name"] == "NL"
    assert scene.pool("NL", "31", "+3197") == first
    assert scene.refused("pool-svc", "POOL_ADD", name="NL",
                         prefixes=["32"]) == ("pool_exists", "name")
    listed = scene.done("pool-svc", "POOL_LIST")["pools"]
    assert [(p["name"], p["prefixes"], p["numbers"]) for p in listed] == [
        ("NL", ["31", "3197"], 0)]


@pytest.mark.parametrize("name, code", [
    ("", "missing"), ("a b", "invalid"), ("a/b", "invalid"),
    ("a{b}", "invalid"), ("a\0b", "invalid"), ("ü", "invalid"),
    ("x" * 33, "invalid")])
def test_bad_names(scene, name, code):
    assert scene.refused("pool-svc", "POOL_ADD", name=name) == (code, "name")
    assert scene.done("pool-svc", "POOL_LIST")["pools"] == []


@pytest.mark.parametrize("prefixes", [
    [""], ["031"], ["3 1"], ["31", "x"], ["1234567890123456"], ["3,1"],
    ["31"] * 101])
def test_bad_prefixes(scene, prefixes):
    assert scene.refused("pool-svc", "POOL_ADD", name="NL",
                         prefixes=prefixes) == ("invalid", "prefixes")


def test_a_prefix_belongs_to_one_pool(scene):
    scene.pool("NL", "31", "32")
    assert scene.refused("pool-svc", "POOL_ADD", name="BE",
                         prefixes=["32"]) == ("prefix_taken", "prefixes")
    scene.pool("BE", "321")


@pytest.mark.parametrize("phone, pool", [
    ("31612345678", "NL"), ("3197012345", "mobile"), ("14165550100", "TO"),
    ("14155550100", "default"), ("3", "default")])
def test_the_longest_prefix_chooses(scene, phone, pool):
    scene.pool("NL", "31")
    scene.pool("mobile", "3197", "3198")
    scene.pool("TO", "1416")
    scene.pool("default")
    assert scene.done("pool-svc", "POOL_CHOOSE", phone=phone)["pool"] == pool


def test_without_a_default_who_matches_nothing_has_no_pool(scene):
    scene.pool("NL", "31")
    assert scene.refused("pool-svc", "POOL_CHOOSE",
                         phone="4420")[0] == "no_number"


def test_whom_a_pool_serves_may_change(scene):
    scene.pool("NL", "31")
    scene.pool("BE", "32")
    edit = {"name": "NL", "reprefix": True}
    assert scene.refused("pool-svc", "POOL_EDIT", **edit, prefixes=["32"]) == (
        "prefix_taken", "prefixes")
    assert scene.refused("pool-svc", "POOL_EDIT", **edit, prefixes=["x"]) == (
        "invalid", "prefixes")
    assert scene.refused("pool-svc", "POOL_EDIT", name="DE", reprefix=True,
                         prefixes=["49"]) == ("not_found", "name")
    for _ in range(2):
        pool = scene.done("pool-svc", "POOL_EDIT", **edit,
                          prefixes=["31", "+352"])
        assert pool["prefixes"] == ["31", "352"]
    assert scene.done("pool-svc", "POOL_CHOOSE", phone="3521")["pool"] == "NL"
    scene.done("pool-svc", "POOL_EDIT", **edit, prefixes=[])
    assert scene.done("pool-svc", "POOL_CHOOSE", phone="1")["pool"] == "NL"


def test_a_pool_without_numbers_is_removed(scene, redis):
    scene.done("pool-svc", "POOL_ADD", name="A", capabilities=["sms"])
    phone = scene.number("A")
    assert scene.refused("pool-svc", "POOL_REMOVE", name="A") == (
        "pool_used", "name")
    scene.done("pool-svc", "NUMBER_REMOVE", phone=phone)
    scene.done("pool-svc", "POOL_REMOVE", name="A")
    assert scene.refused("pool-svc", "POOL_REMOVE", name="A")[0] == "not_found"
    assert scene.done("pool-svc", "POOL_LIST")["pools"] == []
    # One that was about to come finds it closed, and leaves nothing behind.
    redis.client.hset("pools", "A", "")
    assert scene.refused("pool-svc", "NUMBER_ADD", phone=phone, pool="A",
                         capabilities=["sms", "voice"]) == (
        "unknown_pool", "pool")
    assert not redis.client.keys("number:*") + redis.client.keys("phone:*")
    redis.client.hdel("pools", "A")
    # At once again, as another one, and for good.
    pool = scene.pool("A", "31")
    assert pool["capabilities"] == ["sms", "voice"]
    redis.move(minutes=2)
    assert scene.number("A")
    assert scene.done("pool-svc", "POOL_LIST")["pools"][0]["numbers"] == 1


def test_the_default_pool_comes_back(scene):
    phone = scene.number()
    scene.done("pool-svc", "NUMBER_REMOVE", phone=phone)
    scene.done("pool-svc", "POOL_REMOVE", name="default")
    assert scene.number() != phone
    assert [p["name"] for p in scene.done("pool-svc", "POOL_LIST")["pools"]
            ] == ["default"]


# ---- numbers ----

def test_a_number_is_in_one_pool(scene):
    scene.pool("A")
    scene.pool("B")
    number = scene.number("A")
    again = scene.done("pool-svc", "NUMBER_ADD", phone="+" + number, pool="A")
    assert (again["phone"], again["pool"]) == (number, "A")
    assert scene.refused("pool-svc", "NUMBER_ADD", phone=number,
                         pool="B") == ("number_elsewhere", "phone")
    assert scene.refused("pool-svc", "NUMBER_ADD",
                         phone=number)[0] == "number_elsewhere"


@pytest.mark.parametrize("phone, pool, code, field", [
    ("", "", "missing", "phone"), ("0612345678", "", "phone_national",
                                   "phone"),
    ("+31 6", "", "phone_invalid", "phone"),
    ("+447700900999", "nowhere", "unknown_pool", "pool")])
def test_bad_numbers(scene, phone, pool, code, field):
    assert scene.refused("pool-svc", "NUMBER_ADD", phone=phone,
                         pool=pool) == (code, field)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_the_list_pages_over_pools(scene, limit):
    expected = []
    for name, count in (("a", 3), ("b", 0), ("c", 1), ("d", 0), ("e", 2)):
        scene.pool(name, str(1 + ord(name)))
        expected += [(name, n) for n in sorted(scene.numbers(count, name))]
    seen, cursor, pages = [], "", 0
    while True:
        page = scene.done("pool-svc", "NUMBER_LIST", after=cursor,
                          limit=limit)
        seen += [(n["pool"], n["phone"]) for n in page["numbers"]]
        cursor = page["next"]
        pages += 1
        assert pages < 20
        if not cursor:
            break
    assert seen == expected


@pytest.mark.parametrize("limit", [0, 201])
def test_list_limits(scene, limit):
    assert scene.refused("pool-svc", "NUMBER_LIST",
                         limit=limit) == ("invalid", "limit")


# ---- a number's life ----

def number(scene, phone, **change):
    return scene.done("pool-svc", "NUMBER_EDIT" if change else "NUMBER_GET",
                      phone=phone, **change)


def test_what_is_told_of_a_number(scene):
    scene.pool("A")
    phone = scene.numbers(1, "A")[0]
    told = {"phone": phone, "pool": "A", "state": "active", "rides": 0,
            "label": "", "capabilities": ["sms", "voice"]}
    assert number(scene, phone) == told
    assert number(scene, "+" + phone, relabel=True, label="Ops") == {
        **told, "label": "Ops"}
    page = scene.done("pool-svc", "NUMBER_LIST", limit=1)
    assert page["numbers"] == [{**told, "label": "Ops"}]
    assert number(scene, phone, state="draining")["label"] == "Ops"
    assert number(scene, phone, relabel=True)["label"] == ""


@pytest.mark.parametrize("change, code, field", [
    ({"state": "gone"}, "invalid", "state"),
    ({"state": "set_aside"}, "invalid", "state"),
    ({"label": "x" * 101, "relabel": True}, "too_long", "label"),
    ({"label": "a\nb", "relabel": True}, "invalid", "label"),
    ({"pool": "none"}, "unknown_pool", "pool"),
    ({"pool": "a b"}, "unknown_pool", "pool")])
def test_changes_that_make_no_sense(scene, change, code, field):
    phone = scene.number()
    before = number(scene, phone)
    assert scene.refused("pool-svc", "NUMBER_EDIT", phone=phone,
                         **change) == (code, field)
    assert number(scene, phone) == before


@pytest.mark.parametrize("name", ["NUMBER_GET", "NUMBER_EDIT",
                                  "NUMBER_REMOVE"])
@pytest.mark.parametrize("phone", ["447700900999", "", "x", "0612345678"])
def test_a_number_that_is_nowhere(scene, name, phone):
    assert scene.refused("pool-svc", name, phone=phone) == (
        "not_found", "phone")


def test_one_that_drains_takes_no_new_rides(scene, redis):
    pool, now = Pool(scene, 2), redis.now_ms()
    claim, drained = pool.take("a", "b", now + HOUR)
    number(scene, drained, state="draining")
    other = next(n for n in pool.numbers if n != drained)
    assert pool.ask("c", "d")[1]["number"] == other
    assert pool.ask("c", "e")[0] is None
    told = number(scene, drained)
    assert (told["state"], told["rides"]) == ("draining", 1)
    pool.hold(claim, drained, "a", "b", now + 2 * HOUR, revision=2)
    assert scene.uses()[drained] == 1
    number(scene, drained, state="active")
    assert pool.ask("c", "e")[1]["number"] == drained


def test_it_comes_back_to_its_place_in_the_walk(scene):
    pool = Pool(scene, 3)
    first, second, third = (pool.ask(f"a{n}", f"b{n}")[1]["number"]
                            for n in range(3))
    for state in ("draining", "draining", "active", "active"):
        number(scene, second, state=state)
    assert [pool.ask(f"c{n}", f"d{n}")[1]["number"] for n in range(3)] == [
        first, second, third]


def test_it_is_removed_when_nobody_holds_it(scene, redis):
    pool, now = Pool(scene, 1), redis.now_ms()
    phone, = pool.numbers
    pool.take("a", "b", now + HOUR)
    number(scene, phone, state="draining")
    reply, problem = scene.ask("pool-svc", "NUMBER_REMOVE", phone=phone)
    assert (reply, problem["code"]) == ("PROBLEM", "number_held")
    assert problem["detail"] == now + HOUR
    assert number(scene, phone)["rides"] == 1
    redis.move(hours=1, seconds=1)
    scene.done("pool-svc", "NUMBER_REMOVE", phone=phone)
    assert scene.refused("pool-svc", "NUMBER_GET", phone=phone)[0] == \
        "not_found"
    assert scene.done("pool-svc", "NUMBER_LIST", limit=9)["numbers"] == []
    assert not [k for k in redis.client.keys("number:*") +
                redis.client.keys("phone:*")]


def test_what_is_kept_for_good_stays(scene):
    pool = Pool(scene, 1)
    scene.pool("other")
    claim, got = pool.ask("a", "b")
    pool.hold(claim, got["number"], "a", "b", -1)
    for name, more in (("NUMBER_REMOVE", {}),
                       ("NUMBER_EDIT", {"pool": "other"})):
        assert scene.refused("pool-svc", name, phone=got["number"],
                             **more) == ("number_held", "phone")
    assert number(scene, got["number"])["pool"] == "default"


def test_removed_it_may_be_anybodys_and_come_back(scene):
    phone = scene.number()
    assert scene.refused("ride-svc", "PERSON_ADD", key="k", role="customer",
                         name="x", phone=phone)[0] == "phone_in_use"
    scene.done("pool-svc", "NUMBER_REMOVE", phone=phone)
    scene.pool("A")
    added = scene.done("pool-svc", "NUMBER_ADD", phone=phone, pool="A",
                       label="again")
    assert (added["pool"], added["label"]) == ("A", "again")
    scene.done("pool-svc", "NUMBER_REMOVE", phone=phone)
    scene.customer(phone=phone)
    assert scene.refused("pool-svc", "NUMBER_ADD", phone=phone)[0] == \
        "phone_in_use"


def test_it_moves_when_nobody_holds_it(scene, redis):
    pool, now = Pool(scene, 1), redis.now_ms()
    phone, = pool.numbers
    scene.pool("B")
    pool.take("a", "b", now + HOUR)
    number(scene, phone, relabel=True, label="x", state="draining")
    assert scene.refused("pool-svc", "NUMBER_EDIT", phone=phone,
                         pool="B") == ("number_held", "phone")
    assert number(scene, phone)["pool"] == "default"
    redis.move(hours=1, seconds=1)
    for _ in range(2):
        moved = number(scene, phone, pool="B")
        assert (moved["pool"], moved["state"], moved["label"]) == (
            "B", "draining", "x")
    listed = scene.done("pool-svc", "NUMBER_LIST", limit=9)["numbers"]
    assert [(n["phone"], n["pool"]) for n in listed] == [(phone, "B")]
    number(scene, phone, state="active")
    assert Pool(scene, 0, "B").ask("a", "b")[1]["number"] == phone


def cut_move(redis, phone, done):
    """As a pool-svc leaves it that dies behind each of the steps to pool B."""
    own, = redis.client.keys("number:*")
    redis.client.hset(own, mapping={
        "to": "B", "luggage": "active\nsms,voice\nx"})
    if "leave" in done:
        redis.client.zrem("pool:{default}:numbers", phone)
        redis.client.zrem("pool:{default}:index", phone)
        redis.client.hdel("pool:{default}:about", phone)
    if "put" in done:
        redis.client.zadd("pool:{B}:index", {phone: 0})
        redis.client.zadd("pool:{B}:numbers", {phone: 0})
        redis.client.hset("pool:{B}:about", phone, msgpack.packb(
            ["active", "sms,voice", "x", 0]))


@pytest.mark.parametrize("asked", ["", "B", "C"])
@pytest.mark.parametrize("done", [(), ("leave",), ("leave", "put")])
def test_a_move_that_was_cut_goes_on(scene, redis, done, asked):
    phone = scene.number()
    scene.pool("B")
    scene.pool("C")
    number(scene, phone, relabel=True, label="x")
    cut_move(redis, phone, done)
    assert scene.refused("pool-svc", "NUMBER_ADD", phone=phone,
                         pool="C")[0] == "number_elsewhere"
    pool = asked or "B"
    moved = number(scene, phone, pool=asked)
    assert (moved["pool"], moved["label"]) == (pool, "x")
    listed = scene.done("pool-svc", "NUMBER_LIST", limit=9)["numbers"]
    assert [(n["phone"], n["pool"]) for n in listed] == [(phone, pool)]
    assert number(scene, phone)["pool"] == pool


@pytest.mark.parametrize("done", [(), ("leave",), ("leave", "put")])
def test_a_number_that_moves_is_not_removed(scene, redis, done):
    """Else it would serve rides in its new pool, and be anybody's phone."""
    phone = scene.number()
    scene.pool("B")
    cut_move(redis, phone, done)
    assert scene.refused("pool-svc", "NUMBER_REMOVE", phone=phone) == (
        "number_moving", "phone")
    assert scene.refused("ride-svc", "PERSON_ADD", key="k", role="customer",
                         name="x", phone=phone)[0] == "phone_in_use"
    assert number(scene, phone, pool="B")["pool"] == "B"
    scene.done("pool-svc", "NUMBER_REMOVE", phone=phone)
    assert scene.done("pool-svc", "NUMBER_LIST", limit=9)["numbers"] == []


# ---- what a number can ----

def test_a_number_joins_no_pool_that_asks_for_more(scene):
    scene.pool("talk")
    scene.done("pool-svc", "POOL_ADD", name="texts", capabilities=["sms"])
    for name, pool, code in (("447700900150", "talk", "lacks_capability"),
                             ("447700900150", "texts", None),
                             ("447700900151", "texts", None)):
        body = {"phone": name, "pool": pool, "capabilities": ["sms"]}
        if code:
            assert scene.refused("pool-svc", "NUMBER_ADD", **body) == (
                code, "capabilities")
        else:
            assert scene.done("pool-svc", "NUMBER_ADD",
                              **body)["capabilities"] == ["sms"]
    assert scene.refused("pool-svc", "NUMBER_EDIT", phone="447700900150",
                         pool="talk") == ("lacks_capability", "pool")
    assert number(scene, "447700900150")["pool"] == "texts"
    assert scene.refused("pool-svc", "NUMBER_ADD", phone="447700900152",
                         capabilities=["fax"]) == ("invalid", "capabilities")
    both = scene.done("pool-svc", "NUMBER_ADD", phone="447700900152",
                      pool="texts")
    assert both["capabilities"] == ["sms", "voice"]
    assert number(scene, "447700900152", pool="talk")["pool"] == "talk"


# ---- which number ----

class Pool:
    """The pool's questions, as ride-svc asks them."""

    def __init__(self, scene, numbers, name="default"):
        self.scene = scene
        self.name = name
        self.numbers = scene.numbers(numbers) if numbers else []
        self.count = 0

    def claim(self):
        self.count += 1
        return f"claim-{self.count}"

    def ask(self, a, b, claim=None, **more):
        claim = claim or self.claim()
        reply, got = self.scene.ask("pool-svc", "NUMBER_ASSIGN", **{
            "pool": self.name, "claim": claim, "customer": a, "driver": b,
            "ends": 0, "lasts": HOUR, **more})
        return (claim, got) if reply != "PROBLEM" else (None, got)

    def hold(self, claim, number, a, b, until, revision=1, **more):
        self.scene.done("pool-svc", "HOLD_SET", pool=self.name, claim=claim,
                        number=number, customer=a, driver=b, until=until,
                        revision=revision, **more)

    def take(self, a, b, until, **more):
        """Assigned and confirmed; (claim, number)."""
        claim, got = self.ask(a, b, **more)
        assert claim, got
        self.hold(claim, got["number"], a, b, until)
        return claim, got["number"]


def held_until(redis, pool, *people):
    return [redis.client.zscore(f"pool:{{default}}:held:{who}",
                                pool.numbers[0]) for who in people]


@pytest.mark.parametrize("times", [1, 2])
def test_a_claim_that_is_taken_over(scene, redis, times):
    """By who comes for the driver, while the ride has less left than a claim:
    the hold of both is the ride's, and the claim is gone."""
    pool, until = Pool(scene, 1), redis.now_ms() + MINUTE
    ride, number = pool.take("a", "b", until)
    claim, got = pool.ask("a", "c", wanted=number, renew=number,
                          spared="customer", ends=until)
    assert got["number"] == number
    for _ in range(times):
        pool.hold(ride, number, "a", "c", until, revision=2, takes_over=claim)
    assert held_until(redis, pool, "a", "c") == [until, until]
    assert scene.uses() == {number: 1}
    assert not redis.client.exists(f"pool:{{default}}:claim:{claim}")


@pytest.mark.parametrize("over", [True, False])
def test_a_claim_that_is_taken_over_late(scene, redis, over):
    """After what became of the ride since, which stands."""
    pool, until = Pool(scene, 1), redis.now_ms() + MINUTE
    ride, number = pool.take("a", "b", until)
    claim, _ = pool.ask("a", "c", wanted=number, renew=number,
                        spared="customer", ends=until)
    pool.hold(ride, number, "a", "c", 0 if over else until + 1, revision=3)
    pool.hold(ride, number, "a", "c", until, revision=2, takes_over=claim)
    until = redis.now_ms() if over else until + 1
    assert max(held_until(redis, pool, "a", "c")) <= until
    assert over or held_until(redis, pool, "a", "c") == [until, until]
    assert scene.uses() == {number: 0 if over else 1}


def test_an_empty_pool_has_no_number(scene):
    scene.pool("default")
    claim, problem = Pool(scene, 0).ask("a", "b")
    assert claim is None and problem["code"] == "no_number"
    assert problem["detail"] == 0


@pytest.mark.parametrize("more, code, field", [
    ({"claim": ""}, "invalid", "pool"), ({"pool": "a b"}, "invalid", "pool"),
    ({"driver": "a"}, "same_phone", "driver"),
    ({"wanted": "4477009", "spared": "x"}, "invalid", "spared")])
def test_questions_that_make_no_sense(scene, more, code, field):
    assert scene.refused("pool-svc", "NUMBER_ASSIGN", **{
        "pool": "default", "claim": "c", "customer": "a", "driver": "b",
        "ends": 0, "lasts": HOUR, **more}) == (code, field)


def test_no_number_says_when_the_next_comes_free(scene, redis):
    pool, now = Pool(scene, 2), redis.now_ms()
    pool.take("a", "b", now + 5 * HOUR)
    pool.take("a", "c", now + 3 * HOUR)
    claim, problem = pool.ask("a", "d")
    assert claim is None and problem["detail"] == now + 3 * HOUR
    redis.move(hours=3, seconds=1)
    assert pool.ask("a", "d")[0]


def test_the_same_claim_has_the_same_answer(scene):
    pool = Pool(scene, 3)
    claim, got = pool.ask("a", "b")
    assert pool.ask("a", "b", claim)[1] == got
    assert pool.ask("a", "b", claim, lasts=9 * HOUR)[1] == got


def test_a_claim_lapses_in_two_minutes(scene, redis):
    pool = Pool(scene, 1)
    claim, got = pool.ask("a", "b")
    assert 0 < got["until"] - redis.now_ms() <= 2 * MINUTE
    assert pool.ask("a", "c")[0] is None
    redis.move(minutes=2)
    lapsed = pool.ask("a", "b", claim)[1]
    assert lapsed["lapsed"] and lapsed["number"] == got["number"]
    renewed = pool.ask("a", "b", claim, renew=got["number"])[1]
    assert not renewed["lapsed"] and renewed["until"] > redis.now_ms()
    redis.move(minutes=2)
    assert pool.ask("a", "c")[0]


def test_a_refused_number_is_not_offered_again(scene):
    pool = Pool(scene, 3)
    claim, got = pool.ask("a", "b")
    seen = [got["number"]]
    for _ in range(2):
        got = pool.ask("a", "b", claim, refused=seen[-1])[1]
        seen.append(got["number"])
    assert sorted(seen) == sorted(pool.numbers)
    assert pool.ask("a", "b", claim, refused=seen[-1])[0] is None


def test_a_refused_number_is_not_offered_again_later(scene, redis):
    """The claim that held it lapsed, the route still refuses it."""
    pool = Pool(scene, 1)
    claim, got = pool.ask("a", "b")
    redis.move(minutes=2)
    assert pool.ask("a", "b", claim, refused=got["number"])[0] is None


def test_a_claim_on_what_was_refused_is_nobodys(scene, redis):
    """A repeat is a new request: its end is counted from then."""
    pool = Pool(scene, 1)
    claim, got = pool.ask("a", "b")
    number = got["number"]
    assert pool.ask("a", "b", claim, refused=number)[0] is None
    redis.move(minutes=2)
    later = pool.ask("a", "b", claim)[1]
    assert later["number"] == number and not later["lapsed"]
    assert later["ends"] - got["ends"] >= 2 * MINUTE


def test_a_wanted_number_or_none(scene, redis):
    pool, now = Pool(scene, 3), redis.now_ms()
    wanted = pool.numbers[2]
    _, got = pool.ask("a", "b", wanted=wanted)
    assert got["number"] == wanted
    claim, problem = pool.ask("a", "c", wanted=wanted)
    assert claim is None and problem["code"] == "no_number"
    assert now < problem["detail"] <= redis.now_ms() + 2 * MINUTE
    assert pool.ask("c", "d", wanted=wanted)[1]["number"] == wanted
    assert pool.ask("e", "f", wanted="4477009")[0] is None
    claim, got = pool.ask("g", "h", wanted=wanted)
    assert pool.ask("g", "h", claim, wanted=wanted, refused=wanted)[0] is None


def test_whose_own_hold_does_not_count(scene, redis):
    """The same number for one who has it already, and for another; what the
    one holds is no shorter for it."""
    pool, now = Pool(scene, 1), redis.now_ms()
    number = pool.take("a", "b", now + 5 * HOUR)[1]
    more = {"wanted": number, "spared": "customer"}
    assert pool.ask("a", "b", **more)[0] is None
    claim, got = pool.ask("a", "c", **more)
    assert got["number"] == number
    pool.hold(claim, number, "a", "c", now + HOUR)
    redis.move(hours=1, seconds=1)
    assert pool.ask("x", "c", wanted=number)[0]
    assert pool.ask("a", "x", wanted=number)[0] is None


def test_a_claim_is_given_back(scene):
    pool = Pool(scene, 1)
    claim, got = pool.ask("a", "b")
    drop = {"pool": "default", "claim": claim, "number": got["number"],
            "customer": "a", "driver": "b"}
    scene.done("pool-svc", "CLAIM_DROP", **drop)
    scene.done("pool-svc", "CLAIM_DROP", **drop)
    assert scene.uses() == {got["number"]: 0}
    assert pool.ask("a", "c")[0]


def test_a_confirmed_claim_is_not_given_back(scene, redis):
    pool = Pool(scene, 1)
    claim, number = pool.take("a", "b", redis.now_ms() + HOUR)
    scene.done("pool-svc", "CLAIM_DROP", pool="default", claim=claim,
               number=number, customer="a", driver="b")
    assert pool.ask("a", "c")[0] is None


def test_a_late_confirm_never_revives_a_hold(scene, redis):
    pool, now = Pool(scene, 1), redis.now_ms()
    claim, number = pool.take("a", "b", now + HOUR)
    pool.hold(claim, number, "a", "b", 0, revision=2)
    pool.hold(claim, number, "a", "b", now + HOUR, revision=1)
    assert scene.uses() == {number: 0}
    assert pool.ask("a", "b")[0]


def test_a_late_end_does_not_shorten_anothers_hold(scene, redis):
    pool, now = Pool(scene, 1), redis.now_ms()
    claim, number = pool.take("a", "b", now + HOUR)
    pool.hold(claim, number, "a", "b", 0, revision=2)
    pool.take("a", "c", now + 5 * HOUR)
    pool.hold(claim, number, "a", "b", 0, revision=2)
    assert scene.uses() == {number: 1}
    assert pool.ask("a", "d")[0] is None


def test_for_good(scene, redis):
    pool = Pool(scene, 2)
    _, first = pool.take("a", "b", -1)
    redis.move(days=4000)
    _, second = pool.take("a", "b", -1)
    assert first != second
    assert pool.ask("a", "b")[0] is None
    assert pool.ask("c", "d")[0], "others are not concerned"


def test_a_number_comes_back_only_after_the_others(scene, redis):
    """One pair rides again and again: each number once in `count` rides."""
    count = 12
    pool, seen = Pool(scene, count), []
    for _ in range(3 * count):
        seen.append(pool.take("a", "b", redis.now_ms() + MINUTE)[1])
        redis.move(minutes=2)
    for i in range(2 * count):
        assert len(set(seen[i:i + count])) == count


def test_the_number_that_ended_longest_ago_comes_first(scene, redis):
    """Both remember every number: assigned first is not ended first."""
    pool, now = Pool(scene, 3), redis.now_ms()
    taken = [pool.take("a", f"x{i}", now + ends * HOUR)[1]
             for i, ends in enumerate((3, 1, 2))]
    redis.move(hours=4)
    order = [pool.take("a", "b", redis.now_ms() + 9 * HOUR)[1]
             for _ in range(3)]
    assert order == [taken[1], taken[2], taken[0]]


def test_a_plus_b_minus_1_numbers_never_fail(scene, redis):
    """However rides come and go, while no customer has over A and no driver
    over B at a time."""
    A, B, random_ = 2, 4, random.Random(31)
    pool = Pool(scene, A + B - 1)
    people = {role: {f"{role}{i}": 0 for i in range(7)} for role in "cd"}
    live = []
    for step in range(2 * STEPS):
        free = {role: [p for p, n in people[role].items() if n < most]
                for role, most in (("c", A), ("d", B))}
        if free["c"] and free["d"] and random_.random() < 0.55:
            a, b = random_.choice(free["c"]), random_.choice(free["d"])
            live.append((*pool.take(a, b, redis.now_ms() + 999 * HOUR), a, b))
            people["c"][a] += 1
            people["d"][b] += 1
        elif live:
            claim, number, a, b = live.pop(random_.randrange(len(live)))
            pool.hold(claim, number, a, b, 0, revision=2)
            people["c"][a] -= 1
            people["d"][b] -= 1


class Model:
    """The rules of assigning, said once more and plainly."""

    def __init__(self, numbers):
        self.assigned = {n: (0, n) for n in numbers}
        self.people = {}
        self.order = 0

    def of(self, person):
        return self.people.setdefault(person, {})

    def choose(self, a, b, now):
        """The number, or when the next comes free (0: never)."""
        walk = sorted(self.assigned, key=self.assigned.get)
        known = {n: max(self.of(a).get(n, 0), self.of(b).get(n, 0))
                 for n in walk}
        fresh = [n for n in walk if known[n] == 0]
        lapsed = [n for n in walk if 0 < known[n] <= now]
        if fresh or lapsed:
            return fresh[0] if fresh else min(lapsed, key=known.get)
        return min(known.values()) if known else 0

    def took(self, number):
        self.order += 1
        self.assigned[number] = (self.order, number)

    def set(self, person, number, until, now):
        held = self.of(person)
        held[number] = until
        lapsed = sorted((n for n in held if held[n] <= now),
                        key=lambda n: (held[n], n))
        for n in lapsed[:max(0, len(lapsed) - MEMORY)]:
            del held[n]


@pytest.mark.parametrize("numbers, people, seed",
                         [(3, 3, 1), (9, 4, 2), (45, 3, 3), (120, 12, 4)])
def test_against_a_model(scene, redis, numbers, people, seed):
    random_, pool = random.Random(seed), Pool(scene, numbers)
    model, live = Model(pool.numbers), []
    for step in range(STEPS):
        redis.move(ms=random_.choice((7, 977, 61_001)))
        if live and random_.random() < 0.3:
            claim, number, a, b = live.pop(random_.randrange(len(live)))
            before = redis.now_ms()
            pool.hold(claim, number, a, b, 0, revision=2)
            for person in (a, b):
                at = model.of(person).get(number, 0)
                if not 0 < at <= before:  # else it is remembered from then
                    at = score_of(redis, person, number)
                    assert before <= at <= redis.now_ms()
                model.set(person, number, at, max(at, before))
                assert score_of(redis, person, number) == \
                    model.of(person).get(number)
            continue
        a, b = random_.sample([f"p{i}" for i in range(people)], 2)
        now = redis.now_ms()
        expected = model.choose(a, b, now)
        claim, got = pool.ask(a, b)
        if claim is None:
            assert got["detail"] == expected, f"step {step}"
            continue
        number = got["number"]
        assert number == expected, f"step {step}"
        model.took(number)
        for person in (a, b):
            model.set(person, number, got["until"], now)
        until = now + random_.randrange(MINUTE, 40 * MINUTE)
        pool.hold(claim, number, a, b, until)
        for person in (a, b):
            model.set(person, number, until, now)
        live = [l for l in live if not (l[1] == number and {a, b} & {*l[2:]})]
        live.append((claim, number, a, b))


def score_of(redis, person, number):
    return redis.client.zscore(f"pool:{{default}}:held:{person}", number)


# ---- many numbers ----

def imported(scene, *lines, dry=False):
    """{line: (fate, code, field)}, and the counts."""
    got = scene.done("pool-svc", "NUMBER_IMPORT", csv="\n".join(lines),
                     dry=dry)
    fates = [line.split("\t") for line in got["fates"].splitlines()]
    assert fates == sorted(fates, key=lambda fate: int(fate[0]))
    return ({int(line): (fate, code, field)
             for line, fate, _, code, field in fates},
            (got["added"], got["there"], got["refused"]))


LINES = ("phone,pool,label,capabilities", "+447700900150,NL,Desk,",
         "+447700900151,,,sms voice", "+447700900152,nowhere", "12",
         "0612345678", "+44 7700 900150", "+447700900153,NL,,sms",
         "+447700900154,,,fax", "+447700900001", "", '"+447700900155',
         "+447700900150,B", "+447700900156,texts,,sms")
FATES = {2: ("added", "", ""), 3: ("added", "", ""),
         4: ("refused", "unknown_pool", "pool"),
         5: ("refused", "phone_invalid", "phone"),
         6: ("refused", "phone_national", "phone"),
         7: ("refused", "repeated_line", "phone"),
         8: ("refused", "lacks_capability", "capabilities"),
         9: ("refused", "invalid", "capabilities"),
         10: ("refused", "phone_in_use", "phone"),
         12: ("refused", "malformed", "line"),
         13: ("refused", "repeated_line", "phone"),
         14: ("added", "", "")}


def test_each_line_has_a_fate_of_its_own(scene, redis):
    scene.pool("NL")
    scene.done("pool-svc", "POOL_ADD", name="texts", capabilities=["sms"])
    scene.customer(phone="447700900001")
    before = sorted(redis.client.keys("*"))
    for _ in range(2):
        assert imported(scene, *LINES, dry=True) == (FATES, (3, 0, 9))
    assert sorted(redis.client.keys("*")) == before, "a dry run wrote"
    assert imported(scene, *LINES) == (FATES, (3, 0, 9))
    assert number(scene, "447700900150")["label"] == "Desk"
    again = {n: ("there", "", "") if fate[0] == "added" else fate
             for n, fate in FATES.items()}
    for dry in (True, False):
        assert imported(scene, *LINES, dry=dry) == (again, (0, 3, 9))
    elsewhere = imported(scene, "+447700900151,NL", dry=True)[0]
    assert elsewhere == {1: ("refused", "number_elsewhere", "phone")}


def test_what_is_no_text_is_not_told_again(scene):
    got = scene.done("pool-svc", "NUMBER_IMPORT", csv='"1\t2"')
    assert got["fates"] == "1\trefused\t\tphone_invalid\tphone\n"


def test_thousands_at_once(scene):
    lines = [f"+4477009{n:05}" for n in range(3000)]
    fates, counts = imported(scene, *lines)
    assert counts == (3000, 0, 0) and len(fates) == 3000
    assert scene.done("pool-svc", "POOL_LIST")["pools"][0]["numbers"] == 3000


@pytest.mark.parametrize("csv, code", [
    ("", "missing"), ("\n\n", "missing"), ("phone,size\n1,2",
                                           "unknown_column"),
    ("1\n" * 10_001, "too_long")])
def test_a_list_that_cannot_be_read(scene, csv, code):
    assert scene.refused("pool-svc", "NUMBER_IMPORT", csv=csv) == (
        code, "csv")
