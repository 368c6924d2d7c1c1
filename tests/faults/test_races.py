"""Several copies of each service, and clients that create and end rides of the
same few people on a small pool, all at once: whatever the interleaving, it has
to be one that the rules allow."""
import os
import threading
from bisect import bisect, insort
from collections import defaultdict

import pytest

from invariants import Store, settle
from racers import NOT_YET, Racer
from figures import record
from scene import Scene
from world import World

LONG = bool(os.environ.get("BIRDCAR_LONG"))
CREATES = 100_000 if LONG else 10_000
FORGETFUL_CREATES = 40_000 if LONG else 4_000
RACERS, NUMBERS, PEOPLE = 8, 7, 6
AT_ONCE = {"GRACE_HOURS": "0", "COOLDOWN_HOURS": "0", "LOG_LEVEL": "error"}


@pytest.fixture
def scene(request):
    """Three copies of ride-svc, two of pool-svc; a number is free at once."""
    failed_before = request.session.testsfailed
    world = World()
    try:
        world.redis.start()
        for _ in range(2):
            world.start("pool-svc", LOG_LEVEL="error")
        for _ in range(3):
            world.wait_sees(world.start("ride-svc", **AT_ONCE), "pool-svc")
        yield Scene(world)
    finally:
        world.close(request.session.testsfailed > failed_before)


def race(scene, seed, count, **more):
    """All that was asked and answered."""
    scene.numbers(NUMBERS)
    customers = [scene.customer() for _ in range(PEOPLE)]
    drivers = [scene.driver() for _ in range(PEOPLE)]
    racers = [Racer(f"racer-{n}", seed, scene.world.living("ride-svc"),
                    customers, drivers, count // RACERS, **more)
              for n in range(RACERS)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    for racer in racers:
        if racer.error:
            raise racer.error
        assert racer.problems <= {("RIDE_EXTEND", "ride_over"),
                                  ("RIDE_EXTEND", "invalid")}
    return [create for racer in racers for create in racer.creates]


def made(creates):
    return [create for create in creates if create.rides]


# ---- what must hold of any interleaving ----

def check_one_ride_a_key(creates):
    rides = [create.ride["id"] for create in made(creates)]
    assert len(set(rides)) == len(rides), "two keys led to one ride"
    for create in made(creates):
        assert len({(r["id"], r["proxy"]) for r in create.rides}) == 1, \
            f"{create.key} led to two rides"


def check_no_number_twice(creates):
    """Two rides of a person that certainly were live at the same moment have
    two numbers."""
    places = defaultdict(list)
    for create in made(creates):
        for person in create.parties:
            places[person, create.ride["proxy"]].append(create)
    for there in places.values():
        last = None
        for create in sorted(there, key=lambda c: c.answered):
            assert last is None or create.answered >= last.end_asked, \
                f"{last.key} and {create.key} share {create.ride['proxy']}"
            if last is None or create.end_asked > last.end_asked:
                last = create


class Holds:
    """When each person may have held each number: from before its ride was
    asked for until after its end was answered."""

    def __init__(self, creates):
        self.places = defaultdict(list)
        self.numbers = set()
        self.longest = 0
        for create in made(creates):
            number = create.ride["proxy"]
            self.numbers.add(number)
            for person in create.parties:
                insort(self.places[person, number],
                       (create.asked, create.end_answered))
            self.longest = max(self.longest,
                               create.end_answered - create.asked)

    def within(self, number, parties, begin, end):
        """The parts of that time in which one of the two may have held it."""
        for person in parties:
            there = self.places[person, number]
            first = bisect(there, (begin - self.longest,))
            for asked, ended in there[first:bisect(there, (end,))]:
                if ended >= begin:
                    yield max(asked, begin), min(ended, end)

    def all_may_be_held(self, parties, begin, end):
        """At one moment of that time."""
        left = [(begin, end)]
        for number in self.numbers:
            held = list(self.within(number, parties, begin, end))
            left = [(max(a, c), min(b, d)) for a, b in left
                    for c, d in held if max(a, c) <= min(b, d)]
        return bool(left)


def check_refusals(creates):
    """A number may be refused only where every one may have been held by one
    of the two, at one moment while the request was under way."""
    holds, refused = Holds(creates), 0
    assert len(holds.numbers) == NUMBERS
    for create in creates:
        for asked, answered in create.refused:
            refused += 1
            assert holds.all_may_be_held(create.parties, asked, answered), \
                f"{create.key} was refused a number, and one was free"
    return refused


def check_texts(scene, creates):
    """All were written while their ride was live, to the millisecond: they
    went to its other party or to nobody; and there, where the ride certainly
    stood all the while."""
    sent = {}
    for entry in scene.outbox():
        assert (entry["ride"], entry["text"]) not in sent
        sent[entry["ride"], entry["text"]] = entry
    texts = 0
    for create in made(creates):
        assert not create.texts or create.ride["created"] < create.ends
        texts += len(create.texts)
        for text in create.texts:
            entry = sent.pop((create.ride["id"], text.id), None)
            assert (text.fate == "forwarded") == bool(entry), text.id
            if entry:
                other = next(p for p in create.parties if p != text.sender)
                assert (entry["to"], entry["proxy"]) == (
                    other, create.ride["proxy"])
            elif text.answered < create.end_asked:
                raise AssertionError(f"{text.id} reached nobody")
    notices = sorted((e["ride"], e["to"]) for e in sent.values()
                     if e["kind"] == "n")
    assert len(notices) == len(sent), "a text went to a ride of others"
    assert notices == sorted((create.ride["id"], person)
                             for create in made(creates)
                             for person in create.parties)
    return texts


def check_all_is_free(scene):
    store = settle(scene)
    assert all(ride["closed"] <= store.now for ride in store.rides.values())
    for pattern in ("pool:*:held:*", "pool:*:uses:*"):
        for key in scene.redis.client.keys(pattern):
            held = scene.redis.client.zcount(key, f"({store.now}", "+inf")
            assert held == 0, "a hold without a ride"
    assert set(scene.uses().values()) == {0}


def routes_taken(scene):
    return sum(daemon.metric("routes_taken_total")
               for daemon in scene.world.living("ride-svc"))


# ---- the races ----

def test_creates_and_ends_of_the_same_few_people(scene, seed):
    creates = race(scene, seed, CREATES)
    assert {p for c in creates for p in c.problems} <= {"no_number"}
    check_one_ride_a_key(creates)
    check_no_number_twice(creates)
    refused = check_refusals(creates)
    texts = check_texts(scene, creates)
    assert refused > CREATES / 50 and len(made(creates)) > CREATES / 5
    assert routes_taken(scene) == 0, "the pool gave a number twice"
    check_all_is_free(scene)
    record("creates and ends at 3 copies, 8 clients, 12 people, 7 numbers",
           f"{len(creates):,} creates", seed=seed, texts=texts, misrouted=0,
           given_twice=0, refused=refused, refused_wrongly=0)


def forget(scene, done):
    """The pool's part of the store is lost, again and again."""
    client = scene.redis.client
    while not done.wait(0.05):
        keys = [key for what in ("held", "uses", "claim")
                for key in client.keys(f"pool:*:{what}:*")]
        if keys:
            client.delete(*keys)


def test_a_pool_that_forgets_gives_no_number_twice(scene, seed):
    """The routes alone keep rides apart. (A claim that is lost makes a
    repeated create another: none is repeated.)"""
    done = threading.Event()
    forgetting = threading.Thread(target=forget, args=(scene, done))
    forgetting.start()
    try:
        creates = race(scene, seed, FORGETFUL_CREATES, again=0)
    finally:
        done.set()
        forgetting.join()
    assert {p for c in creates for p in c.problems} <= {"no_number", "busy"}
    check_one_ride_a_key(creates)
    check_no_number_twice(creates)
    check_texts(scene, creates)
    assert all(create.end_answered < NOT_YET for create in made(creates))
    assert routes_taken(scene) > 20, "nothing was forgotten that mattered"
    Store(scene.redis).check_routes()
    record("the same, the pool losing its holds", f"{len(creates):,} creates",
           seed=seed, misrouted=0, given_twice=0)
