"""Owns what the sandbox is told: at its start (options) and later (knobs).

It never reads a socket and never guesses: what is malformed is refused with a
sentence that says what to give instead.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# option, environment variable, default, help
OPTIONS = (
    ("port", "SANDBOX_PORT", "4568",
     "port to listen on, loopback only; 0 takes any free one"),
    ("gateway", "SANDBOX_GATEWAY", "http://127.0.0.1:4567",
     "where webhooks are posted"),
    ("public-url", "PUBLIC_URL", "",
     "the URL that signatures are computed over (default: the gateway)"),
    ("signing-key", "MESSAGEBIRD_SIGNING_KEY", "",
     "signs what is posted; empty: nothing is signed"),
    ("webhook-token", "WEBHOOK_TOKEN", "",
     "posts to /webhook/TOKEN and /webhook-voice/TOKEN"),
    ("api-key", "SANDBOX_API_KEY", "",
     "the one access key that is let in; empty: any is"),
    ("report-url", "SANDBOX_REPORT_URL", "",
     "delivery reports of messages that name no reportUrl"),
)


# Of these a file may hold the value: the variable's name with _FILE behind it.
SECRETS = ("MESSAGEBIRD_SIGNING_KEY", "WEBHOOK_TOKEN")


@dataclass(frozen=True)
class Settings:
    """What holds from start to end."""

    port: int
    gateway: str
    public_url: str
    signing_key: str
    webhook_token: str
    api_key: str
    report_url: str


@dataclass
class Knobs:
    """What a test or the page may turn while it runs."""

    reports: bool = True
    report_delay_ms: int = 400
    delivery: str = "delivered"
    retries: int = 5
    retry_delay_ms: int = 1000
    webhook_timeout_ms: int = 10_000
    ring_timeout_ms: int = 30_000
    posts_per_second: int = 0


# The most each number may be; a knob that is not here has its own check.
KNOB_LIMITS = {
    "report_delay_ms": 600_000,
    "retries": 20,
    "retry_delay_ms": 60_000,
    "webhook_timeout_ms": 120_000,
    "ring_timeout_ms": 600_000,
    "posts_per_second": 1_000_000,
}
DELIVERIES = ("delivered", "delivery_failed", "expired", "none")


def knob_problem(name: str, value: Any) -> str | None:
    """Says what is wrong with a knob's new value, or nothing."""
    if name == "reports":
        return None if isinstance(value, bool) else "must be true or false"
    if name == "delivery":
        return (None if value in DELIVERIES
                else "must be one of " + ", ".join(DELIVERIES))
    if name not in KNOB_LIMITS:
        return "is not a setting"
    if isinstance(value, bool) or not isinstance(value, int):
        return "must be a whole number"
    if not 0 <= value <= KNOB_LIMITS[name]:
        return f"must be from 0 to {KNOB_LIMITS[name]}"
    return None


def _url(parser: argparse.ArgumentParser, name: str, value: str) -> str:
    """An http(s) base without its trailing slash."""
    try:
        parts = urlsplit(value)
        usable = (parts.scheme in ("http", "https") and parts.hostname
                  and parts.port != 0 and not parts.query)
    except ValueError:
        usable = False
    if not usable:
        parser.error(f"{name} must be an http:// or https:// URL")
    return value.rstrip("/")


def _from_environment(variable: str) -> str:
    """Its value, or what stands in the file that is named in its place."""
    path = os.environ.get(variable + "_FILE")
    if os.environ.get(variable) or variable not in SECRETS or not path:
        return os.environ.get(variable, "")
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def parse(argv: list[str] | None = None) -> Settings:
    """Options win over the environment; exits with 2 on a bad one."""
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="A MessageBird on loopback: takes messages, sends "
        "webhooks, plays call flows, and shows phones in the browser.",
        epilog="The control API is described in README.md beside this file.")
    for name, variable, default, text in OPTIONS:
        parser.add_argument(
            "--" + name, metavar=name.split("-")[-1].upper(),
            default=_from_environment(variable) or default,
            help=f"{text} [{variable}]")
    args = vars(parser.parse_args(argv))
    if not args["port"].isascii() or not args["port"].isdigit() \
            or int(args["port"]) > 65535:
        parser.error("--port must be a number from 0 to 65535")
    args["port"] = int(args["port"])
    args["gateway"] = _url(parser, "--gateway", args["gateway"])
    args["public_url"] = _url(parser, "--public-url",
                              args["public_url"] or args["gateway"])
    return Settings(**args)
