"""Any process dies at any moment, under load, with a provider that fails at random, too."""

import os
import random
import signal
import time

import pytest
from trial import VICTIMS, Trial

KILLS = 500 if os.environ.get("BIRDCAR_LONG") else 30


def victims(dice):
    """Each service as often as the others, the one Redis, too."""
    deck = [VICTIMS[number % len(VICTIMS)] for number in range(KILLS)]
    dice.shuffle(deck)
    return deck


def kill(trial, service, dice):
    """The moment."""
    with trial.bad_moment(service, dice):
        os.kill(trial.one_of(service, dice), signal.SIGKILL)
        return time.monotonic()


@pytest.mark.parametrize("copies", [1, 2])
def test_kills(seed, copies):
    dice = random.Random(f"{seed} kills {copies}")
    with Trial(seed, copies) as trial:
        trial.recover(time.monotonic())
        trial.recovered.clear()
        for service in victims(dice):
            time.sleep(dice.uniform(0, 0.6))  # the next comes at any moment of the work
            trial.recover(kill(trial, service, dice))
        trial.conclude(f"kill -9 of any process, {copies} of each daemon", f"{KILLS} kills")
