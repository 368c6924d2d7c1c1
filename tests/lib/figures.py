"""What the tests measured, a line of JSON each, for the table that tests/faults/summary prints."""

import json
import os

from paths import BIN

FIGURES = BIN.parent / "faults.jsonl"


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def spread(seconds):
    """p50, p99 and the most."""
    return [round(v, 3) for v in (quantile(seconds, 0.5), quantile(seconds, 0.99), max(seconds))]


def record(test, done, recovered=None, in_doubt=None, **figures):
    """Adds a row. `test`: what it tries; `done`: how much of it, as "60 kills"; `recovered`: the seconds from each fault
    until all worked again; `in_doubt`: from each attempt of which nobody knew how it ended, and which took no text, to the
    next. Of the figures texts, lost, twice, out_of_order, misrouted and seed have columns; any other is named in the last
    one. A figure that the test does not look at is left out."""
    row = {"test": test, "done": done, **figures}
    row.update((name, spread(seconds)) for name, seconds in (("recovered", recovered), ("in_doubt", in_doubt)) if seconds)
    line = json.dumps(row) + "\n"
    fd = os.open(FIGURES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(fd, line.encode())  # at once: tests run side by side
    finally:
        os.close(fd)
