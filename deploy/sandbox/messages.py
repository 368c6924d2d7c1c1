"""Owns the messages: what one holds, and the boxes that keep the last ones."""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import count
from typing import Any, Iterator

from clock import rfc3339

KEPT = 10_000
_order = count(1)


class Recipient:
    """One phone that a message goes to, and how far it got."""

    __slots__ = ("number", "status", "status_ms", "bubble")

    def __init__(self, number: str, status: str, at_ms: int) -> None:
        self.number = number
        self.status = status
        self.status_ms = at_ms
        self.bubble: dict[str, Any] | None = None


class Message:
    """A text as the API shows it; `order` counts over all boxes."""

    __slots__ = ("seq", "order", "id", "direction", "type", "originator",
                 "recipients", "body", "reference", "validity", "datacoding",
                 "parts", "scheduled_ms", "created_ms", "report_url")

    def __init__(self, id: str, originator: str, numbers: list[str],
                 body: str, created_ms: int, *, direction: str = "mt",
                 type: str = "sms", reference: str | None = None,
                 validity: int | None = None, datacoding: str = "plain",
                 parts: int = 1, scheduled_ms: int | None = None,
                 report_url: str | None = None) -> None:
        self.seq = 0
        self.order = next(_order)
        self.id = id
        self.direction = direction
        self.type = type
        self.originator = originator
        self.body = body
        self.reference = reference
        self.validity = validity
        self.datacoding = datacoding
        self.parts = parts
        self.scheduled_ms = scheduled_ms
        self.created_ms = created_ms
        self.report_url = report_url
        status = ("received" if direction == "mo" else
                  "scheduled" if scheduled_ms else "sent")
        self.recipients = [Recipient(n, status, created_ms) for n in numbers]

    def as_api(self, base: str) -> dict[str, Any]:
        """The message object of the API; `base` is where it was asked."""
        held = [r.status for r in self.recipients]
        return {
            "id": self.id,
            "href": f"{base}/messages/{self.id}",
            "direction": self.direction,
            "type": self.type,
            "originator": self.originator,
            "body": self.body,
            "reference": self.reference,
            "validity": self.validity,
            "gateway": 10,
            "typeDetails": {},
            "datacoding": self.datacoding,
            "mclass": 0 if self.type == "flash" else 1,
            "scheduledDatetime": (rfc3339(self.scheduled_ms)
                                  if self.scheduled_ms else None),
            "createdDatetime": rfc3339(self.created_ms),
            "recipients": {
                "totalCount": len(held),
                "totalSentCount": len(held) - held.count("scheduled"),
                "totalDeliveredCount": held.count("delivered"),
                "totalDeliveryFailedCount": held.count("delivery_failed"),
                "items": [{
                    "recipient": (int(r.number) if r.number.isdigit()
                                  else r.number),
                    "status": r.status,
                    "statusDatetime": rfc3339(r.status_ms),
                    "messagePartCount": self.parts,
                } for r in self.recipients],
            },
        }


class Box:
    """The last messages of one direction, findable by id, originator and
    reference. A message's `seq` counts from 1 in its box."""

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Empty, and counting from 1 again."""
        self._by_id: OrderedDict[str, Message] = OrderedDict()
        self._by_originator: dict[str, deque[Message]] = {}
        self._by_reference: dict[str, Message] = {}
        self.last_seq = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, message: Message) -> None:
        """Keeps it; the oldest goes when the box is full. An id that is
        here already is replaced: repeats share one."""
        if message.id in self._by_id:
            self.remove(self._by_id[message.id])
        self.last_seq += 1
        message.seq = self.last_seq
        self._by_id[message.id] = message
        self._by_originator.setdefault(
            message.originator, deque()).append(message)
        if message.reference is not None:
            self._by_reference[message.reference] = message
        if len(self._by_id) > self._limit:
            self.remove(next(iter(self._by_id.values())))

    def remove(self, message: Message) -> None:
        """Forgets a message that is in the box."""
        del self._by_id[message.id]
        same = self._by_originator[message.originator]
        if same[0] is message:
            same.popleft()
        else:
            same.remove(message)
        if not same:
            del self._by_originator[message.originator]
        if self._by_reference.get(message.reference or "") is message:
            del self._by_reference[message.reference or ""]

    def get(self, id: str) -> Message | None:
        return self._by_id.get(id)

    def by_reference(self, reference: str) -> Message | None:
        """The newest with this reference."""
        return self._by_reference.get(reference)

    def newest(self, originator: str | None = None) -> Iterator[Message]:
        """Newest first."""
        if originator is None:
            return reversed(self._by_id.values())
        return reversed(self._by_originator.get(originator, deque()))

    def since(self, seq: int, limit: int) -> list[Message]:
        """Those after `seq`, in the order in which they were taken."""
        found = []
        for message in self.newest():
            if message.seq <= seq:
                break
            found.append(message)
        found.reverse()
        return found[:limit]
