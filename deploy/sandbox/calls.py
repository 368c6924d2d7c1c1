"""Owns calls: fetches the flow, plays it, rings the other phone.

What a phone is shown never holds a number that it would not see in life,
unless the flow itself gives it away: then the call is marked as a leak.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from typing import Any
from urllib.parse import urlencode

import callflow
from clock import now_ms
from events import Hub
from jobs import Jobs
from phones import Phones
from settings import Knobs
from webhooks import Answer, Webhooks

KEPT = 1_000
HIDDEN = "Restricted"
HOPS = 3
# How long a spoken text keeps the line open.
SPEECH_MS, SPEECH_MS_A_LETTER = 1_500, 60


class Call:
    """A call from a phone to a proxy number, and the leg it may lead to."""

    def __init__(self, caller: str, proxy: str, source: str) -> None:
        self.id = str(uuid.uuid4())
        self.caller = caller
        self.proxy = proxy
        self.source = source
        self.started_ms = now_ms()
        self.state = "starting"
        self.reason: str | None = None
        self.error: str | None = None
        self.played: list[callflow.Step] = []
        self.rings: dict[str, Any] | None = None

    @property
    def said(self) -> list[str]:
        """What the caller hears, as text."""
        return [step["options"]["payload"] for step in self.played
                if step["action"] == "say"]

    def as_dict(self) -> dict[str, Any]:
        """For the control API."""
        return {"id": self.id, "from": self.source, "to": self.proxy,
                "state": self.state, "reason": self.reason,
                "error": self.error, "played": self.played,
                "rings": self.rings}

    def views(self) -> list[tuple[str, dict[str, Any]]]:
        """Each phone that takes part, and the call as it sees it."""
        common: dict[str, Any] = {
            "id": self.id, "state": self.state, "reason": self.reason,
            "at": self.started_ms}
        views = []
        if self.caller:
            views.append((self.caller, {
                **common, "direction": "out", "with": self.proxy,
                "said": self.said, "error": self.error, "leak": False}))
        if self.rings:
            views.append((self.rings["phone"], {
                **common, "direction": "in", "with": self.rings["shows"],
                "said": [], "error": None, "leak": self.rings["leak"]}))
        return views


class Calls:
    """The last calls, and what may be done to them."""

    def __init__(self, knobs: Knobs, hub: Hub, phones: Phones,
                 webhooks: Webhooks, jobs: Jobs) -> None:
        self._knobs = knobs
        self._hub = hub
        self._phones = phones
        self._webhooks = webhooks
        self._jobs = jobs
        self._calls: OrderedDict[str, Call] = OrderedDict()

    def get(self, id: str) -> Call | None:
        return self._calls.get(id)

    def clear(self) -> None:
        """No call was ever made."""
        self._calls.clear()

    async def dial(self, caller: str, proxy: str, source: str,
                   signed: bool | str) -> tuple[Call, Answer]:
        """Places a call; `caller` is the phone, or empty, and `source` what
        the webhook is told."""
        call = Call(caller, proxy, source)
        self._calls[call.id] = call
        if len(self._calls) > KEPT:
            self._calls.popitem(last=False)
        self._show(call)
        query = urlencode({
            "callID": call.id, "destination": proxy,
            "numberID": str(uuid.uuid5(uuid.NAMESPACE_URL, "tel:" + proxy)),
            "source": source, "variables": "{}"})
        path = self._webhooks.path("webhook-voice")
        url = f"{self._webhooks.public(path)}?{query}"
        answer = await self._fetch(call, url, query, signed)
        if call.state == "starting":
            self._play(call)
        self._show(call)
        return call, answer

    async def _fetch(self, call: Call, url: str, query: str,
                     signed: bool | str) -> Answer:
        """Collects the steps, through other flows where one leads there."""
        for hop in range(HOPS):
            answer = await self._webhooks.send("GET", url, signed=signed)
            step = self._collect(call, answer)
            self._tell(call, answer)
            if step is None or hop == HOPS - 1:
                return answer
            target = str(step["options"]["url"])
            url = target + ("&" if "?" in target else "?") + query
        return answer

    @staticmethod
    def _collect(call: Call, answer: Answer) -> callflow.Step | None:
        """Keeps what can be played; returns the step that leads on."""
        if answer.status is None:
            call.error = answer.error
            return None
        if answer.status != 200:
            call.error = f"the webhook answered {answer.status}, not 200"
            return None
        try:
            call.played += callflow.read(answer.content_type, answer.body)
        except callflow.BadFlow as problem:
            call.error = str(problem)
            return None
        last = call.played[-1]
        return last if last["action"] == "fetchCallFlow" else None

    def _tell(self, call: Call, answer: Answer) -> None:
        names = {"transfer": "transfer, not masked"}
        last = call.played[-1] if call.played else None
        if last and last["options"].get("mask"):
            names["transfer"] = "transfer, masked"
        flow = " → ".join(names.get(step["action"], step["action"])
                          for step in call.played)
        who = "a hidden number" if call.source == HIDDEN else "+" + call.source
        self._hub.wire(
            "out", "GET /webhook-voice", answer.status, answer.ms,
            f"call from {who} to +{call.proxy}: {call.error or flow}")

    def _play(self, call: Call) -> None:
        """Speech first; a transfer rings at once, so that tests need not
        listen to it."""
        last = call.played[-1] if call.played else None
        if call.error or last is None:
            self._end(call, "failed")
            return
        if last["action"] == "transfer":
            masked = last["options"]["mask"]
            shows = call.proxy if masked else call.source
            call.rings = {"phone": last["options"]["destination"],
                          "shows": shows,
                          "leak": not masked and call.source != HIDDEN}
            call.state = "ringing"
            self._jobs.later(self._knobs.ring_timeout_ms, self._unanswered,
                             call)
            return
        letters = sum(len(text) for text in call.said)
        if letters:
            call.state = "speaking"
            self._jobs.later(SPEECH_MS + SPEECH_MS_A_LETTER * letters,
                             self._spoken, call)
            return
        self._end(call, "hangup")

    def _spoken(self, call: Call) -> None:
        if call.state == "speaking":
            self.hangup(call)

    def _unanswered(self, call: Call) -> None:
        if call.state == "ringing":
            self._end(call, "no_answer")
            self._show(call)

    def answer(self, call: Call) -> bool:
        """The other phone takes it; False when it does not ring."""
        if call.state != "ringing":
            return False
        call.state = "ongoing"
        self._show(call)
        return True

    def hangup(self, call: Call) -> bool:
        """Either side ends it; False when it has ended already."""
        if call.state == "ended":
            return False
        self._end(call, "hangup")
        self._show(call)
        return True

    @staticmethod
    def _end(call: Call, reason: str) -> None:
        call.state, call.reason = "ended", reason

    def _show(self, call: Call) -> None:
        for number, view in call.views():
            self._phones.call(number, view)
