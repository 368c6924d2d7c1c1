"""A provider that fails as real ones do: at random, by a seed, for every recipient but those who are spared."""

import random
import threading
import time
from collections import defaultdict, namedtuple
from contextlib import contextmanager
from datetime import datetime, timezone

from provider import Provider, Rule

Taken = namedtuple("Taken", "body to originator reference at created")

# How often in a thousand, and what then becomes of the text. Who does not hear that it was taken asks 5 s apart before it
# is sent again, and all behind it waits: the kinds of that sort are rare, so that the load gets through.
FAULTS = (
    (5, {"status": 500, "take": False}),
    (20, {"status": 500, "take": True}),
    (5, {"take": False, "cut": True}),
    (20, {"take": True, "cut": True}),  # the answer is lost
    (10, {"wait": 0.6}),
    (10, {"hold": 0.9}),
    (5, {"hold": 0.5, "cut": True}),
)
# The account is over its rate now and then: nobody gets anything through.
REFUSED = {"status": 429, "headers": {"Retry-After": "1"}}
REFUSE_EVERY, REFUSE_FOR = (6.0, 14.0), 0.2  # seconds


class Unreliable(Provider):
    def __init__(self, seed, spared=()):
        super().__init__()
        self.random = random.Random(f"{seed} provider")
        self.spared = set(spared)
        self.sound = False
        self.refuse_at = time.monotonic() + self.random.uniform(*REFUSE_EVERY)
        self.by_originator = defaultdict(list)
        self.arrived = {}  # body -> when it was first taken
        self._doubted = {}  # body -> when it was not taken, and nobody said so
        self.doubts = []  # seconds from then until it came again
        self.gates = {"texts": threading.Event(), "answers": threading.Event()}
        for gate in self.gates.values():
            gate.set()

    def heal(self):
        """From here on all goes well."""
        super().heal()
        self.sound = True

    @contextmanager
    def holding(self, what):
        """Meanwhile nothing of it comes through: the texts wait before they are taken, or the answers."""
        self.gates[what].clear()
        try:
            yield
        finally:
            self.gates[what].set()

    def post(self, handler):
        self.gates["texts"].wait()
        super().post(handler)

    def _answer(self, *how):
        self.gates["answers"].wait()
        super()._answer(*how)

    def _rule_for(self, to):
        if self.sound or to in self.spared:
            return Rule()
        now = time.monotonic()
        if now >= self.refuse_at + REFUSE_FOR:
            self.refuse_at = now + self.random.uniform(*REFUSE_EVERY)
        if now >= self.refuse_at:
            return Rule(**REFUSED)
        dice = self.random.uniform(0, 1000)
        for weight, fault in FAULTS:
            dice -= weight
            if dice < 0:
                return Rule(**fault)
        return Rule()

    def _note(self, post, rule):
        since = self._doubted.pop(post.text, None)
        if since is not None:
            self.doubts.append(post.at - since)
        if not rule.take:
            if rule.cut or rule.status >= 500:
                self._doubted[post.text] = post.at
            return
        seen = Taken(post.text, post.to, post.fields["originator"], post.reference, post.at, time.time())
        self.taken.append(seen)
        self.by_originator[seen.originator].append(seen)
        self.arrived.setdefault(seen.body, seen.at)

    def _sent_from(self, originator, first, count):
        sent = self.by_originator[originator]
        last = len(sent) - first
        return [{"reference": t.reference, "body": t.body, "originator": t.originator,
                 "createdDatetime": datetime.fromtimestamp(t.created, timezone.utc).isoformat(timespec="seconds")}
                for t in reversed(sent[max(0, last - count):max(0, last)])]
