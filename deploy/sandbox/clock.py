"""Owns how time is read and written on the wire."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """As MessageBird writes it: whole seconds, `+00:00`."""
    at = datetime.fromtimestamp(ms // 1000, timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def parse_ms(text: str) -> int | None:
    """An RFC 3339 time; None when it is not one. No zone means UTC."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=timezone.utc)
        return int(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


_last_logged: dict[str, float] = {}


def log(level: str, event: str, **fields: object) -> None:
    """One line to stderr; a repeated warning at most once a second.

    Never called with a phone number, a text or a URL's query.
    """
    moment = time.monotonic()
    if level != "info" and moment - _last_logged.get(event, -9) < 1:
        return
    _last_logged[event] = moment
    at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    pairs = "".join(f" {key}={value}" for key, value in fields.items())
    print(f"{at}Z {level} {event}{pairs}", file=sys.stderr, flush=True)
