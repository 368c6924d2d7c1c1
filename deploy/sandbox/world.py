"""Owns the one object that everything of a running sandbox hangs on."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import fields
from typing import Any

from calls import Calls
from clock import now_ms
from drafts import Draft
from events import Hub
from faults import Faults
from jobs import Jobs
from messages import Box, Message
from phones import Phones
from reports import Reports
from settings import Knobs, Settings
from texts import Texts, new_id
from webhooks import Webhooks


class Sandbox:
    """The provider's state; it is all in memory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.knobs = Knobs()
        self.hub = Hub()
        self.jobs = Jobs()
        self.faults = Faults()
        self.mt = Box()
        self.mo = Box()
        self.phones = Phones(self.hub)
        self.webhooks = Webhooks(settings, self.knobs)
        self.reports = Reports(settings, self.knobs, self.hub, self.phones,
                               self.webhooks)
        self.texts = Texts(self.knobs, self.hub, self.phones, self.mo,
                           self.webhooks, self.jobs)
        self.calls = Calls(self.knobs, self.hub, self.phones, self.webhooks,
                           self.jobs)
        self.outcomes: Counter[str] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        self._news = asyncio.Event()

    def accept(self, draft: Draft) -> Message:
        """Takes a message; from here on it reaches its phones."""
        now = now_ms()
        later = draft.scheduled_ms if (draft.scheduled_ms or 0) > now else None
        message = Message(
            new_id(), draft.originator, draft.recipients or [], draft.body,
            now, type=draft.type, reference=draft.reference,
            validity=draft.validity, datacoding=draft.datacoding,
            parts=draft.parts, scheduled_ms=later,
            report_url=draft.report_url)
        self.mt.add(message)
        for recipient in message.recipients:
            if not later:
                self.reports.arrive(message, recipient)
            if later or self.knobs.reports:
                self.jobs.spawn(
                    self.reports.follow(self.mt, message, recipient))
        self._news.set()
        self._news = asyncio.Event()
        return message

    async def accepted_since(self, seq: int, limit: int,
                             wait_ms: int) -> list[Message]:
        """Those accepted after `seq`; waits a while for the first."""
        if self.mt.last_seq <= seq and wait_ms:
            try:
                await asyncio.wait_for(self._news.wait(), wait_ms / 1000)
            except asyncio.TimeoutError:
                pass
        return self.mt.since(seq, limit)

    def requests(self) -> dict[str, Any]:
        """How many POST /messages came, by what became of them."""
        return {"total": sum(self.outcomes.values()),
                "outcomes": dict(self.outcomes),
                "accepted": self.mt.last_seq,
                "in_flight": self.in_flight,
                "most_in_flight": self.most_in_flight}

    def reset(self) -> None:
        """As at the start; nothing planned happens any more."""
        self.jobs.cancel_all()
        for knob in fields(Knobs):
            setattr(self.knobs, knob.name, knob.default)
        for box in (self.mt, self.mo):
            box.clear()
        self.faults.clear()
        self.phones.clear()
        self.calls.clear()
        self.outcomes.clear()
        self.most_in_flight = self.in_flight
        self.hub.clear()

    async def close(self) -> None:
        """Ends what runs beside the requests."""
        self.jobs.cancel_all()
        await self.webhooks.close()
