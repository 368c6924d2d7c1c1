"""Owns what happens later: bounded background tasks and timers."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Coroutine, TypeVar

from clock import log

LIMIT = 20_000
T = TypeVar("T")


class Jobs:
    """Everything started here ends with `cancel_all`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T] | None:
        """Runs it beside all else; None, and not run, past the limit."""
        if len(self._tasks) >= LIMIT:
            work.close()
            log("warn", "job_refused", limit=LIMIT)
            return None
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log("error", "job_failed", error=type(task.exception()).__name__)

    def later(self, ms: float, act: Callable[..., None], *args: Any) -> None:
        """Calls `act` after a while."""
        async def wait() -> None:
            await asyncio.sleep(ms / 1000)
            act(*args)
        self.spawn(wait())

    def cancel_all(self) -> None:
        """Nothing planned happens any more."""
        for task in tuple(self._tasks):
            task.cancel()
