"""The rules of a ride's life, of its number and of where texts and calls go,
against a plain model of them: many small worlds, at random, by seed."""
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from figures import record
from simulation import Simulation
from world import World

LONG = bool(os.environ.get("BIRDCAR_LONG"))
STEPS = 10_000_000 if LONG else 200_000
FORGETFUL_STEPS = 500_000 if LONG else 20_000
SIDE_BY_SIDE = 2 if LONG else 1  # each step waits for one daemon or another


def live(seed, steps, **more):
    """One simulation, with a Redis and daemons of its own; how many steps, how
    often each outcome, and how many routes were found taken."""
    world, failed = World(), True
    try:
        simulation = Simulation(world, seed, **more).start()
        simulation.run(steps)
        failed = False
        taken = sum(daemon.metric("routes_taken_total")
                    for daemon in world.living("ride-svc"))
        return simulation.steps, simulation.counts, taken
    finally:
        world.close(failed)


def check_variety(counts):
    """It was no dull life: whatever can come out came out."""
    for outcome in (
            ("RIDE_CREATE", "made"), ("RIDE_CREATE", "again"),
            ("RIDE_CREATE", "no_number"), ("RIDE_CREATE", "key_reused"),
            ("RIDE_CREATE", "same_phone"), ("RIDE_CREATE", "in_the_past"),
            ("RIDE_END", "done"), ("RIDE_EXTEND", "done"),
            ("RIDE_EXTEND", "ride_over"), ("RIDE_EXTEND", "invalid"),
            ("RIDE_CANCEL", "done"), ("RIDE_REOPEN", "done"),
            ("RIDE_REOPEN", "ride_over"), ("RIDE_REOPEN", "ride_live"),
            ("RIDE_REOPEN", "in_the_past"),
            ("RIDE_PARTY", "same number"), ("RIDE_PARTY", "another number"),
            ("RIDE_PARTY", "as it was"), ("RIDE_PARTY", "followed"),
            ("RIDE_PARTY", "same_phone"), ("RIDE_PARTY", "ride_over"),
            ("RIDE_PARTY", "no_number"),
            ("RIDE_GET", "done"), ("RIDE_GET", "not_found"),
            ("SMS_RECEIVED", "forwarded"), ("SMS_RECEIVED", "old"),
            ("SMS_RECEIVED", "closed"), ("SMS_RECEIVED", "told closed"),
            ("SMS_RECEIVED", "told closed who left"),
            ("SMS_RECEIVED", "no_texts"), ("SMS_RECEIVED", "told no_texts"),
            ("SMS_RECEIVED", "stranger"),
            ("NUMBER_EDIT", "draining"), ("NUMBER_EDIT", "active"),
            ("NUMBER_EDIT", "not_found"), ("NUMBER_REMOVE", "done"),
            ("NUMBER_REMOVE", "number_held"), ("NUMBER_ADD", "done"),
            ("SMS_RECEIVED", "repeat"), ("CALL_RECEIVED", "connected"),
            ("CALL_RECEIVED", "closed"), ("CALL_RECEIVED", "unknown"),
            ("CALL_RECEIVED", "texts only")):
        assert counts[outcome] >= 20, f"{outcome}: {counts[outcome]}"


def test_rules(seed):
    seeds = [seed + n for n in range(SIDE_BY_SIDE)]
    with ProcessPoolExecutor(SIDE_BY_SIDE) as pool:
        lives = list(pool.map(live, seeds,
                              [STEPS // SIDE_BY_SIDE] * SIDE_BY_SIDE))
    counts = sum((counts for _, counts, _ in lives), Counter())
    check_variety(counts)
    report("the rules against a plain model", seed,
           sum(steps for steps, _, _ in lives), counts)


def test_routes_keep_rides_apart_where_the_pool_forgot_its_holds(seed):
    steps, counts, taken = live(seed, FORGETFUL_STEPS, forgetful=True)
    assert taken > 20, "nothing was forgotten that mattered"
    report("the same, the pool losing its holds", seed, steps, counts)


def report(what, seed, steps, counts):
    record(what, f"{steps:,} steps", seed=seed,
           texts=sum(n for (name, _), n in counts.items()
                     if name == "SMS_RECEIVED"),
           misrouted=0, rides=counts["RIDE_CREATE", "made"],
           no_number=counts["RIDE_CREATE", "no_number"])
