"""The power goes: Redis dies, and with it whatever it wrote and had not synced. What was acknowledged is still there."""

import contextlib
import os
import random
import signal
import time

from poll import wait_for
from redis import RedisError
from trial import Trial

CUTS = 500 if os.environ.get("BIRDCAR_LONG") else 15
SEEN = 5
HELD_S = 0.6  # at most, before a cut: the provider takes nothing, so that texts lie in the store


def cut(trial, dice):
    """How many bytes were lost, and when."""
    with trial.provider.holding("texts"):
        time.sleep(dice.uniform(0, HELD_S))
        return trial.power.cut(trial.deployment), time.monotonic()


def test_power_cuts(seed):
    dice, gone = random.Random(f"{seed} power"), 0
    with Trial(seed, power=True) as trial:
        trial.recover(time.monotonic())
        trial.recovered.clear()
        for number in range(CUTS):
            if number % 3 == 2:  # in the middle of a rewrite of its file, too
                trial.deployment.redis.bgrewriteaof()
            lost, at = cut(trial, dice)
            gone += lost
            trial.recover(at)
        trial.conclude("power cuts", f"{CUTS} cuts", unsynced_bytes_cut=gone)


def told(store, when):
    """Until Redis, which may be away, knows when to sync. What its file says, `always`, holds from its next start on."""
    def tell():
        with contextlib.suppress(RedisError):
            return store.config_set("appendfsync", when)

    wait_for(tell, 10, "Redis")


def test_power_cuts_are_seen(seed):
    """The same, with a Redis that acknowledges before it syncs: that loses what was acknowledged, and we notice."""
    dice, gone = random.Random(f"{seed} seldom"), 0
    with Trial(seed, power=True) as trial:
        for _ in range(SEEN):
            told(trial.deployment.redis, "everysec")
            trial.load.probe.wait()
            gone += cut(trial, dice)[0]  # nothing, where the second was just over
        # A notifier does not see by itself that its Redis went back in time: the next one does, and wants `always`.
        told(trial.deployment.redis, "always")
        trial.load.probe.wait()
        os.kill(trial.deployment.processes()["notifier-1"], signal.SIGKILL)
        found = trial.verdict()
        trial.record("power cuts, synced once a second: must lose", f"{SEEN} cuts", found, unsynced_bytes_cut=gone)
        assert found["lost"], "no text was lost"
        assert found["rides_lost"], "no ride was lost"
