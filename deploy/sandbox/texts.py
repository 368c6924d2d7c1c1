"""Owns texts from phones: the webhook's three shapes, and its repeats."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import gsm
from clock import now_ms, parse_ms, rfc3339
from events import Hub
from jobs import Jobs
from messages import Box, Message
from phones import Item, Phones
from reports import wait_s
from settings import Knobs
from webhooks import Answer, Webhooks

FORMATS = ("form", "json", "query")
# `date` is the account's local time. Eight hours, as in MessageBird's own
# example, shows at once who takes it for UTC.
LOCAL_MS = 8 * 3600 * 1000
# A test may send far more than any phone can; this much is remembered.
KEPT_LETTERS = 2_000


def new_id() -> str:
    """32 hex digits, as MessageBird's ids are."""
    return uuid.uuid4().hex


@dataclass
class Text:
    """A text on its way from a phone to a proxy number."""

    sender: str
    to: str
    text: str
    message_id: str = field(default_factory=new_id)
    id: str = field(default_factory=new_id)
    created: str = field(default_factory=lambda: rfc3339(now_ms()))
    format: str = "form"
    signed: bool | str = True
    extra: list[tuple[str, str]] = field(default_factory=list)

    def pairs(self) -> list[tuple[str, str]]:
        """The webhook's fields in MessageBird's order; without a creation
        time there is no date either."""
        dates: list[tuple[str, str]] = []
        if self.created:
            dates.append(("createdDatetime", self.created))
            ms = parse_ms(self.created)
            if ms is not None:
                dates.append(("date", str((ms + LOCAL_MS) // 1000)))
                dates.append(("date_utc", str(ms // 1000)))
        return [
            ("message_id", self.message_id), ("id", self.id),
            ("originator", self.sender), ("sender", self.sender),
            ("recipient", self.to), ("receiver", self.to),
            ("payload", self.text), ("body", self.text),
            ("message", self.text), ("reference", "47749346971"),
            *dates, ("mms", "false"), *self.extra]

    def request(self, path: str) -> tuple[str, str, bytes, str]:
        """Method, path with its query, body, content type."""
        pairs = self.pairs()
        if self.format == "json":
            body = json.dumps(dict(pairs), ensure_ascii=False).encode()
            return "POST", path, body, "application/json"
        if self.format == "query":
            return "GET", f"{path}?{urlencode(pairs)}", b"", ""
        return ("POST", path, urlencode(pairs).encode(),
                "application/x-www-form-urlencoded")


@dataclass
class Outcome:
    """What the webhook answered, and whether it will be asked again."""

    answer: Answer
    attempts: int
    retrying: bool


class Texts:
    """Delivers texts to the webhook."""

    def __init__(self, knobs: Knobs, hub: Hub, phones: Phones, box: Box,
                 webhooks: Webhooks, jobs: Jobs) -> None:
        self._knobs = knobs
        self._hub = hub
        self._phones = phones
        self._box = box
        self._webhooks = webhooks
        self._jobs = jobs

    async def deliver(self, text: Text, retries: int, wait: bool) -> Outcome:
        """Answers after the first attempt and repeats in the background, or
        waits for the last."""
        kept = text.text[:KEPT_LETTERS]
        plain = gsm.is_gsm(kept)
        self._box.add(Message(
            text.message_id, text.sender, [text.to], kept, now_ms(),
            direction="mo", datacoding="plain" if plain else "unicode",
            parts=gsm.parts(kept, plain)))
        bubble = self._phones.text(text.sender, "out", text.to, kept,
                                   "sending")
        answer = await self._attempt(text, bubble, retries > 0)
        if not answer.worth_a_retry or retries == 0:
            return Outcome(answer, 1, False)
        again = self._jobs.spawn(self._repeat(text, bubble, answer, retries))
        if again is None or not wait:
            return Outcome(answer, 1, again is not None)
        return await again

    async def _repeat(self, text: Text, bubble: Item, answer: Answer,
                      retries: int) -> Outcome:
        """The same ids each time, a fresh signature each time."""
        attempt = 1
        while answer.worth_a_retry and attempt <= retries:
            await asyncio.sleep(wait_s(self._knobs, attempt, answer))
            attempt += 1
            answer = await self._attempt(text, bubble, attempt <= retries)
        return Outcome(answer, attempt, False)

    async def _attempt(self, text: Text, bubble: Item, more: bool) -> Answer:
        method, path, body, kind = text.request(self._webhooks.path("webhook"))
        answer = await self._webhooks.send(
            method, self._webhooks.public(path), body, kind, text.signed)
        note = f"text from +{text.sender} to +{text.to}"
        if answer.error:
            note += f": {answer.error}"
        self._hub.wire("out", f"{method} /webhook", answer.status, answer.ms,
                       note)
        self._phones.update(text.sender, bubble, self._state(answer, more))
        return answer

    @staticmethod
    def _state(answer: Answer, more: bool) -> str:
        if answer.status is not None and 200 <= answer.status < 300:
            return "accepted"
        return "retrying" if answer.worth_a_retry and more else "refused"


def as_answer(text: Text, outcome: Outcome) -> dict[str, Any]:
    """For the control API."""
    answer = outcome.answer
    return {"status": answer.status, "body": answer.body,
            "content_type": answer.content_type, "ms": round(answer.ms, 2),
            "error": answer.error, "message_id": text.message_id,
            "id": text.id, "attempts": outcome.attempts,
            "retrying": outcome.retrying}
