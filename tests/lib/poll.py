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
