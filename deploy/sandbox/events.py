"""Owns what watchers see: the event stream and the log of the wire.

Nothing is encoded while nobody watches, and a slow watcher costs a bounded
queue: it is told to load everything anew.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

from aiohttp import web

from clock import now_ms

WATCHERS = 32
QUEUE = 400
WIRE_KEPT = 60
WIRE_EVERY_S = 0.1
# How soon a page that has gone is noticed.
ALIVE_EVERY_S = 5


def encode(kind: str, data: Any) -> bytes:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


class Watcher:
    """One open page and the phones on it."""

    def __init__(self, phones: frozenset[str]) -> None:
        self.phones = phones
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE)

    def put(self, event: bytes) -> None:
        """Queues an event; a full queue becomes one `resync`."""
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            event = encode("resync", {})
        self.queue.put_nowait(event)


class Hub:
    """Hands events to the watchers."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self.wire_log: deque[dict[str, Any]] = deque(maxlen=WIRE_KEPT)
        self._fresh: list[dict[str, Any]] = []
        self._skipped = 0
        self._flush: asyncio.TimerHandle | None = None

    def publish(self, kind: str, data: Any, phone: str | None = None) -> None:
        """To all, or to those who show this phone. Data that takes work to
        gather is given as a function."""
        if not self._watchers:
            return
        event = encode(kind, data() if callable(data) else data)
        for watcher in self._watchers:
            if phone is None or phone in watcher.phones:
                watcher.put(event)

    def wire(self, direction: str, request: str, status: int | None,
             ms: float, note: str) -> None:
        """Records an exchange: direction is `in` (the API was called) or
        `out` (a webhook was posted); a status of None: no answer."""
        entry = {"at": now_ms(), "direction": direction, "request": request,
                 "status": status, "ms": round(ms, 1), "note": note}
        self.wire_log.append(entry)
        if not self._watchers:
            return
        if len(self._fresh) < WIRE_KEPT:
            self._fresh.append(entry)
        else:
            self._skipped += 1
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(
                WIRE_EVERY_S, self._flush_wire)

    def _flush_wire(self) -> None:
        self._flush = None
        self.publish("wire", {"entries": self._fresh,
                              "skipped": self._skipped})
        self._fresh, self._skipped = [], 0

    def clear(self) -> None:
        """After a reset nothing old is shown."""
        self.wire_log.clear()
        self._fresh, self._skipped = [], 0
        self.publish("resync", {})

    def close(self) -> None:
        """Ends every stream, so that the process can end."""
        for watcher in self._watchers:
            if watcher.queue.full():
                watcher.queue.get_nowait()
            watcher.queue.put_nowait(None)

    async def stream(self, request: web.Request, phones: frozenset[str],
                     hello: Any) -> web.StreamResponse:
        """Serves one watcher until either side ends it."""
        if len(self._watchers) >= WATCHERS:
            raise web.HTTPServiceUnavailable(text="too many pages are open")
        response = web.StreamResponse(headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store"})
        await response.prepare(request)
        watcher = Watcher(phones)
        watcher.put(encode("hello", hello))
        self._watchers.add(watcher)
        try:
            while True:
                try:
                    event = await asyncio.wait_for(watcher.queue.get(),
                                                   ALIVE_EVERY_S)
                except asyncio.TimeoutError:
                    event = b": still here\n\n"
                if event is None:
                    break
                await response.write(event)
        except ConnectionResetError:
            pass
        finally:
            self._watchers.discard(watcher)
        return response
