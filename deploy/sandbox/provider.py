"""Owns MessageBird's own API: `/messages`, its answers and its errors."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Iterator
from urllib.parse import urlencode

from aiohttp import web

import drafts
from drafts import Draft, Errors, error
from faults import ANSWERS, Fault
from messages import Message
from world import Sandbox

PAGE, LARGEST_PAGE = 20, 200
FORM = "application/x-www-form-urlencoded"


def answer(status: int, body: Any,
           headers: dict[str, str] | None = None) -> web.Response:
    """JSON, as every answer of the API."""
    return web.Response(status=status, text=json.dumps(body),
                        content_type="application/json", headers=headers)


def refusal(status: int, errors: Errors,
            headers: dict[str, str] | None = None) -> web.Response:
    """MessageBird's error body."""
    return answer(status, {"errors": errors}, headers)


class Provider:
    """The handlers; their state is the sandbox's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._window = 0
        self._in_window = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/messages", self.create),
                web.get("/messages", self.list),
                web.get("/messages/{id}", self.read),
                web.delete("/messages/{id}", self.delete)]

    def _let_in(self, request: web.Request) -> bool:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        wanted = self._sandbox.settings.api_key
        return scheme.lower() == "accesskey" and bool(key.strip()) and (
            not wanted or key.strip() == wanted)

    def _too_fast(self) -> bool:
        """The account's limit, counted by the second."""
        limit = self._sandbox.knobs.posts_per_second
        if not limit:
            return False
        second = int(time.monotonic())
        if second != self._window:
            self._window, self._in_window = second, 0
        self._in_window += 1
        return self._in_window > limit

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Counts, times and shows what becomes of a POST."""
        sandbox = self._sandbox
        start = time.perf_counter()
        sandbox.in_flight += 1
        sandbox.most_in_flight = max(sandbox.most_in_flight,
                                     sandbox.in_flight)
        outcome, note = "cancelled", ""
        try:
            response, outcome, note = await self._create(request)
        finally:
            sandbox.in_flight -= 1
            sandbox.outcomes[outcome] += 1
            status = int(outcome) if outcome.isdigit() else None
            ms = (time.perf_counter() - start) * 1000
            sandbox.hub.wire("in", "POST /messages", status, ms, note)
        return response

    async def _create(self, request: web.Request
                      ) -> tuple[web.StreamResponse, str, str]:
        """The answer, what it counts as, and what the page says of it."""
        if not self._let_in(request):
            return refusal(*ANSWERS["401"]), "401", "wrong access key"
        if self._too_fast():
            return (refusal(*ANSWERS["429"], {"Retry-After": "1"}), "429",
                    "over the account's rate")
        try:
            draft, errors = drafts.check(await self._fields(request))
        except drafts.Malformed as problem:
            return (refusal(400, [error(drafts.BAD_REQUEST, str(problem))]),
                    "400", str(problem))
        if errors:
            return (refusal(422, errors), "422",
                    "; ".join(e["description"] for e in errors))
        fault = self._fault("post", draft.recipients or [])
        note = self._note(draft, fault)
        if fault is None or fault.mode == "slow":
            if fault:
                await asyncio.sleep(fault.delay_ms / 1000)
            message = self._sandbox.accept(draft)
            return answer(201, message.as_api(base(request))), "201", note
        if fault.taken:
            self._sandbox.accept(draft)
        return await self.fail(request, fault), fault.mode, note

    def _fault(self, on: str, recipients: list[str]) -> Fault | None:
        """The fault that strikes, if one does; the page counts along."""
        faults = self._sandbox.faults
        fault = faults.pick(on, recipients)
        if fault is not None:
            self._sandbox.hub.publish("faults", faults.as_list)
        return fault

    @staticmethod
    async def _fields(request: web.Request) -> dict[str, Any]:
        raw = await request.read()
        if request.content_type == FORM and not raw.startswith(b"{"):
            return drafts.read_form(raw)
        return drafts.read_json(raw)

    @staticmethod
    def _note(draft: Draft, fault: Fault | None) -> str:
        note = f"text from {shown(draft.originator)} to " + ", ".join(
            shown(number) for number in (draft.recipients or [])[:3])
        return f"{note} – fault: {fault.mode}" if fault else note

    @staticmethod
    async def fail(request: web.Request, fault: Fault) -> web.Response:
        """Carries a fault out; the connection may not live through it."""
        await asyncio.sleep(fault.delay_ms / 1000)
        if fault.mode in ANSWERS:
            after = fault.retry_after
            headers = {} if after is None else {"Retry-After": str(after)}
            return refusal(*ANSWERS[fault.mode], headers)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def list(self, request: web.Request) -> web.Response:
        """Newest first; `totalCount` counts all that match."""
        if not self._let_in(request):
            return refusal(*ANSWERS["401"])
        query = request.query
        try:
            limit = int(query.get("limit", PAGE))
            offset = int(query.get("offset", 0))
        except ValueError:
            limit = offset = -1
        if not 0 < limit <= LARGEST_PAGE or offset < 0:
            return refusal(422, [error(
                drafts.INVALID, "limit or offset is invalid", "limit")])
        if query.get("direction", "mt") not in ("mt", "mo"):
            return refusal(422, [error(
                drafts.INVALID, "direction is invalid", "direction")])
        fault = self._fault("get", [])
        if fault and fault.mode != "slow":
            return await self.fail(request, fault)
        if fault:
            await asyncio.sleep(fault.delay_ms / 1000)
        found = list(self._matching(query))
        items = found[offset:offset + limit]
        here = base(request)
        self._sandbox.hub.wire("in", "GET /messages", 200, 0,
                               f"lookup: {len(items)} of {len(found)}")
        return answer(200, {
            "offset": offset, "limit": limit, "count": len(items),
            "totalCount": len(found),
            "links": links(here, query, offset, limit, len(found)),
            "items": [message.as_api(here) for message in items]})

    def _matching(self, query: Any) -> Iterator[Message]:
        """Those that the filters let through, newest first."""
        direction = query.get("direction")
        originator = query.get("originator")
        if originator is not None and originator.lstrip("+ ").isdigit():
            originator = originator.lstrip("+ ")
        boxes = {"mt": [self._sandbox.mt], "mo": [self._sandbox.mo]}.get(
            direction, [self._sandbox.mt, self._sandbox.mo])
        found = [m for box in boxes for m in box.newest(originator)]
        if len(boxes) > 1:
            found.sort(key=lambda m: -m.order)
        recipient, status = query.get("recipient"), query.get("status")
        for message in found:
            if recipient and all(r.number != recipient.strip("+ ")
                                 for r in message.recipients):
                continue
            if status and all(r.status != status
                              for r in message.recipients):
                continue
            yield message

    def _find(self, request: web.Request) -> Message | None:
        id = request.match_info["id"]
        return self._sandbox.mt.get(id) or self._sandbox.mo.get(id)

    async def read(self, request: web.Request) -> web.Response:
        """One message."""
        if not self._let_in(request):
            return refusal(*ANSWERS["401"])
        message = self._find(request)
        if message is None:
            return not_found()
        return answer(200, message.as_api(base(request)))

    async def delete(self, request: web.Request) -> web.Response:
        """Calls a scheduled message off; a sent one cannot be."""
        if not self._let_in(request):
            return refusal(*ANSWERS["401"])
        message = self._find(request)
        if message is None:
            return not_found()
        if any(r.status != "scheduled" for r in message.recipients):
            return refusal(422, [error(drafts.INVALID,
                                       "message is not scheduled")])
        self._sandbox.mt.remove(message)
        return web.Response(status=204)


def not_found() -> web.Response:
    return refusal(404, [error(drafts.NOT_FOUND, "message not found")])


def base(request: web.Request) -> str:
    """Where the caller reached us."""
    return "http://" + request.host


def shown(number: str) -> str:
    """A number as the page shows it; a name as it is."""
    return "+" + number if number.isdigit() else number


def links(here: str, query: Any, offset: int, limit: int,
          total: int) -> dict[str, str | None]:
    """The list's neighbours, with the filters kept."""
    kept = [(k, v) for k, v in query.items() if k not in ("offset", "limit")]

    def at(place: int) -> str:
        pairs = kept + [("limit", str(limit)), ("offset", str(place))]
        return f"{here}/messages?{urlencode(pairs)}"

    last = max(total - 1, 0) // limit * limit
    return {"first": at(0),
            "previous": at(max(offset - limit, 0)) if offset else None,
            "next": at(offset + limit) if offset + limit < total else None,
            "last": at(last)}
