#!/usr/bin/python3
"""Starts the sandbox: a MessageBird on loopback, for trying things on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from aiohttp import web

from clock import log
from control import Control
from guard import add_headers, guard
from provider import Provider
from settings import Settings, parse
from world import Sandbox

BODY_LIMIT = 1024 * 1024
FIRST_FD = 3
BACKLOG = 1024
# How long an answer under way may take once we are told to end.
LAST_ANSWERS_S = 0.5
PAGE = Path(__file__).resolve().parent / "page"
FILES = {"/": ("index.html", "text/html"),
         "/style.css": ("style.css", "text/css"),
         "/app.js": ("app.js", "text/javascript"),
         "/api.js": ("api.js", "text/javascript"),
         "/phone.js": ("phone.js", "text/javascript"),
         "/icon.svg": ("icon.svg", "image/svg+xml")}


async def page(request: web.Request) -> web.Response:
    """The page and what it is made of; read anew, so an edit shows."""
    name, kind = FILES[request.path]
    return web.Response(text=(PAGE / name).read_text("utf-8"),
                        content_type=kind, charset="utf-8",
                        headers={"Cache-Control": "no-cache"})


def listening_socket(settings: Settings) -> socket.socket:
    """The one handed over by whoever started us, else a new one."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) \
            and os.environ.get("LISTEN_FDS", "0") != "0":
        return socket.socket(fileno=FIRST_FD)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", settings.port))
    except OSError as problem:
        sys.exit(f"main.py: port {settings.port} cannot be used "
                 f"({problem.strerror}); choose another with --port")
    listener.listen(BACKLOG)
    return listener


def application(sandbox: Sandbox) -> web.Application:
    """Routes, and what ends with them."""
    app = web.Application(middlewares=[guard], client_max_size=BODY_LIMIT)
    app.add_routes(Provider(sandbox).routes())
    app.add_routes(Control(sandbox).routes())
    app.add_routes([web.get(path, page) for path in FILES])
    app.on_response_prepare.append(add_headers)

    async def end_streams(_: web.Application) -> None:
        sandbox.hub.close()

    async def close(_: web.Application) -> None:
        await sandbox.close()

    app.on_shutdown.append(end_streams)
    app.on_cleanup.append(close)
    return app


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    listener = listening_socket(settings)
    port = listener.getsockname()[1]
    runner = web.AppRunner(application(Sandbox(settings)), access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=BACKLOG,
                       shutdown_timeout=LAST_ANSWERS_S).start()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    log("info", "sandbox_ready", port=port, page=f"http://127.0.0.1:{port}/",
        gateway=settings.gateway, signed=bool(settings.signing_key))
    await told.wait()
    await runner.cleanup()
    log("info", "sandbox_ended")


if __name__ == "__main__":
    asyncio.run(serve(parse()))
