"""Waiting for what can be seen, with a deadline."""

import time


def wait_for(look, seconds=10, what="what was waited for"):
    """The first true value of `look()`, asked every few milliseconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come in {seconds} s; last seen: {value!r}"
        time.sleep(0.02)


def holds(look, seconds, what="what was to hold"):
    """`look()` is true for so long, asked as often: where nothing is to happen, there is nothing else to wait for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert look(), f"{what} did not hold for {seconds} s"
        time.sleep(0.02)
