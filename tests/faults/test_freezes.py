"""Any process stands still for a while, under load, and goes on as if nothing had been: too short for anybody to notice, and
so long that others take its work."""

import os
import random
import signal
import time

import pytest
from trial import VICTIMS, Trial

SECONDS = (1, 10)  # a lease lives for three
ROUNDS = 3 if os.environ.get("BIRDCAR_LONG") else 1


def freeze(trial, service, seconds, dice):
    """When it could go on."""
    with trial.bad_moment(service, dice):
        victim = trial.one_of(service, dice)
        os.kill(victim, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(victim, signal.SIGCONT)
    return time.monotonic()


@pytest.mark.parametrize("copies", [1, 2])
def test_freezes(seed, copies):
    dice = random.Random(f"{seed} freezes {copies}")
    spells = [(service, seconds) for service in VICTIMS for seconds in SECONDS] * ROUNDS
    dice.shuffle(spells)
    with Trial(seed, copies) as trial:
        trial.recover(time.monotonic())
        trial.recovered.clear()
        for service, seconds in spells:
            time.sleep(dice.uniform(0, 0.6))
            trial.recover(freeze(trial, service, seconds, dice))
        # What had passed its last look at the clock, and not yet the kernel's write, leaves when its process goes on.
        spared = spells.count(("notifier", SECONDS[-1]))
        trial.conclude(f"any process stopped for {' or '.join(map(str, SECONDS))} s, {copies} of each daemon",
                       f"{len(spells)} freezes", most_twice=spared)
