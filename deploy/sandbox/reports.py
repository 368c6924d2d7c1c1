"""Owns delivery reports: how far a message gets, and who is told."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from clock import now_ms, rfc3339
from events import Hub
from messages import Box, Message, Recipient
from phones import Phones
from settings import Knobs, Settings
from webhooks import Answer, Webhooks

RETRIES = 3
# Texts and calls never wait behind reports that nobody answers.
AT_A_TIME = 32
LONGEST_WAIT_S = 60.0
# What a report says, beside its status, when the phone was not reached.
REASONS = {"delivery_failed": ("unknown subscriber", "1"),
           "expired": ("timed out", "103")}


def wait_s(knobs: Knobs, attempt: int, answer: Answer) -> float:
    """How long to wait before attempt + 1; what the other side asks for is
    honoured."""
    grown = knobs.retry_delay_ms / 1000 * 2.0 ** min(attempt - 1, 10)
    return min(max(grown, answer.retry_after or 0), LONGEST_WAIT_S)


def report_query(fields: dict[str, Any]) -> str:
    """A report's parameters, those that are not given left out."""
    return urlencode({k: v for k, v in fields.items() if v is not None})


def with_query(url: str, query: str) -> str:
    """Appends to whatever query the URL has; a fragment is not sent."""
    url = url.partition("#")[0]
    return url + ("&" if "?" in url else "?") + query


class Reports:
    """Moves messages on and reports each step, in order."""

    def __init__(self, settings: Settings, knobs: Knobs, hub: Hub,
                 phones: Phones, webhooks: Webhooks) -> None:
        self._settings = settings
        self._knobs = knobs
        self._hub = hub
        self._phones = phones
        self._webhooks = webhooks
        self._room = asyncio.Semaphore(AT_A_TIME)

    def url_of(self, message: Message) -> str | None:
        """Where to report; None without a reference: MessageBird sends no
        report for such a message."""
        if message.reference is None:
            return None
        return message.report_url or self._settings.report_url or None

    def arrive(self, message: Message, recipient: Recipient) -> None:
        """The text shows on the phone."""
        recipient.bubble = self._phones.text(
            recipient.number, "in", message.originator, message.body,
            recipient.status)

    async def follow(self, box: Box, message: Message,
                     recipient: Recipient) -> None:
        """From accepted to delivered, one recipient at a time."""
        if recipient.status == "scheduled":
            wait = (message.scheduled_ms or 0) - now_ms()
            await asyncio.sleep(max(wait, 0) / 1000)
            if box.get(message.id) is not message:
                return
            self._move(recipient, "sent")
            self.arrive(message, recipient)
        if not self._knobs.reports:
            return
        await asyncio.sleep(self._knobs.report_delay_ms / 1000)
        await self._tell(message, recipient)
        await asyncio.sleep(self._knobs.report_delay_ms / 1000)
        if self._knobs.delivery != "none":
            self._move(recipient, self._knobs.delivery)
            await self._tell(message, recipient)

    def _move(self, recipient: Recipient, status: str) -> None:
        recipient.status = status
        recipient.status_ms = now_ms()
        if recipient.bubble is not None:
            self._phones.update(recipient.number, recipient.bubble, status)

    async def _tell(self, message: Message, recipient: Recipient) -> None:
        url = self.url_of(message)
        if url is None or not self._knobs.reports:
            return
        reason, code = REASONS.get(recipient.status, (None, None))
        done = recipient.status == "delivered"
        query = report_query({
            "id": message.id, "reference": message.reference,
            "recipient": recipient.number, "status": recipient.status,
            "statusDatetime": rfc3339(recipient.status_ms),
            "statusReason": reason, "statusErrorCode": code,
            "mccmnc": "20409", "ported": "0",
            "messagePartCount": message.parts if done else None,
            "price[amount]": "0.075" if done else None,
            "price[currency]": "EUR" if done else None})
        for attempt in range(1, RETRIES + 2):
            async with self._room:
                answer = await self.send(with_query(url, query),
                                         recipient.status)
            if not answer.worth_a_retry or attempt > RETRIES:
                return
            await asyncio.sleep(wait_s(self._knobs, attempt, answer))

    async def send(self, url: str, status: str,
                   signed: bool | str = True) -> Answer:
        """One report, once."""
        answer = await self._webhooks.send("GET", url, signed=signed)
        self._hub.wire("out", "GET /webhook-status", answer.status,
                       answer.ms, answer.error or f"report: {status}")
        return answer
