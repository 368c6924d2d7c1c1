"""Owns the reading of call flows, strictly: what MessageBird would not play
is an error with a sentence."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

from drafts import Malformed, read_json

Step = dict[str, Any]

# action: options it cannot do without
NEEDS = {
    "transfer": ("destination",),
    "say": ("payload", "language", "voice"),
    "play": ("media",),
    "pause": ("length",),
    "record": (),
    "fetchCallFlow": ("url",),
    "sendKeys": ("keys",),
    "hangup": (),
}
_XML_NAMES = {name[0].upper() + name[1:]: name for name in NEEDS}
MAX_STEPS = 50
# After these nothing of the flow is played.
LAST = ("transfer", "hangup", "fetchCallFlow")


class BadFlow(Exception):
    """The flow cannot be played; the text says why."""


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise BadFlow("mask must be true or false")


def _checked(action: Any, options: dict[str, Any]) -> Step:
    """A step with all it needs; numbers are digits without a plus."""
    if not isinstance(action, str) or action not in NEEDS:
        raise BadFlow("the flow has an unknown action")
    for name in NEEDS[action]:
        if options.get(name) in (None, ""):
            raise BadFlow(f"{action} lacks its {name}")
    if action == "say" and options["voice"] not in ("male", "female"):
        raise BadFlow("the voice must be male or female")
    if action == "say" and not isinstance(options["payload"], str):
        raise BadFlow("the payload of say must be a text")
    if action == "transfer":
        number = str(options["destination"])
        if not re.fullmatch(r"\+?[1-9][0-9]{6,14}", number):
            raise BadFlow("the destination of transfer is not a phone number")
        options["destination"] = number.lstrip("+")
        options["mask"] = _flag(options.get("mask", False))
    return {"action": action, "options": options}


def _from_xml(body: str) -> list[Step]:
    """One step, as the root. Entities of its own are refused unread."""
    if "<!" in body:
        raise BadFlow("the XML holds a declaration that no flow needs")
    try:
        root = ElementTree.fromstring(body.encode())
    except (ElementTree.ParseError, ValueError) as problem:
        raise BadFlow("the body is not well-formed XML") from problem
    if root.tag not in _XML_NAMES:
        raise BadFlow("the XML root is not a known step")
    if len(root):
        raise BadFlow("an XML flow holds one step, as its root")
    options: dict[str, Any] = dict(root.attrib)
    action = _XML_NAMES[root.tag]
    if action == "say":
        options["payload"] = (root.text or "").strip()
    return [_checked(action, options)]


def _from_json(body: str) -> list[Step]:
    try:
        steps = read_json(body.encode()).get("steps")
    except Malformed as problem:
        raise BadFlow(str(problem)) from problem
    if not isinstance(steps, list) or not 0 < len(steps) <= MAX_STEPS:
        raise BadFlow("the flow has no steps, or too many")
    checked = []
    for step in steps:
        if not isinstance(step, dict):
            raise BadFlow("a step is not an object")
        options = step.get("options", {})
        if not isinstance(options, dict):
            raise BadFlow("the options of a step are not an object")
        checked.append(_checked(step.get("action"), dict(options)))
    return checked


def read(content_type: str, body: str) -> list[Step]:
    """The steps, none of them beyond the one that ends the flow."""
    kind = content_type.split(";")[0].strip().lower()
    if kind == "application/xml":
        steps = _from_xml(body)
    elif kind == "application/json":
        steps = _from_json(body)
    else:
        raise BadFlow("the Content-Type must be application/xml or "
                      "application/json")
    for place, step in enumerate(steps):
        if step["action"] in LAST:
            return steps[:place + 1]
    return steps
