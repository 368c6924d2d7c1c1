"""System calls that fail, in any daemon and in Redis, under load: no false 200, and nothing lost. On the release build."""

import os
import random
import time

import pytest
from deployment import SERVICES
from poll import wait_for
from trial import Trial

TRIALS, ROUNDS = (8, 50) if os.environ.get("BIRDCAR_LONG") else (1, 24)
FAILING_S = 0.7
# Where, what, and how often; what ends a process (memory, Redis's sync) does so once.
CALLS = [*((service, call, chance) for service in SERVICES for call, chance in (
    ("posix/io/rw/write", 0.05), ("posix/io/rw/read", 0.02), ("posix/io/net/send", 0.05), ("posix/io/net/connect", 0.5),
    ("libc/mm/malloc", 0.001), ("libc/mm/calloc", 0.001), ("libc/mm/realloc", 0.01))),
    *(("redis", call, chance) for call, chance in (
        ("posix/io/sync/fdatasync", 0.2), ("posix/io/rw/write", 0.05), ("posix/io/rw/write/reduce", 0.2),
        ("posix/io/rw/read", 0.05)))]


def hand(dice):
    """Redis's calls in each hand, and the others in turn."""
    redis = [c for c in CALLS if c[0] == "redis"]
    others = [c for c in CALLS if c[0] != "redis"]
    dice.shuffle(others)
    drawn = [others[n % len(others)] for n in range(ROUNDS - ROUNDS // 4)]
    drawn += [redis[n % len(redis)] for n in range(ROUNDS // 4)]
    dice.shuffle(drawn)
    return drawn


def pids(trial, service):
    return [pid for name, pid in trial.deployment.processes().items() if name.startswith(service)]


@pytest.mark.parametrize("number", range(1, TRIALS + 1))
def test_failing_calls(seed, number):
    dice = random.Random(f"{seed} failing calls {number}")
    with Trial(seed, failing=True) as trial:
        trial.recover(time.monotonic())
        trial.recovered.clear()
        struck = 0
        for service, call, chance in hand(dice):
            victim = wait_for(lambda name=service: pids(trial, name), 10, f"a {service}")[0]
            struck += trial.failing.begin(victim, call, chance)
            ends = time.monotonic() + FAILING_S
            wait_for(lambda until=ends: time.monotonic() > until, what="the time of failures")
            trial.failing.end(victim, call)
            trial.recover(time.monotonic())
        assert struck > ROUNDS * 0.8, "hardly anything was made to fail"
        which = f", {number} of {TRIALS}" if TRIALS > 1 else ""
        trial.conclude(f"failing write, read, send, connect, fsync and malloc{which}", f"{struck} spells of {FAILING_S} s")
