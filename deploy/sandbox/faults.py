"""Owns the faults on demand: which of them strikes the next request.

It decides; the provider carries out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Iterable

from drafts import (INTERNAL, INVALID, MISSING, NO_BALANCE, NOT_ALLOWED,
                    Errors, error)

# mode: (what the page says, milliseconds unless given, message is taken)
MODES: dict[str, tuple[str, int, bool]] = {
    "ok": ("is healthy", 0, True),
    "slow": ("answers late", 2000, True),
    "429": ("says: too many requests", 0, False),
    "500": ("fails, message not taken", 0, False),
    "500_after": ("takes the message, then fails", 0, True),
    "drop": ("cuts the connection, message not taken", 0, False),
    "drop_after": ("takes the message, the answer is lost", 0, True),
    "timeout": ("never answers, message not taken", 30_000, False),
    "timeout_after": ("takes the message, never answers", 30_000, True),
    "401": ("refuses the access key", 0, False),
    "402balance": ("says: not enough balance", 0, False),
    "422": ("refuses the message", 0, False),
}
TARGETS = ("post", "get", "all")
MAX_RECIPIENTS = 10_000
MAX_DELAY_MS = 600_000

ANSWERS: dict[str, tuple[int, Errors]] = {
    "429": (429, [error(INVALID, "too many requests")]),
    "500": (500, [error(INTERNAL, "internal error")]),
    "500_after": (500, [error(INTERNAL, "internal error")]),
    "401": (401, [error(NOT_ALLOWED, "Request not allowed "
                        "(incorrect access_key)", "access_key")]),
    "402balance": (402, [error(NO_BALANCE, "Not enough balance")]),
    "422": (422, [error(MISSING, "no (correct) recipients found",
                        "recipients")]),
}


@dataclass
class Fault:
    """One fault that is switched on."""

    mode: str
    on: str = "post"
    recipient: str | None = None
    left: int | None = None
    probability: float = 1.0
    delay_ms: int = 0
    retry_after: int | None = None
    hits: int = 0
    dice: random.Random = field(default_factory=random.Random)

    @property
    def taken(self) -> bool:
        """Whether the message is kept although the answer fails."""
        return MODES[self.mode][2]

    def strikes(self) -> bool:
        """Counts itself down; True when this request is hit."""
        if self.left == 0 or self.dice.random() >= self.probability:
            return False
        if self.left is not None:
            self.left -= 1
        self.hits += 1
        return True

    def as_dict(self) -> dict[str, Any]:
        """For the control API."""
        return {"mode": self.mode, "says": MODES[self.mode][0],
                "on": self.on, "recipient": self.recipient,
                "left": self.left, "probability": self.probability,
                "delay_ms": self.delay_ms, "retry_after": self.retry_after,
                "hits": self.hits}


class Faults:
    """One fault for all, and one for each recipient that has its own."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """The provider is healthy."""
        self._all: Fault | None = None
        self._one: dict[str, Fault] = {}

    def put(self, fault: Fault) -> bool:
        """Switches a fault on; `ok` switches off: for its recipient, or
        everything. False when too many recipients have one."""
        if fault.recipient is None:
            self._all = fault
            if fault.mode == "ok":
                self.clear()
            return True
        if fault.mode == "ok":
            self._one.pop(fault.recipient, None)
            return True
        if len(self._one) >= MAX_RECIPIENTS:
            return False
        self._one[fault.recipient] = fault
        return True

    def pick(self, on: str, recipients: Iterable[str] = ()) -> Fault | None:
        """The fault that hits this request; a spent one is forgotten."""
        own = [self._one[r] for r in recipients if r in self._one]
        for fault in own + ([self._all] if self._all else []):
            if fault.on not in (on, "all") or not fault.strikes():
                continue
            if fault.left == 0:
                self._forget(fault)
            return fault
        return None

    def _forget(self, fault: Fault) -> None:
        """Ends one fault and leaves the others."""
        if fault.recipient is None:
            self._all = None
        else:
            self._one.pop(fault.recipient, None)

    def as_list(self) -> list[dict[str, Any]]:
        """Those that are on."""
        every = ([self._all] if self._all else []) + list(self._one.values())
        return [fault.as_dict() for fault in every]
