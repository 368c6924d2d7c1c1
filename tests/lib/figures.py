"""What the tests measured, a line of JSON each, for the table that tests/faults/summary prints."""

import json
import os

from paths import BIN

FIGURES = BIN.parent / "faults.jsonl"


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def record(test, done, recovered=None, **figures):
    """Adds a row. `test`: what it tries; `done`: how much of it, as "60 kills"; `recovered`: the seconds from each fault
    until all worked again. Of the figures texts, lost, twice, out_of_order, misrouted and seed have columns; any other
    is named in the last one. A figure that the test does not look at is left out."""
    row = {"test": test, "done": done, **figures}
    if recovered:
        row["recovered"] = [round(v, 3) for v in (quantile(recovered, 0.5), quantile(recovered, 0.99), max(recovered))]
    line = json.dumps(row) + "\n"
    fd = os.open(FIGURES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(fd, line.encode())  # at once: tests run side by side
    finally:
        os.close(fd)
