"""Any process dies at any moment, under load, with a provider that fails at random, too."""

import os
import random
import signal
import time

import pytest
from deployment import SERVICES
from poll import wait_for
from trial import Trial

VICTIMS = (*SERVICES, "redis")
HELD_S = 0.1
KILLS = 500 if os.environ.get("BIRDCAR_LONG") else 30


def kill(trial, service, dice):
    """One of those that live; the moment."""
    pids = wait_for(lambda: [pid for name, pid in sorted(trial.deployment.processes().items()) if name.startswith(service)],
                    10, f"a {service}")
    os.kill(dice.choice(pids), signal.SIGKILL)
    return time.monotonic()


def victims(dice):
    """Each service as often as the others, the one Redis, too."""
    deck = [VICTIMS[number % len(VICTIMS)] for number in range(KILLS)]
    dice.shuffle(deck)
    return deck


def strike(trial, service, dice):
    """Redis and notifiers die over texts that the provider took, and over texts that it takes later, more often than
    chance would have it."""
    held = dice.choice(("answers", "answers", "texts", None))
    if held is None or service not in ("notifier", "redis"):
        return kill(trial, service, dice)
    with trial.provider.holding(held):
        time.sleep(HELD_S)
        return kill(trial, service, dice)


@pytest.mark.parametrize("copies", [1, 2])
def test_kills(seed, copies):
    dice = random.Random(f"{seed} kills {copies}")
    with Trial(seed, copies) as trial:
        trial.recover(time.monotonic())
        trial.recovered.clear()
        for service in victims(dice):
            time.sleep(dice.uniform(0, 0.6))  # the next comes at any moment of the work
            trial.recover(strike(trial, service, dice))
        trial.conclude(f"kill -9 of any process, {copies} of each daemon", f"{KILLS} kills")
