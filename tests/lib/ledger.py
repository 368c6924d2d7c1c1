"""What was said and what was acknowledged, and what became of it: the four things that must never happen to a text."""

import time
from collections import Counter, namedtuple

Expected = namedtuple("Expected", "to originator line number")


class Ledger:
    """A text is known by its words, which are said once. Used by many threads; each says words of its own."""

    def __init__(self):
        self.expected = {}
        self.acknowledged = {}  # words -> when

    def expect(self, words, to, originator, line=None, number=0):
        """It may arrive from now on, at that phone only. Texts of a line arrive in the order of their numbers."""
        assert words not in self.expected, f"said before: {words}"
        self.expected[words] = Expected(to, originator, line, number)

    def acknowledge(self, words):
        """It must arrive."""
        self.acknowledged[words] = time.monotonic()

    def missing(self, arrived):
        return [words for words in list(self.acknowledged) if words not in arrived]

    def slowest(self, arrived):
        """The longest time from the acknowledgement of a text to its arrival, in seconds; `arrived`: when each did."""
        return max((arrived[words] - at for words, at in self.acknowledged.items() if words in arrived), default=0.0)

    def verdict(self, taken, dead=()):
        """The words that went wrong, each kind by its name. `taken`: what reached a phone, in order; `dead`: the words that
        are on record as not sent, with a reason."""
        count = Counter(t.body for t in taken)
        return {
            "lost": [words for words in self.missing(count) if words not in dead],
            "twice": [words for words, times in count.items() if times > 1],
            "out_of_order": self._overtaken(taken),
            "misrouted": [t.body for t in taken if not self._is_right(t)]}

    def _is_right(self, taken):
        wanted = self.expected.get(taken.body)
        return wanted is not None and (taken.to, taken.originator) == (wanted.to, wanted.originator)

    def _overtaken(self, taken):
        """Of a text that came twice the first one counts."""
        furthest, seen, found = {}, set(), []
        for text in taken:
            wanted = self.expected.get(text.body)
            if wanted is None or wanted.line is None or text.body in seen:
                continue
            seen.add(text.body)
            if wanted.number < furthest.get(wanted.line, 0):
                found.append(text.body)
            else:
                furthest[wanted.line] = wanted.number
        return found
