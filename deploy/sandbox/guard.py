"""Owns who may talk to the sandbox, and the shape of what goes wrong.

A page from elsewhere must not drive it: neither by a request of its own
(Origin) nor by a name that it points at loopback (Host).
"""

from __future__ import annotations

from typing import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

import drafts
from clock import log
from provider import answer, refusal

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SAFE = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine."""
    try:
        return urlsplit("//" + host).hostname in LOOPBACK
    except ValueError:
        return False


def problem(request: web.Request, status: int, code: int,
            sentence: str) -> web.Response:
    """An error in the shape of the API that was asked."""
    if request.path.startswith("/sandbox"):
        return answer(status, {"error": sentence})
    return refusal(status, [drafts.error(code, sentence)])


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses strangers, and turns every failure into JSON."""
    origin = request.headers.get("Origin")
    if not is_loopback(request.headers.get("Host", "")):
        return problem(request, 403, drafts.NOT_ALLOWED,
                       "the Host header must name loopback")
    if request.method not in SAFE and origin is not None \
            and origin != "http://" + request.host:
        return problem(request, 403, drafts.NOT_ALLOWED,
                       "requests from other sites are refused")
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return problem(request, 413, drafts.BAD_REQUEST,
                       "the body is over 1 MB")
    except web.HTTPMethodNotAllowed as failure:
        response = problem(request, 405, drafts.BAD_REQUEST,
                           "the method is not allowed here")
        response.headers["Allow"] = failure.headers["Allow"]
        return response
    except web.HTTPNotFound:
        return problem(request, 404, drafts.NO_SUCH_API, "no such address")
    except web.HTTPException as failure:
        return problem(request, failure.status, drafts.BAD_REQUEST,
                       failure.text or failure.reason)
    except ConnectionResetError:
        raise
    except Exception as failure:
        log("error", "request_failed", error=type(failure).__name__)
        return problem(request, 500, drafts.INTERNAL, "internal error")


async def add_headers(request: web.Request,
                      response: web.StreamResponse) -> None:
    """On every answer."""
    response.headers.update(HEADERS)
