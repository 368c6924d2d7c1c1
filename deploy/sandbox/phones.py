"""Owns the phones: what each has received, sent, and who rings it.

A phone exists once something happens on it. The last ones are kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from itertools import islice
from typing import Any

from clock import now_ms
from events import Hub

PHONES = 5_000
TEXTS = 200
CALLS = 30
RECENT = 12
RECENT_EVERY_S = 0.2

Item = dict[str, Any]


class Phone:
    """One handset."""

    __slots__ = ("texts", "calls")

    def __init__(self) -> None:
        self.texts: deque[Item] = deque(maxlen=TEXTS)
        self.calls: OrderedDict[str, Item] = OrderedDict()


class Phones:
    """All handsets, the one used last at the end."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._phones: OrderedDict[str, Phone] = OrderedDict()
        self._seq = 0
        self._telling: asyncio.TimerHandle | None = None

    def _touch(self, number: str) -> Phone:
        phone = self._phones.get(number)
        if phone is None:
            phone = self._phones[number] = Phone()
            if len(self._phones) > PHONES:
                self._phones.popitem(last=False)
            if self._telling is None:
                self._telling = asyncio.get_running_loop().call_later(
                    RECENT_EVERY_S, self._tell)
        else:
            self._phones.move_to_end(number)
        return phone

    def _tell(self) -> None:
        self._telling = None
        self._hub.publish("recent", self.recent())

    def text(self, number: str, direction: str, other: str, body: str,
             state: str) -> Item:
        """Puts a bubble on a phone; direction is `in` or `out`, as this
        phone sees it, and `other` the number it sees."""
        self._seq += 1
        item = {"seq": self._seq, "direction": direction, "with": other,
                "text": body, "state": state, "at": now_ms()}
        self._touch(number).texts.append(item)
        self._hub.publish("text", {"phone": number, "item": item}, number)
        return item

    def update(self, number: str, item: Item, state: str) -> None:
        """A bubble's text got further, or did not."""
        item["state"] = state
        self._hub.publish("text", {"phone": number, "item": item}, number)

    def call(self, number: str, view: Item) -> None:
        """Shows a call on a phone, as this phone sees it."""
        calls = self._touch(number).calls
        calls[view["id"]] = view
        if len(calls) > CALLS:
            calls.popitem(last=False)
        self._hub.publish("call", {"phone": number, "call": view}, number)

    def view(self, number: str) -> Item:
        """Everything on one phone, oldest first."""
        phone = self._phones.get(number) or Phone()
        return {"number": number, "texts": list(phone.texts),
                "calls": list(phone.calls.values())}

    def recent(self) -> list[str]:
        """The phones that something happened on, newest first."""
        newest = (n for n in reversed(self._phones) if n.isdigit())
        return list(islice(newest, RECENT))

    def clear(self) -> None:
        """Every phone is empty again."""
        self._phones.clear()
        self._seq = 0
