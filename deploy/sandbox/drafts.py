"""Owns what `POST /messages` may hold: reading a body and checking it.

It knows MessageBird's error codes, and nothing of HTTP's own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import gsm
from clock import parse_ms

NOT_ALLOWED = 2
MISSING = 9
INVALID = 10
NOT_FOUND = 20
BAD_REQUEST = 21
NO_BALANCE = 25
NO_SUCH_API = 98
INTERNAL = 99

MAX_RECIPIENTS = 50
MAX_REFERENCE = 128
MAX_VALIDITY_S = 7 * 24 * 3600
_PHONE = re.compile(r"\+?[1-9][0-9]{6,14}")
_DIGITS = re.compile(r"\+?[0-9]{1,17}")
_NAME = re.compile(r"[ -~]{1,11}")

Errors = list[dict[str, Any]]


class Malformed(Exception):
    """The body is not JSON or a form at all."""


def error(code: int, description: str,
          parameter: str | None = None) -> dict[str, Any]:
    """One entry of an error answer."""
    return {"code": code, "description": description, "parameter": parameter}


def _no_constant(name: str) -> None:
    raise ValueError(name)


def read_json(raw: bytes) -> dict[str, Any]:
    """A JSON object whose every text can be written again as UTF-8."""
    try:
        value = json.loads(raw, parse_constant=_no_constant)
        if b"\\ud" in raw.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as problem:
        raise Malformed("the body is not valid JSON") from problem
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object")
    return value


def read_form(raw: bytes) -> dict[str, Any]:
    """A form; the last of repeated keys wins, recipients are collected."""
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True,
                          errors="strict", max_num_fields=200)
    except ValueError as problem:
        raise Malformed("the body is not a valid form") from problem
    fields: dict[str, Any] = {}
    recipients: list[str] = []
    for key, value in pairs:
        if key in ("recipients", "recipients[]"):
            recipients += value.split(",")
        else:
            fields[key] = value
    if recipients:
        fields["recipients"] = recipients
    return fields


@dataclass
class Draft:
    """A message that passed every check."""

    originator: str = ""
    recipients: list[str] | None = None
    body: str = ""
    type: str = "sms"
    datacoding: str = "plain"
    parts: int = 1
    reference: str | None = None
    report_url: str | None = None
    validity: int | None = None
    scheduled_ms: int | None = None


def _text(value: Any) -> str | None:
    """Strings, and whole numbers as digits; None for all else."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _originator(fields: dict[str, Any], draft: Draft, errors: Errors) -> None:
    value = _text(fields.get("originator"))
    if not value:
        errors.append(error(MISSING, "originator is required", "originator"))
    elif _DIGITS.fullmatch(value):
        draft.originator = value.lstrip("+")
    elif _NAME.fullmatch(value):
        draft.originator = value
    else:
        errors.append(error(INVALID, "originator is invalid", "originator"))


def _recipients(fields: dict[str, Any], draft: Draft, errors: Errors) -> None:
    value = fields.get("recipients")
    if isinstance(value, (str, int)):
        value = str(value).split(",")
    if not isinstance(value, list) or not value:
        errors.append(error(MISSING, "no (correct) recipients found",
                            "recipients"))
        return
    numbers = [(_text(item) or "").strip() for item in value]
    if len(numbers) > MAX_RECIPIENTS:
        errors.append(error(INVALID, "too many recipients", "recipients"))
    elif not all(_PHONE.fullmatch(number) for number in numbers):
        errors.append(error(INVALID, "recipients is invalid", "recipients"))
    else:
        draft.recipients = [number.lstrip("+") for number in numbers]


def _body(fields: dict[str, Any], draft: Draft, errors: Errors) -> None:
    value = fields.get("body")
    coding = fields.get("datacoding")
    if coding in (None, ""):
        coding = "plain"
    if coding not in ("plain", "unicode", "auto"):
        errors.append(error(INVALID, "datacoding is invalid", "datacoding"))
        return
    if value is None or value == "":
        errors.append(error(MISSING, "body is required", "body"))
        return
    if not isinstance(value, str):
        errors.append(error(INVALID, "body is invalid", "body"))
        return
    if coding == "plain":
        value = gsm.replace_lacking(value)
    plain = coding == "plain" or coding == "auto" and gsm.is_gsm(value)
    if not gsm.fits(value, plain):
        errors.append(error(INVALID, "body is too long", "body"))
        return
    draft.body = value
    draft.datacoding = "plain" if plain else "unicode"
    draft.parts = gsm.parts(value, plain)


def _options(fields: dict[str, Any], draft: Draft, errors: Errors) -> None:
    kind = fields.get("type")
    if kind in ("sms", "binary", "flash"):
        draft.type = kind
    elif kind not in (None, ""):
        errors.append(error(INVALID, "type is invalid", "type"))
    if fields.get("reference") not in (None, ""):
        draft.reference = _text(fields["reference"])
        if draft.reference is None or len(draft.reference) > MAX_REFERENCE:
            errors.append(error(INVALID, "reference is invalid", "reference"))
    if fields.get("reportUrl") not in (None, ""):
        draft.report_url = _report_url(fields["reportUrl"])
        if draft.report_url is None:
            errors.append(error(INVALID, "reportUrl is invalid", "reportUrl"))
    if fields.get("validity") not in (None, ""):
        seconds = _text(fields["validity"]) or ""
        if re.fullmatch("[0-9]{1,6}", seconds) \
                and 0 < int(seconds) <= MAX_VALIDITY_S:
            draft.validity = int(seconds)
        else:
            errors.append(error(INVALID, "validity is invalid", "validity"))
    if fields.get("scheduledDatetime") not in (None, ""):
        draft.scheduled_ms = parse_ms(str(fields["scheduledDatetime"]))
        if draft.scheduled_ms is None:
            errors.append(error(INVALID, "scheduledDatetime is invalid",
                                "scheduledDatetime"))


def _report_url(value: Any) -> str | None:
    """An http(s) URL of printable ASCII, else None."""
    if not isinstance(value, str) or len(value) > 2048 \
            or not re.fullmatch("[!-~]+", value):
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname
        return value if usable and parts.port != 0 else None
    except ValueError:
        return None


def check(fields: dict[str, Any]) -> tuple[Draft, Errors]:
    """All that is wrong at once; the draft counts only without errors."""
    draft, errors = Draft(), Errors()
    for step in (_originator, _recipients, _body, _options):
        step(fields, draft, errors)
    return draft, errors
