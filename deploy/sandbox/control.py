"""Owns the control API: how tests, scripts and the page drive the sandbox.

README.md beside this file describes each request.
"""

from __future__ import annotations

import random
from dataclasses import asdict
from typing import Any, Awaitable, Callable

from aiohttp import web

from calls import HIDDEN
from clock import now_ms, rfc3339
from faults import MAX_DELAY_MS, MODES, TARGETS, Fault
from fields import BadField, Fields
from messages import KEPT
from provider import answer
from reports import report_query, with_query
from settings import knob_problem
from texts import FORMATS, Text, as_answer, new_id
from world import Sandbox

SIGNED = (True, False, "wrong")
LONGEST_WAIT_MS = 30_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def tolerant(handler: Handler) -> Handler:
    """Turns a wrong field into a 400 with a sentence."""
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except BadField as problem:
            return answer(400, {"error": str(problem)})
    return handle


def query_number(request: web.Request, name: str, default: int,
                 most: int) -> int:
    """A whole number of the query, from 0 to `most`."""
    value = request.query.get(name, str(default))
    if not value.isascii() or not value.isdigit() or int(value[:18]) > most:
        raise BadField(f"{name} must be a number from 0 to {most}")
    return int(value)


def modes_listed() -> list[dict[str, str]]:
    """In the order in which they are best read."""
    return [{"mode": mode, "says": says}
            for mode, (says, _, _) in MODES.items()]


class Control:
    """The handlers; their state is the sandbox's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        posts = {
            "texts": self.text, "calls": self.call,
            "calls/{id}/{act:answer|hangup}": self.act,
            "faults": self.fault, "reports": self.report,
            "settings": self.turn, "reset": self.reset}
        gets = {
            "phones": self.phones, "phones/{number}": self.phone,
            "calls/{id}": self.read_call, "messages": self.messages,
            "requests": self.requests, "faults": self.faults,
            "settings": self.knobs, "events": self.events}
        return ([web.post("/sandbox/" + path, tolerant(handler))
                 for path, handler in posts.items()]
                + [web.get("/sandbox/" + path, tolerant(handler))
                   for path, handler in gets.items()])

    async def text(self, request: web.Request) -> web.Response:
        """A phone sends a text."""
        fields = await Fields.read(request)
        text = Text(sender=fields.phone("from"), to=fields.phone("to"),
                    text=fields.text("text"))
        text.message_id = fields.text("message_id", None) or text.message_id
        text.id = fields.text("id", None) or text.id
        text.created = fields.text("created", text.created)
        text.format = fields.choice("format", FORMATS, "form")
        text.signed = fields.choice("signed", SIGNED, True)
        text.extra = fields.pairs("extra")
        retries = fields.number("retries", self._sandbox.knobs.retries, 20)
        wait = fields.flag("wait", False)
        fields.done()
        outcome = await self._sandbox.texts.deliver(text, retries, wait)
        return answer(200, as_answer(text, outcome))

    async def call(self, request: web.Request) -> web.Response:
        """A phone calls; the answer comes when the flow is known."""
        fields = await Fields.read(request)
        caller = fields.phone("from")
        proxy = fields.phone("to")
        hidden = fields.flag("hidden", False) or caller in ("", HIDDEN)
        source = fields.text("source", HIDDEN if hidden else caller)
        signed = fields.choice("signed", SIGNED, True)
        fields.done()
        if caller == HIDDEN:
            caller = ""
        call, got = await self._sandbox.calls.dial(caller, proxy, source,
                                                   signed)
        return answer(200, {
            **call.as_dict(), "status": got.status, "body": got.body,
            "content_type": got.content_type, "ms": round(got.ms, 2)})

    async def act(self, request: web.Request) -> web.Response:
        """Answers a call, or ends it."""
        call = self._sandbox.calls.get(request.match_info["id"])
        if call is None:
            return answer(404, {"error": "no such call"})
        act = request.match_info["act"]
        done = (self._sandbox.calls.answer(call) if act == "answer"
                else self._sandbox.calls.hangup(call))
        if not done:
            return answer(409, {"error": f"the call is {call.state}"})
        return answer(200, call.as_dict())

    async def read_call(self, request: web.Request) -> web.Response:
        """One call."""
        call = self._sandbox.calls.get(request.match_info["id"])
        if call is None:
            return answer(404, {"error": "no such call"})
        return answer(200, call.as_dict())

    async def phones(self, request: web.Request) -> web.Response:
        """The phones seen last."""
        return answer(200, {"recent": self._sandbox.phones.recent()})

    async def phone(self, request: web.Request) -> web.Response:
        """All that is on one phone."""
        number = request.match_info["number"].lstrip("+ ")
        return answer(200, self._sandbox.phones.view(number))

    async def messages(self, request: web.Request) -> web.Response:
        """What POST /messages took, in that order."""
        found = await self._sandbox.accepted_since(
            query_number(request, "since", 0, 10 ** 15),
            query_number(request, "limit", KEPT, KEPT),
            query_number(request, "wait_ms", 0, LONGEST_WAIT_MS))
        return answer(200, {
            "last": self._sandbox.mt.last_seq,
            "messages": [{
                "seq": m.seq, "id": m.id, "originator": m.originator,
                "recipients": [r.number for r in m.recipients],
                "body": m.body, "reference": m.reference,
                "datacoding": m.datacoding, "report_url": m.report_url,
                "status": [r.status for r in m.recipients],
                "createdDatetime": rfc3339(m.created_ms),
                "accepted_ms": m.created_ms} for m in found]})

    async def requests(self, request: web.Request) -> web.Response:
        """Counts of POST /messages."""
        return answer(200, self._sandbox.requests())

    async def fault(self, request: web.Request) -> web.Response:
        """Switches a fault on or off."""
        fields = await Fields.read(request)
        mode = fields.choice("mode", tuple(MODES))
        fault = Fault(
            mode, on=fields.choice("on", TARGETS, "post"),
            recipient=fields.phone("recipient", None),
            left=fields.number("count", None, 10 ** 9),
            probability=fields.number("probability", 1.0, 1.0, float),
            delay_ms=fields.number("delay_ms", MODES[mode][1], MAX_DELAY_MS),
            retry_after=fields.number("retry_after", None, 86_400))
        seed = fields.number("seed", None, 2 ** 53)
        if seed is not None:
            fault.dice = random.Random(seed)
        fields.done()
        if fault.left == 0:
            raise BadField("count must be at least 1")
        if not self._sandbox.faults.put(fault):
            raise BadField("too many recipients have a fault of their own")
        now = {"faults": self._sandbox.faults.as_list()}
        self._sandbox.hub.publish("faults", now["faults"])
        return answer(200, now)

    async def faults(self, request: web.Request) -> web.Response:
        """Those that are on, and what there is to choose from."""
        return answer(200, {
            "faults": self._sandbox.faults.as_list(),
            "modes": modes_listed()})

    async def report(self, request: web.Request) -> web.Response:
        """Sends a delivery report by hand, for a known message or not."""
        fields = await Fields.read(request)
        reference = fields.text("reference")
        message = self._sandbox.mt.by_reference(reference)
        known = self._sandbox.reports.url_of(message) if message else None
        url = fields.text("report_url",
                          known or self._sandbox.settings.report_url)
        number = message.recipients[0].number if message else None
        query = report_query({
            "id": fields.text("id", message.id if message else new_id()),
            "reference": reference,
            "recipient": fields.phone("recipient", number),
            "status": fields.text("status"),
            "statusDatetime": fields.text("statusDatetime",
                                          rfc3339(now_ms())),
            "statusReason": fields.text("statusReason", None),
            "statusErrorCode": fields.text("statusErrorCode", None),
            "mccmnc": "20409", "ported": "0"})
        signed = fields.choice("signed", SIGNED, True)
        fields.done()
        if not url.startswith(("http://", "https://")):
            raise BadField("report_url is required: the message is unknown, "
                           "or named none")
        got = await self._sandbox.reports.send(with_query(url, query),
                                               "by hand", signed)
        return answer(200, {"status": got.status, "body": got.body,
                            "error": got.error, "ms": round(got.ms, 2)})

    async def turn(self, request: web.Request) -> web.Response:
        """Changes settings; all or none of those given."""
        values = (await Fields.read(request)).rest()
        for name, value in values.items():
            wrong = knob_problem(name, value)
            if wrong:
                raise BadField(f"{name} {wrong}")
        for name, value in values.items():
            setattr(self._sandbox.knobs, name, value)
        return await self.knobs(request)

    async def knobs(self, request: web.Request) -> web.Response:
        """The settings as they are."""
        return answer(200, asdict(self._sandbox.knobs))

    async def reset(self, request: web.Request) -> web.Response:
        """As at the start."""
        self._sandbox.reset()
        return answer(200, {"reset": True})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """The page's stream; `phones` names those it shows."""
        numbers = [number.strip("+ ") for number
                   in request.query.get("phones", "").split(",")][:20]
        return await self._sandbox.hub.stream(
            request, frozenset(numbers), self._hello())

    def _hello(self) -> dict[str, Any]:
        return {"gateway": self._sandbox.settings.public_url,
                "signed": bool(self._sandbox.settings.signing_key),
                "recent": self._sandbox.phones.recent(),
                "faults": self._sandbox.faults.as_list(),
                "modes": modes_listed(),
                "wire": list(self._sandbox.hub.wire_log)}
