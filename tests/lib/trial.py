"""One trial: a deployment under load with a provider that fails at random, faults by the test's hand, and the verdict."""

import shutil
import time
from contextlib import contextmanager

from deployment import SERVICES, Deployment
from failing import Failing
from figures import record
from ledger import Ledger
from paths import scratch_folder
from poll import wait_for
from power import Power
from traffic import SETTINGS, Load
from unreliable import Unreliable

VICTIMS = (*SERVICES, "redis")
HELD_S = 0.1
PARTITIONS = 64
DRAIN_S = 120  # what is in doubt takes its time
SECRET = "the-signing-key-of-a-test"


class Trial:
    """`power`: it may be cut, by `power.cut()`. `failing`: system calls may fail, by `failing.begin()`."""

    def __init__(self, seed, copies=1, power=False, failing=False, **settings):
        self.seed, self.copies = seed, copies
        self.ledger, self.recovered = Ledger(), []
        self.provider = Unreliable(seed, spared=Load.PROBES).start()
        self.folder = scratch_folder("birdcar-")
        self.folder.chmod(0o711)  # the daemons need not be ours
        self.power = Power(self.folder) if power else None
        self.failing = Failing(self.folder) if failing else None
        settings = {**settings, **(self.power or self.failing).settings} if power or failing else settings
        self.deployment = Deployment(
            state=self.folder / "state", MESSAGEBIRD_API_KEY="test_x", MESSAGEBIRD_API_URL=self.provider.url,
            MESSAGEBIRD_SIGNING_KEY=SECRET, **SETTINGS, **settings)
        self.load = None

    def __enter__(self):
        try:
            self.deployment.up()
            if self.copies > 1:
                names = ("gateway", "ride_svc", "pool_svc", "voice_svc", "notifier")
                self.deployment.scale(**{name: self.copies for name in names})
            self.load = Load(self.deployment, self.provider, self.ledger, self.seed)
            self.load.start()
        except BaseException:
            self._close(failed=True)
            raise
        return self

    def __exit__(self, kind, error, trace):
        self._close(failed=kind is not None)

    def _close(self, failed):
        if self.load is not None:
            self.load.end()
        try:
            self.deployment.close(failed=failed)
        finally:
            self.provider.stop()
            shutil.rmtree(self.folder)

    # ---- while it runs

    def one_of(self, service, dice):
        """The process of a copy that lives."""
        return dice.choice(wait_for(
            lambda: [pid for name, pid in sorted(self.deployment.processes().items()) if name.startswith(service)],
            10, f"a {service}"))

    @contextmanager
    def bad_moment(self, service, dice):
        """For Redis and notifiers: over texts that the provider took, and over texts that it takes later, more often than
        chance would have it."""
        held = dice.choice(("answers", "answers", "texts", None))
        if held is None or service not in ("notifier", "redis"):
            yield
            return
        with self.provider.holding(held):
            time.sleep(HELD_S)
            yield

    def recover(self, since):
        """Waits until all works again, and notes how long that took."""
        self.load.probe.wait()
        self.recovered.append(time.monotonic() - since)
        self.load.check()

    # ---- the end of it

    def verdict(self):
        """Ends the load, waits until nothing is under way, and says what went wrong: the words of the texts by kind, and
        the rides."""
        self.load.end()
        self.load.check()
        self.provider.heal()
        wait_for(self._drained, DRAIN_S, "an empty outbox")
        found = self.ledger.verdict(self.provider.taken, self._dead())
        return {**found, "rides_lost": self.load.lost_rides()}

    def _keys(self, name):
        return [f"{name}:{{{partition}}}" for partition in range(PARTITIONS)]

    def _drained(self):
        pipe = self.deployment.redis.pipeline(transaction=False)
        for outbox, sending, parked, waiting in zip(*map(self._keys, ("outbox", "sending", "parked", "waiting"))):
            pipe.xlen(outbox).hlen(sending).zcard(parked).get(waiting)
        return not any(int(count or 0) for count in pipe.execute())

    def _dead(self):
        """The words on record as not sent, with a reason: of the notices of rides that came and went. On a ride that lasts,
        with a provider that refuses no text for good, no reason is good enough."""
        letters = self.deployment.listed("messages", state="dead")
        gone = {(letter["ride"], letter["role"]) for letter in letters if letter["reason"] == "ride_over"}
        return {words for words, place in self.load.notices().items() if place in gone}

    def record(self, test, done, found, **more):
        counts = {name: len(words) for name, words in found.items()}
        slowest = self.ledger.slowest(self.provider.arrived)
        record(test, done, recovered=self.recovered, in_doubt=self.provider.doubts, texts=len(self.ledger.acknowledged),
               **counts, seed=self.seed, rides=self.load.made(), slowest_text=f"{slowest:.1f} s", **more)

    def conclude(self, test, done, most_twice=0, **more):
        """Puts the figures on record, and stops at anything that is not zero."""
        found = self.verdict()
        self.record(test, done, found, **more)
        if len(found["twice"]) <= most_twice:
            found["twice"] = []
        assert not any(found.values()), {name: words[:5] for name, words in found.items() if words}
