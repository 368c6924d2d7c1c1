"""The rules of a ride's life, of its number and of where texts and calls go,
against a plain model of them: many small worlds, at random, by seed."""
import os

import pytest

from figures import record
from simulation import Simulation
from world import World

LONG = bool(os.environ.get("BIRDCAR_LONG"))
STEPS = 10_000_000 if LONG else 200_000
FORGETFUL_STEPS = 500_000 if LONG else 20_000


@pytest.fixture
def world(request):
    failed_before = request.session.testsfailed
    world = World()
    try:
        yield world
    finally:
        world.close(request.session.testsfailed > failed_before)


def check_variety(counts):
    """It was no dull life: whatever can come out came out."""
    for outcome in (
            ("RIDE_CREATE", "made"), ("RIDE_CREATE", "again"),
            ("RIDE_CREATE", "no_number"), ("RIDE_CREATE", "key_reused"),
            ("RIDE_CREATE", "same_phone"), ("RIDE_CREATE", "in_the_past"),
            ("RIDE_END", "done"), ("RIDE_EXTEND", "done"),
            ("RIDE_EXTEND", "ride_over"), ("RIDE_EXTEND", "invalid"),
            ("RIDE_GET", "done"), ("RIDE_GET", "not_found"),
            ("SMS_RECEIVED", "forwarded"), ("SMS_RECEIVED", "old"),
            ("SMS_RECEIVED", "closed"), ("SMS_RECEIVED", "told"),
            ("SMS_RECEIVED", "stranger"),
            ("SMS_RECEIVED", "repeat"), ("CALL_RECEIVED", "connected"),
            ("CALL_RECEIVED", "closed"), ("CALL_RECEIVED", "unknown")):
        assert counts[outcome] >= 20, f"{outcome}: {counts[outcome]}"


def test_rules(seed, world):
    simulation = Simulation(world, seed).start()
    simulation.run(STEPS)
    check_variety(simulation.counts)
    report("the rules against a plain model", simulation)


def test_routes_keep_rides_apart_where_the_pool_forgot_its_holds(seed, world):
    simulation = Simulation(world, seed, forgetful=True).start()
    simulation.run(FORGETFUL_STEPS)
    refused = sum(daemon.metric("routes_taken_total")
                  for daemon in world.living("ride-svc"))
    assert refused > 20, "nothing was forgotten that mattered"
    report("the same, the pool losing its holds", simulation)


def report(what, simulation):
    counts = simulation.counts
    record(what, f"{simulation.steps:,} steps", seed=simulation.seed,
           texts=sum(n for (name, _), n in counts.items()
                     if name == "SMS_RECEIVED"),
           misrouted=0, rides=counts["RIDE_CREATE", "made"],
           no_number=counts["RIDE_CREATE", "no_number"])
