"""Owns the way to the gateway: signs a request, sends it, times it.

It is the only module that opens connections, and it opens them only to the
gateway or to loopback.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

import signing
from clock import log
from settings import Knobs, Settings

ANSWER_LIMIT = 64 * 1024
CONNECTIONS = 128
LOOPBACK = ("127.0.0.1", "localhost", "::1")
WRONG_KEY = "not the key"


@dataclass
class Answer:
    """What came back; a status of None means that nothing did."""

    status: int | None
    ms: float
    body: str = ""
    content_type: str = ""
    retry_after: float | None = None
    error: str | None = None

    @property
    def worth_a_retry(self) -> bool:
        """Nothing came back, 429, or a fault of the other side."""
        return (self.status is None or self.status == 429
                or self.status >= 500)


def _seconds(value: str | None) -> float | None:
    """Retry-After in its form of whole seconds."""
    if value and value.isascii() and value.isdigit():
        return float(value[:6])
    return None


class Webhooks:
    """Posts to the gateway as MessageBird would."""

    def __init__(self, settings: Settings, knobs: Knobs) -> None:
        self._settings = settings
        self._knobs = knobs
        self._session: aiohttp.ClientSession | None = None

    def path(self, name: str) -> str:
        """`/webhook` or `/webhook-voice`, with the token when one is set."""
        token = self._settings.webhook_token
        return f"/{name}/{quote(token, safe='')}" if token else f"/{name}"

    def public(self, path: str) -> str:
        """The URL as the account knows it: that is what gets signed."""
        return self._settings.public_url + path

    def route(self, url: str) -> str | None:
        """Where a public URL is really reached; None: it would leave this
        machine, and the sandbox's traffic never does."""
        base = self._settings.public_url
        if url.startswith(base) and url[len(base):][:1] in ("", "/", "?"):
            return self._settings.gateway + url[len(base):]
        return url if urlsplit(url).hostname in LOOPBACK else None

    async def send(self, method: str, url: str, body: bytes = b"",
                   content_type: str = "", signed: bool | str = True
                   ) -> Answer:
        """One attempt at a public URL; never raises for the other side."""
        target = self.route(url)
        if target is None:
            return Answer(None, 0, error="not sent: it is neither the "
                          "gateway nor on loopback")
        headers = {"User-Agent": "BirdCar-sandbox", "Accept": "*/*"}
        if content_type:
            headers["Content-Type"] = content_type
        key = self._settings.signing_key
        if key and signed:
            headers[signing.HEADER_NAME] = signing.sign(
                WRONG_KEY if signed == "wrong" else key, url, body)
        start = time.perf_counter()
        answer = await self._attempt(method, target, body, headers)
        answer.ms = (time.perf_counter() - start) * 1000
        return answer

    async def _attempt(self, method: str, target: str, body: bytes,
                       headers: dict[str, str]) -> Answer:
        """A kept-alive connection that had ended is tried anew for a GET, as
        every HTTP client does."""
        for last in (method != "GET", True):
            try:
                return await self._exchange(method, target, body, headers)
            except asyncio.TimeoutError:
                return Answer(None, 0, error="no answer in time")
            except (aiohttp.ServerDisconnectedError,
                    ConnectionResetError) as problem:
                if last:
                    return self._failed(problem, "the connection was cut")
            except aiohttp.ClientConnectorError as problem:
                return self._failed(problem, "the gateway is not reachable")
            except (aiohttp.ClientError, OSError, ValueError) as problem:
                return self._failed(problem, "the exchange failed")
        raise AssertionError("the last attempt returns")

    @staticmethod
    def _failed(problem: Exception, sentence: str) -> Answer:
        log("warn", "webhook_failed", error=type(problem).__name__)
        return Answer(None, 0, error=sentence)

    async def _exchange(self, method: str, target: str, body: bytes,
                        headers: dict[str, str]) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(), trust_env=False,
                auto_decompress=False)
        timeout = aiohttp.ClientTimeout(
            total=max(self._knobs.webhook_timeout_ms, 1) / 1000)
        async with self._session.request(
                method, URL(target, encoded=True), data=body or None,
                headers=headers, timeout=timeout,
                allow_redirects=False) as response:
            raw = await response.content.read(ANSWER_LIMIT)
            while len(raw) < ANSWER_LIMIT:
                more = await response.content.read(ANSWER_LIMIT - len(raw))
                if not more:
                    break
                raw += more
            return Answer(
                response.status, 0, raw.decode(errors="replace"),
                response.headers.get("Content-Type", ""),
                _seconds(response.headers.get("Retry-After")))

    async def close(self) -> None:
        """Closes what is open."""
        if self._session is not None:
            await self._session.close()
